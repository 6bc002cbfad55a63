//! How long a failing message may hold up those that wait behind it.

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

impl Subject {
    async fn fail(&self, message: &Leased, after: Duration) {
        let reason = "backend said 502".to_owned();
        let settlement = Settlement::Retry { after, patience: PATIENCE, reason };
        let settled = self.queue.settle(&message.lease, settlement).await;
        assert_eq!(settled.expect("retry"), Settled::AsAsked);
        self.assert_invariant().await;
    }

    /// When a lane that is delayed is due, from now on.
    async fn due_in(&self, lane: &str) -> Duration {
        match self.lane(lane).await.expect("there").state {
            LaneState::Delayed { due_us } | LaneState::Awaiting { until_us: due_us } => {
                Duration::from_micros(due_us - self.clock.now_us())
            }
            state => panic!("it is {state:?}"),
        }
    }

    async fn accept_silent(&self, lane: &str, id: &str) {
        let silent = NewMessage { held: HeldEffect::Leave, ..message(lane, id) };
        assert_eq!(self.offer(silent).await, Accepted::New);
    }
}

properties! {
    async fn a_taken_message_tells_whether_others_wait_behind_it(s) {
        for (lane, id) in [("alone", "a0"), ("two", "t0"), ("two", "t1"), ("drained", "d0")] {
            s.accept(lane, id).await;
        }
        let late = NewMessage { late: true, arrived_us: START_US + 1, ..message("drained", "d1") };
        assert_eq!(s.offer(late).await, Accepted::New);
        let taken = s.take(9).await;
        let followed = |taken: &[Leased]| -> Vec<_> {
            taken.iter().map(|m| (m.lease.id.to_string(), m.send_state.has_followers)).collect()
        };
        let expected = [("a0", false), ("t0", true), ("d0", true)].map(|(id, is)| (id.to_owned(), is));
        assert_eq!(followed(&taken), expected);
        for message in &taken {
            s.queue.release(&message.lease).await.expect("release");
        }
        let mut again = s.take(9).await;
        again.sort_by(|a, b| a.lease.id.cmp(&b.lease.id));
        let expected = [("a0", false), ("d0", true), ("t0", true)].map(|(id, is)| (id.to_owned(), is));
        assert_eq!(followed(&again), expected);
        for message in &again {
            s.queue.complete(&message.lease).await.expect("complete");
        }
        assert!(s.take(9).await.iter().all(|message| !message.send_state.has_followers));
    }

    async fn a_record_tells_of_a_waking_message_that_has_come_behind(s) {
        s.accept("lane", "m0").await;
        let lease = s.take_one().await.lease;
        let record = || s.queue.record(&lease, Progress::default(), None);
        assert!(!record().await.expect("record").has_followers);
        s.accept("lane", "m1").await;
        assert!(record().await.expect("record").has_followers);
    }

    async fn a_message_tells_for_how_long_it_has_been_failing(s) {
        s.accept("lane", "m").await;
        let first = s.take_one().await;
        assert_eq!(first.failing_for, None);
        s.fail(&first, SECOND).await;
        s.clock.advance(SECOND * 2);
        let second = s.take_one().await;
        assert_eq!(second.failing_for, Some(SECOND * 2));
        s.fail(&second, SECOND).await;
        s.clock.advance(SECOND * 3);
        let third = s.take_one().await;
        assert_eq!(third.failing_for, Some(SECOND * 5), "from the first failure on");
        s.queue.hold(&third.lease, 0, MINUTE, "x").await.expect("hold");
        s.accept("lane", "n").await;
        assert_eq!(s.take_one().await.failing_for, None, "what was held begins anew");
    }

    async fn a_failing_message_holds_up_others_no_longer_than_its_patience(s) {
        for id in ["m0", "m1"] {
            s.accept("lane", id).await;
        }
        s.fail(&s.take_one().await, SECOND * 5).await;
        assert_eq!(s.due_in("lane").await, SECOND * 5);
        s.clock.advance(SECOND * 5);
        s.fail(&s.take_one().await, MINUTE).await;
        assert_eq!(s.due_in("lane").await, SECOND * 15, "its patience counts from the first failure");
        s.clock.advance(SECOND * 15);
        s.fail(&s.take_one().await, MINUTE).await;
        assert_eq!(s.due_in("lane").await, Duration::ZERO);
        let last = s.take_one().await;
        assert_eq!((last.lease.id.as_str(), last.failures), ("m0", 3));
        s.queue.bury(&last.lease, "no patience left").await.expect("bury");
        assert_eq!(s.finish_all().await, ["m1"]);
    }

    async fn a_failing_message_that_nobody_waits_behind_waits_as_long_as_is_asked(s) {
        s.accept("lane", "m").await;
        s.fail(&s.take_one().await, MINUTE).await;
        assert_eq!(s.due_in("lane").await, MINUTE);
        s.accept_silent("lane", "silent").await;
        assert_eq!(s.due_in("lane").await, MINUTE, "nobody waits for an answer to this one");
    }

    async fn a_waking_message_cuts_the_wait_of_a_failing_one_short(s) {
        for lane in ["early", "late"] {
            s.accept(lane, &format!("{lane} 0")).await;
        }
        for message in s.take(9).await {
            s.fail(&message, MINUTE * 5).await;
        }
        s.clock.advance(SECOND * 2);
        s.accept("early", "early 1").await;
        assert_eq!((s.due_in("early").await, s.due_in("late").await), (SECOND * 18, SECOND * 298));
        s.accept("early", "early 2").await;
        assert_eq!(s.due_in("early").await, SECOND * 18);
        s.clock.advance(SECOND * 58);
        s.accept("late", "late 1").await;
        let mut taken = s.take(9).await;
        taken.sort_by(|a, b| a.lease.id.cmp(&b.lease.id));
        assert_eq!(ids(&taken), ["early 0", "late 0"]);
        assert!(taken.iter().all(|message| message.send_state.has_followers));
        assert!(taken.iter().all(|message| message.failing_for == Some(MINUTE)));
    }

    async fn a_snooze_and_a_wait_for_an_answer_are_not_cut_short(s) {
        for lane in ["snoozed", "awaits"] {
            s.accept(lane, lane).await;
        }
        for message in s.take(9).await {
            s.fail(&message, SECOND).await;
        }
        s.clock.advance(SECOND);
        for message in s.take(9).await {
            let lease = &message.lease;
            match lease.id.as_str() {
                "snoozed" => s.queue.snooze(lease, MINUTE, "the account waits").await.expect("snooze"),
                _ => assert_eq!(s.queue.await_answer(lease, MINUTE).await.expect("await"), Settled::AsAsked),
            }
        }
        for lane in ["snoozed", "awaits"] {
            s.accept(lane, &format!("{lane} 1")).await;
            assert_eq!(s.due_in(lane).await, MINUTE, "{lane}");
        }
    }
}
