//! Answers by call back.

use super::*;

properties! {
    async fn an_answer_ends_the_wait_and_comes_with_the_message(s) {
        s.accept("lane", "m").await;
        s.accept("lane", "behind").await;
        let taken = s.take_one().await;
        assert_eq!(s.queue.await_answer(&taken.lease, MINUTE).await.expect("await"), Settled::AsAsked);
        let view = s.lane("lane").await.expect("there");
        assert_eq!(view.state, LaneState::Awaiting { until_us: START_US + 60_000_000 });
        s.assert_nothing_to_take().await;
        s.assert_invariant().await;
        assert_eq!(s.answer("lane", "m", "42").await, CallBackResult::First);
        let again = s.take_one().await;
        assert_eq!((again.lease.id.as_str(), again.answer.as_deref()), ("m", Some(b"42".as_slice())));
        assert!(!again.timed_out);
        s.queue.complete(&again.lease).await.expect("complete");
        let behind = s.take_one().await;
        assert_eq!((behind.lease.id.as_str(), behind.answer), ("behind", None));
    }

    async fn an_answer_may_come_before_the_wait_for_it(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        assert_eq!(s.answer("lane", "m", "42").await, CallBackResult::First);
        assert_eq!(s.queue.await_answer(&taken.lease, MINUTE).await.expect("await"), Settled::ComesAgain);
        assert_eq!(s.take_one().await.answer.as_deref(), Some(b"42".as_slice()));
    }

    async fn an_answer_ends_the_delay_after_a_failed_attempt(s) {
        s.accept("before", "before").await;
        s.accept("after", "after").await;
        let taken = s.take(2).await;
        s.queue.retry(&taken[0].lease, MINUTE, "timeout").await.expect("retry");
        assert_eq!(s.answer("before", "before", "late, but here").await, CallBackResult::First);
        assert_eq!(s.answer("after", "after", "sooner").await, CallBackResult::First);
        s.queue.retry(&taken[1].lease, MINUTE, "timeout").await.expect("retry");
        let again = s.take(9).await;
        assert_eq!(ids(&again), ["before", "after"]);
        assert!(again.iter().all(|message| message.answer.is_some() && message.failures == 1));
    }

    async fn an_answer_survives_a_lost_lease(s) {
        s.accept("lane", "m").await;
        s.take_one().await;
        assert_eq!(s.answer("lane", "m", "42").await, CallBackResult::First);
        s.pass(LEASE + SECOND).await;
        assert_eq!(s.take_one().await.answer.as_deref(), Some(b"42".as_slice()));
    }

    async fn the_first_answer_wins(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        assert_eq!(s.answer("lane", "m", "first").await, CallBackResult::First);
        assert_eq!(s.answer("lane", "m", "second").await, CallBackResult::Already);
        s.queue.release(&taken.lease).await.expect("release");
        s.clock.advance(DEDUP_WINDOW + SECOND);
        assert_eq!(s.answer("lane", "m", "late").await, CallBackResult::Already, "however long the message is there");
        let taken = s.take_one().await;
        assert_eq!(taken.answer.as_deref(), Some(b"first".as_slice()));
        s.queue.complete(&taken.lease).await.expect("complete");
        s.accept("lane", "other").await;
        let other = s.take_one().await;
        assert_eq!(s.answer("lane", "other", "first").await, CallBackResult::First);
        s.queue.release(&other.lease).await.expect("release");
        s.queue.complete(&s.take_one().await.lease).await.expect("complete");
        assert_eq!(s.answer("lane", "other", "third").await, CallBackResult::Already, "it is known that it had one");
    }

    async fn an_answer_to_what_has_its_replies_is_one_too_many(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        let progress = Progress { replies: Some("r".into()), sent: 0, sending: Some(0) };
        s.queue.record(&taken.lease, progress, None).await.expect("record");
        assert_eq!(s.answer("lane", "m", "42").await, CallBackResult::Already);
    }

    async fn an_answer_that_nobody_has_heard_is_neither_buried_nor_completed_away(s) {
        let ends = ["complete", "bury", "hold", "record"];
        for name in ends {
            s.accept(name, name).await;
            s.accept(name, &format!("behind {name}")).await;
        }
        let taken = s.take(9).await;
        assert_eq!(ids(&taken), ends);
        let end = async |lease: &Lease| match lease.id.as_str() {
            "complete" => s.queue.complete(lease).await,
            "bury" => s.queue.bury(lease, "x").await,
            "hold" => s.queue.hold(lease, 0, MINUTE, "x").await.map(|_| ()),
            _ => {
                let progress = Progress { replies: Some("r".into()), sent: 0, sending: Some(0) };
                let memory = Memory { bytes: "m".into(), keep_for: MINUTE };
                s.queue.record(lease, progress, Some(memory)).await.map(|_| ())
            }
        };
        for (name, message) in ends.iter().zip(&taken) {
            assert_eq!(s.answer(name, name, "42").await, CallBackResult::First);
            let result = end(&message.lease).await;
            assert!(matches!(result, Err(QueueError::CallBackPending)), "{name}: {result:?}");
            let again = end(&message.lease).await;
            assert!(matches!(again, Err(QueueError::LeaseLost)), "{name}: {again:?}");
            assert_eq!(s.lane(name).await.expect("there").state, LaneState::Ready, "{name}");
        }
        s.assert_invariant().await;
        let again = s.take(9).await;
        assert_eq!(ids(&again), ends, "the lanes are in line as their attempts ended");
        for message in &again {
            let name = message.lease.id.as_str();
            assert_eq!(message.answer.as_deref(), Some(b"42".as_slice()), "{name}");
            assert_eq!((message.failures, message.losses, message.snoozes), (0, 0, 0), "{name}");
            assert_eq!((&message.memory, &message.last_error), (&None, &None), "{name}");
            assert_eq!(message.progress, Progress::default(), "{name}");
            assert_eq!(message.send_state.sends, 0, "{name}");
            end(&message.lease).await.expect(name);
        }
        assert_eq!(s.queue.counts().await.expect("counts").dead, 1);
    }

    async fn an_answer_that_came_first_wins_over_replies(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        let announced = Progress { replies: None, sent: 0, sending: Some(0) };
        s.queue.record(&taken.lease, announced.clone(), None).await.expect("record");
        assert_eq!(s.answer("lane", "m", "42").await, CallBackResult::First);
        // Without replies it says nothing of an answer.
        let progress = Progress { sent: 1, sending: None, ..announced };
        s.queue.record(&taken.lease, progress, None).await.expect("record");
        let progress = Progress { replies: Some("r".into()), sent: 0, sending: Some(0) };
        let refused = s.queue.record(&taken.lease, progress.clone(), None).await;
        assert!(matches!(refused, Err(QueueError::CallBackPending)), "{refused:?}");
        let again = s.take_one().await;
        assert_eq!((again.answer.as_deref(), again.progress.sent), (Some(b"42".as_slice()), 1));
        s.queue.record(&again.lease, progress, None).await.expect("record of what the answer says");
        s.queue.bury(&again.lease, "x").await.expect("bury");
    }

    async fn replies_recorded_first_win_over_a_later_answer(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        let progress = Progress { replies: Some("r".into()), sent: 0, sending: Some(0) };
        s.queue.record(&taken.lease, progress.clone(), None).await.expect("record");
        assert_eq!(s.answer("lane", "m", "42").await, CallBackResult::Already);
        s.queue.record(&taken.lease, Progress { sent: 1, sending: None, ..progress }, None).await.expect("record");
        s.queue.complete(&taken.lease).await.expect("complete");
        assert_eq!(s.queue.counts().await.expect("counts"), Counts::default());
    }

    async fn a_take_that_is_repeated_has_given_the_answer_too(s) {
        s.accept("lane", "m").await;
        let request = s.next_request(1);
        let first = s.queue.take(&request).await.expect("take").messages.remove(0);
        assert_eq!(s.answer("lane", "m", "42").await, CallBackResult::First);
        let again = s.queue.take(&request).await.expect("take").messages.remove(0);
        assert_eq!((first.answer, again.answer.as_deref()), (None, Some(b"42".as_slice())));
        s.queue.complete(&again.lease).await.expect("complete");
    }

    async fn what_has_been_given_with_its_answer_waits_as_any_other(s) {
        for name in ["retry", "snooze"] {
            s.accept(name, name).await;
        }
        for message in s.take(2).await {
            let name = message.lease.id.as_str();
            assert_eq!(s.answer(name, name, "42").await, CallBackResult::First);
            s.queue.release(&message.lease).await.expect("release");
        }
        for message in s.take(2).await {
            let lease = &message.lease;
            match lease.id.as_str() {
                "retry" => s.queue.retry(lease, MINUTE, "x").await.expect("retry"),
                _ => s.queue.snooze(lease, MINUTE, "x").await.expect("snooze"),
            }
        }
        s.assert_nothing_to_take().await;
        s.clock.advance(MINUTE + SECOND);
        let again = s.take(9).await;
        assert_eq!(again.len(), 2);
        assert!(again.iter().all(|message| message.answer.as_deref() == Some(b"42".as_slice())));
    }

    async fn an_answer_to_what_is_not_current_comes_too_late_or_too_soon(s) {
        assert_eq!(s.answer("lane", "m", "42").await, CallBackResult::Gone);
        s.accept("lane", "m").await;
        assert_eq!(s.answer("lane", "m", "42").await, CallBackResult::Gone, "nobody has begun with it");
        let taken = s.take_one().await;
        assert_eq!(s.answer("lane", "other", "42").await, CallBackResult::Gone);
        assert_eq!(s.answer("other", "m", "42").await, CallBackResult::Gone);
        s.queue.bury(&taken.lease, "x").await.expect("bury");
        assert_eq!(s.answer("lane", "m", "42").await, CallBackResult::Gone);
        assert!(s.revive(&id("m")).await);
        s.take_one().await;
        assert_eq!(s.answer("lane", "m", "42").await, CallBackResult::First);
    }

    async fn a_revived_letter_knows_of_no_answer_and_may_be_answered_anew(s) {
        for id in ["answered", "unanswered", "awaiting"] {
            s.accept(id, id).await;
        }
        let taken = s.take(3).await;
        assert_eq!(s.answer("answered", "answered", "42").await, CallBackResult::First);
        s.queue.release(&taken[0].lease).await.expect("release");
        s.queue.bury(&s.take_one().await.lease, "x").await.expect("bury");
        s.queue.await_answer(&taken[1].lease, SECOND).await.expect("await");
        s.clock.advance(SECOND * 2);
        let timed_out = s.take_one().await;
        assert!(timed_out.timed_out);
        s.queue.bury(&timed_out.lease, "x").await.expect("bury");
        assert_eq!(s.answer("awaiting", "awaiting", "42").await, CallBackResult::First);
        s.queue.await_answer(&taken[2].lease, MINUTE).await.expect("await");
        let awaiting = s.take_one().await;
        assert!(awaiting.answer.is_some());
        let progress = Progress { replies: Some("r".into()), sent: 1, sending: None };
        s.queue.record(&awaiting.lease, progress, None).await.expect("record");
        s.queue.bury(&awaiting.lease, "x").await.expect("bury");
        let revived = ["answered", "unanswered", "awaiting"].map(id);
        assert_eq!(s.queue.revive(&revived).await.expect("revive"), [true; 3]);
        let again = s.take(9).await;
        assert_eq!(ids(&again), ["answered", "unanswered", "awaiting"]);
        for message in again {
            let name = message.lease.id.to_string();
            assert_eq!((message.answer, message.timed_out), (None, false), "{name}");
            assert_eq!(message.progress, Progress::default(), "{name}");
            assert_eq!(s.queue.await_answer(&message.lease, MINUTE).await.expect("await"), Settled::AsAsked);
            assert_eq!(s.answer(&name, &name, "anew").await, CallBackResult::First);
        }
        assert!(s.take(9).await.iter().all(|message| message.answer.as_deref() == Some(b"anew".as_slice())));
    }

    async fn a_wait_without_an_answer_ends_at_its_time(s) {
        s.accept("lane", "m").await;
        s.queue.await_answer(&s.take_one().await.lease, MINUTE).await.expect("await");
        s.clock.advance(MINUTE + SECOND);
        let again = s.take_one().await;
        assert!(again.timed_out);
        assert_eq!((again.failures, again.answer), (0, None), "what it costs is for the worker to say");
        s.queue.retry(&again.lease, SECOND, "no answer").await.expect("retry");
        s.clock.advance(SECOND * 2);
        let again = s.take_one().await;
        assert_eq!((again.timed_out, again.failures), (false, 1));
        assert_eq!(s.answer("lane", "m", "after all").await, CallBackResult::First);
    }
}
