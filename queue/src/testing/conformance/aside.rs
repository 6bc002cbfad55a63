//! Messages for which the order is given up when they fail.

use super::*;

impl Subject {
    /// Lets the attempt fail, and the order be given up.
    async fn retry_aside(&self, message: &Leased, after: Duration) -> Retried {
        self.queue.retry_aside(&message.lease, after, "backend said 502").await.expect("retry aside")
    }

    async fn put_aside(&self, message: &Leased, after: Duration) {
        assert_eq!(self.retry_aside(message, after).await, Retried::Aside);
        self.assert_invariant().await;
    }

    async fn take_id(&self, id: &str) -> Leased {
        let taken = self.take_one().await;
        assert_eq!(taken.lease.id.as_str(), id);
        taken
    }
}

properties! {
    async fn a_message_put_aside_lets_the_next_of_its_lane_go_on_and_comes_back_at_its_time(s) {
        for id in ["m0", "m1", "m2"] {
            s.accept("lane", id).await;
        }
        s.put_aside(&s.take_id("m0").await, SECOND * 10).await;
        s.clock.advance(SECOND);
        let m1 = s.take_id("m1").await;
        s.assert_nothing_to_take().await;
        s.queue.complete(&m1.lease).await.expect("complete");
        s.clock.advance(SECOND * 10);
        // It comes back before those that came later.
        let m0 = s.take_id("m0").await;
        assert_eq!((m0.failures, m0.losses, m0.snoozes), (1, 0, 0));
        assert_eq!(m0.last_error.as_deref(), Some("backend said 502"));
        assert_eq!((m0.payload.as_ref(), m0.arrived_us), (b"payload of m0".as_slice(), START_US));
        s.assert_nothing_to_take().await;
        s.queue.complete(&m0.lease).await.expect("complete");
        assert_eq!(s.finish_all().await, ["m2"]);
        assert_eq!(s.queue.counts().await.expect("counts"), Counts::default());
    }

    async fn a_message_put_aside_alone_leaves_its_lane_to_what_comes(s) {
        s.accept("lane", "m0").await;
        s.put_aside(&s.take_id("m0").await, SECOND * 10).await;
        let view = s.lane("lane").await.expect("there");
        assert_eq!((view.state, view.waiting, view.aside), (LaneState::Idle, vec![], vec![id("m0")]));
        let counts = s.queue.counts().await.expect("counts");
        assert_eq!((counts.aside, counts.open_total(), counts.delayed, counts.held), (1, 1, 0, 0));
        assert_eq!(s.take_full(9).await.next_due, Some(SECOND * 10));
        s.accept("lane", "m1").await;
        assert_eq!(s.finish_all().await, ["m1"], "a waking message doesn't wake it");
        s.clock.advance(SECOND * 11);
        assert_eq!(s.finish_all().await, ["m0"]);
        assert_eq!(s.lane("lane").await, None);
    }

    async fn messages_whose_times_have_come_keep_the_order_of_their_times(s) {
        for id in ["m0", "m1", "m2"] {
            s.accept("lane", id).await;
        }
        for (id, seconds) in [("m0", 9), ("m1", 3), ("m2", 6)] {
            s.put_aside(&s.take_id(id).await, SECOND * seconds).await;
        }
        assert_eq!(s.lane("lane").await.expect("there").aside, [id("m0"), id("m1"), id("m2")]);
        s.accept("other", "o").await;
        s.put_aside(&s.take_id("o").await, SECOND * 2).await;
        s.accept("lane", "later").await;
        s.clock.advance(SECOND * 10);
        let taken = s.take(9).await;
        assert_eq!(ids(&taken), ["m1", "o"], "a lane that waits is before one that begins to");
        s.assert_invariant().await;
        assert_eq!(s.lane("lane").await.expect("there").waiting, ["m1", "m2", "m0", "later"].map(id));
        s.queue.complete(&taken[0].lease).await.expect("complete");
        assert_eq!(s.finish_all().await, ["m2", "m0", "later"]);
    }

    async fn a_message_comes_back_behind_the_current_one(s) {
        s.accept("lane", "m0").await;
        s.accept("lane", "m1").await;
        s.offer(NewMessage { late: true, ..quiet("late") }).await;
        s.put_aside(&s.take_id("late").await, SECOND).await;
        let m0 = s.take_id("m0").await;
        s.clock.advance(SECOND * 2);
        s.assert_nothing_to_take().await;
        s.assert_invariant().await;
        assert_eq!(s.lane("lane").await.expect("there").waiting, ["m0", "late", "m1"].map(id));
        s.queue.retry(&m0.lease, SECOND, "x").await.expect("retry");
        s.clock.advance(SECOND * 2);
        assert_eq!(s.finish_all().await, ["m0", "late", "m1"]);
    }

    async fn what_was_recorded_survives_being_aside(s) {
        s.accept("lane", "m0").await;
        let taken = s.take_one().await;
        s.queue.snooze(&taken.lease, SECOND, "busy").await.expect("snooze");
        s.clock.advance(SECOND * 2);
        s.take_one().await;
        s.pass(LEASE + SECOND).await;
        let taken = s.take_one().await;
        let recorded = Progress { replies: Some(vec![0, 255, 10].into()), sent: 1, sending: Some(1) };
        s.queue.record(&taken.lease, recorded.clone(), Some(remembered("memory"))).await.expect("record");
        s.queue.release(&taken.lease).await.expect("release");
        for failures in 1..=2 {
            s.put_aside(&s.take_id("m0").await, SECOND).await;
            s.clock.advance(SECOND * 2);
            let again = s.take_id("m0").await;
            assert_eq!((again.failures, again.losses, again.snoozes), (failures, 1, 1));
            assert_eq!((&again.progress, again.memory.as_deref()), (&recorded, Some(b"memory".as_slice())));
            s.queue.release(&again.lease).await.expect("release");
        }
        s.assert_invariant().await;
        assert_eq!(s.finish_all().await, ["m0"]);
    }

    async fn a_message_that_was_aside_is_released_lost_held_and_buried_like_any_other(s) {
        s.accept("lane", "m0").await;
        s.accept("lane", "m1").await;
        s.put_aside(&s.take_id("m0").await, SECOND).await;
        s.clock.advance(SECOND * 2);
        let m0 = s.take_id("m0").await;
        s.queue.release(&m0.lease).await.expect("release");
        assert!(matches!(s.queue.retry_aside(&m0.lease, SECOND, "x").await, Err(QueueError::LeaseLost)));
        s.take_id("m0").await;
        s.pass(LEASE + SECOND).await;
        let m0 = s.take_id("m0").await;
        assert_eq!((m0.failures, m0.losses), (1, 1));
        s.hold(&m0, "refused").await;
        assert_eq!(s.finish_all().await, ["m1"]);
        s.accept("lane", "text").await;
        s.put_aside(&s.take_id("m0").await, SECOND).await;
        s.assert_invariant().await;
        assert_eq!(s.finish_all().await, ["text"]);
        s.clock.advance(SECOND * 2);
        s.queue.bury(&s.take_id("m0").await.lease, "too often").await.expect("bury");
        let letter = s.dead_page(9).await.letters.remove(0);
        assert_eq!((letter.id.as_str(), letter.failures), ("m0", 2));
        assert_eq!(s.lane("lane").await, None);
    }

    async fn losses_go_on_being_counted_and_a_suspect_is_retried_in_its_place(s) {
        s.accept("lane", "m0").await;
        s.accept("lane", "m1").await;
        s.lose_all(1).await;
        s.put_aside(&s.take_id("m0").await, SECOND).await;
        s.clock.advance(SECOND * 2);
        s.lose_all(1).await;
        let suspect = s.take_id("m0").await;
        assert_eq!((suspect.failures, suspect.losses), (1, 2));
        assert_eq!(s.retry_aside(&suspect, SECOND).await, Retried::InPlace);
        s.assert_nothing_to_take().await;
        s.clock.advance(SECOND * 2);
        assert_eq!(s.take_id("m0").await.failures, 2);
        s.pass(LEASE + SECOND).await;
        s.lose_all(1).await;
        let letters = s.take_full(1).await.buried;
        assert_eq!(letters.len(), 1, "{letters:?}");
        assert_eq!(letters[0].reason, "3 workers died while they handled it: suite, suite, suite");
    }

    async fn a_full_aside_is_an_ordinary_retry(s) {
        for n in 0..ASIDE_MAX {
            s.accept("lane", &format!("m{n}")).await;
            s.put_aside(&s.take_one().await, SECOND).await;
        }
        s.accept("lane", "more").await;
        s.accept("lane", "behind").await;
        let more = s.take_id("more").await;
        assert_eq!(s.retry_aside(&more, MINUTE).await, Retried::InPlace);
        let view = s.lane("lane").await.expect("there");
        assert_eq!((view.state, view.aside.len()), (LaneState::Delayed { due_us: START_US + 60_000_000 }, ASIDE_MAX));
        // Also when they wait again, as long as they aren't current.
        s.clock.advance(MINUTE + SECOND);
        let again = s.take_id("more").await;
        assert_eq!((again.failures, again.last_error.as_deref()), (1, Some("backend said 502")));
        assert_eq!(s.queue.counts().await.expect("counts").aside, 0);
        assert_eq!(s.retry_aside(&again, Duration::ZERO).await, Retried::InPlace);
        s.assert_invariant().await;
        s.queue.complete(&s.take_id("more").await.lease).await.expect("complete");
        let first = s.take_id("m0").await;
        s.put_aside(&first, SECOND).await;
        assert_eq!(s.finish_all().await.len(), ASIDE_MAX, "the others, and what was behind");
        s.clock.advance(SECOND * 2);
        assert_eq!(s.finish_all().await, ["m0"]);
    }

    async fn hundreds_of_messages_aside_due_at_once_all_come(s) {
        let all: BTreeSet<String> = (0..300).map(|n| format!("m{n}")).collect();
        for id in &all {
            s.accept(&format!("lane of {id}"), id).await;
        }
        let mut left = all.len();
        while left > 0 {
            for taken in s.take(50).await {
                assert_eq!(s.retry_aside(&taken, SECOND).await, Retried::Aside);
                left -= 1;
            }
        }
        assert_eq!(s.queue.counts().await.expect("counts").aside, 300);
        s.assert_invariant().await;
        s.clock.advance(SECOND * 2);
        let mut back = BTreeSet::new();
        for _ in 0..20 {
            for taken in s.take(50).await {
                s.queue.complete(&taken.lease).await.expect("complete");
                back.insert(taken.lease.id.to_string());
            }
        }
        assert_eq!(back, all);
    }

    async fn what_is_aside_comes_back_into_what_is_paused_and_waits_there(s) {
        s.accept("lane", "m0").await;
        s.accept("lane", "m1").await;
        s.put_aside(&s.take_id("m0").await, SECOND).await;
        s.pause(Scope::Lane(lane("lane"))).await;
        s.assert_nothing_to_take().await;
        s.clock.advance(SECOND * 2);
        s.assert_nothing_to_take().await;
        let view = s.lane("lane").await.expect("there");
        assert_eq!((view.state, view.waiting), (LaneState::Parked, vec![id("m0"), id("m1")]));
        s.assert_invariant().await;
        assert!(s.queue.resume(&Scope::Lane(lane("lane"))).await.expect("resume"));
        let m0 = s.take_id("m0").await;
        s.pause(Scope::Class(class("c"))).await;
        s.put_aside(&m0, SECOND).await;
        s.clock.advance(SECOND * 2);
        s.assert_nothing_to_take().await;
        assert_eq!(s.queue.counts().await.expect("counts").aside, 0, "its time has come all the same");
        s.assert_invariant().await;
        s.queue.resume(&Scope::Class(class("c"))).await.expect("resume");
        assert_eq!(s.finish_all().await, ["m0", "m1"]);
    }

    async fn a_lane_with_something_aside_keeps_its_count_of_sends(s) {
        s.accept("lane", "m0").await;
        let taken = s.take_one().await;
        let sending = |sent, part| Progress { replies: None, sent, sending: Some(part) };
        assert_eq!(s.queue.record(&taken.lease, sending(0, 0), None).await.expect("record").sends, 1);
        s.put_aside(&taken, MINUTE).await;
        for (id, before) in [("location1", 1), ("location2", 2)] {
            s.offer(quiet(id)).await;
            let taken = s.take_id(id).await;
            assert_eq!(taken.standing.sends, before);
            s.queue.record(&taken.lease, sending(0, 0), None).await.expect("record");
            s.queue.complete(&taken.lease).await.expect("complete");
            s.assert_invariant().await;
        }
        s.clock.advance(MINUTE + SECOND);
        let again = s.take_id("m0").await;
        assert_eq!(again.standing.sends, 3);
        s.put_aside(&again, MINUTE).await;
        s.accept("lane", "text").await;
        assert_eq!(s.take_id("text").await.standing.sends, 0, "a waking message begins the count anew");
        s.clock.advance(MINUTE + SECOND);
        s.assert_nothing_to_take().await;
        assert_eq!(s.lane("lane").await.expect("there").waiting, ["text", "m0"].map(id));
    }

    async fn what_changes_the_right_to_send_leaves_its_note_with_what_is_aside(s) {
        s.accept("lane", "m0").await;
        s.put_aside(&s.take_one().await, SECOND).await;
        s.offer(NewMessage { held: HeldEffect::Wake(Note(u64::MAX)), ..message("lane", "text") }).await;
        s.clock.advance(SECOND * 2);
        let m0 = s.take_id("m0").await;
        assert_eq!(m0.standing, Standing { trigger: 0, note: Some(Note(u64::MAX)), sends: 0 });
        s.put_aside(&m0, SECOND).await;
        let bury = NewMessage { held: HeldEffect::Bury(Note(1)), ..message("lane", "unsubscribe") };
        s.offer(bury).await;
        assert_eq!(s.lane("lane").await.expect("there").aside, [id("m0")], "what to do about it is for its handler to say");
        assert_eq!(s.finish_all().await, ["text", "unsubscribe"]);
        s.clock.advance(SECOND * 2);
        assert_eq!(s.take_id("m0").await.standing.note, Some(Note(1)));
    }

    async fn an_answer_brings_back_what_is_aside(s) {
        s.accept("lane", "m0").await;
        s.accept("lane", "m1").await;
        let m0 = s.take_id("m0").await;
        s.queue.await_answer(&m0.lease, SECOND).await.expect("await");
        s.clock.advance(SECOND * 2);
        let m0 = s.take_id("m0").await;
        assert!(m0.unanswered);
        s.put_aside(&m0, MINUTE).await;
        assert_eq!(s.answer("lane", "other", "42").await, Answered::Gone);
        assert_eq!(s.answer("lane", "m0", "42").await, Answered::First);
        assert_eq!(s.answer("lane", "m0", "43").await, Answered::Already);
        s.assert_invariant().await;
        let m0 = s.take_id("m0").await;
        assert_eq!((m0.answer.as_deref(), m0.unanswered, m0.failures), (Some(b"42".as_slice()), false, 1));
        s.queue.complete(&m0.lease).await.expect("complete");
        assert_eq!(s.finish_all().await, ["m1"]);
        // Into a lane that has nothing else.
        s.accept("lane", "m2").await;
        s.put_aside(&s.take_one().await, MINUTE).await;
        assert_eq!(s.answer("lane", "m2", "").await, Answered::First, "and an empty one is an answer");
        assert_eq!(s.take_id("m2").await.answer.as_deref(), Some(b"".as_slice()));
    }

    async fn an_answer_is_taken_for_what_was_aside_and_waits_again(s) {
        s.accept("lane", "m0").await;
        s.accept("lane", "m1").await;
        s.put_aside(&s.take_id("m0").await, SECOND).await;
        let m1 = s.take_id("m1").await;
        s.clock.advance(SECOND * 2);
        s.assert_nothing_to_take().await;
        assert_eq!(s.answer("lane", "m0", "42").await, Answered::First);
        assert_eq!(s.answer("lane", "m0", "43").await, Answered::Already);
        s.clock.advance(DEDUP_WINDOW + SECOND);
        assert_eq!(s.answer("lane", "m0", "44").await, Answered::Already, "however long the message is there");
        s.assert_invariant().await;
        s.queue.renew(std::slice::from_ref(&m1.lease), LEASE).await.expect("renew");
        s.queue.complete(&m1.lease).await.expect("complete");
        let m0 = s.take_id("m0").await;
        assert_eq!(m0.answer.as_deref(), Some(b"42".as_slice()));
        s.put_aside(&m0, SECOND).await;
        s.assert_nothing_to_take().await;
        s.clock.advance(SECOND * 2);
        let m0 = s.take_id("m0").await;
        assert_eq!(m0.answer.as_deref(), Some(b"42".as_slice()), "it was given once, and is kept");
        let replies = Progress { replies: Some("r".into()), sent: 0, sending: None };
        s.queue.record(&m0.lease, replies, None).await.expect("record");
        s.put_aside(&m0, SECOND).await;
        assert_eq!(s.answer("lane", "m0", "45").await, Answered::Already);
        s.clock.advance(SECOND * 2);
        assert_eq!(s.take_id("m0").await.answer.as_deref(), Some(b"42".as_slice()));
    }

    async fn an_answer_that_came_before_its_attempt_failed_is_not_put_aside(s) {
        s.accept("lane", "m0").await;
        s.accept("lane", "m1").await;
        let m0 = s.take_id("m0").await;
        assert_eq!(s.answer("lane", "m0", "42").await, Answered::First);
        assert_eq!(s.retry_aside(&m0, MINUTE).await, Retried::InPlace);
        let m0 = s.take_id("m0").await;
        assert_eq!((m0.answer.as_deref(), m0.failures), (Some(b"42".as_slice()), 1));
    }

    async fn an_id_that_comes_again_after_the_dedup_window_is_put_aside_beside_the_first(s) {
        for payload in ["first", "second"] {
            s.offer(NewMessage { payload: payload.into(), ..quiet("m") }).await;
            s.put_aside(&s.take_one().await, DEDUP_WINDOW * 3).await;
            s.clock.advance(DEDUP_WINDOW + SECOND);
        }
        assert_eq!(s.lane("lane").await.expect("it has two").aside, [id("m"), id("m")]);
        assert_eq!(s.answer("lane", "m", "42").await, Answered::First);
        let first = s.take_one().await;
        assert_eq!((first.payload.as_ref(), first.answer.as_deref()), (b"first".as_slice(), Some(b"42".as_slice())));
        s.queue.complete(&first.lease).await.expect("complete");
        s.clock.advance(DEDUP_WINDOW * 3);
        let second = s.take_one().await;
        assert_eq!((second.payload.as_ref(), second.answer), (b"second".as_slice(), None));
    }
}
