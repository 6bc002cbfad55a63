//! A user who asks to be forgotten.

use super::*;
use crate::Forgotten;

impl Subject {
    async fn forget(&self, name: &str) -> Forgotten {
        self.queue.forget(&lane(name)).await.expect("forget")
    }
}

properties! {
    async fn a_lane_is_forgotten_with_all_that_is_kept_of_it_and_no_other_is(s) {
        for name in ["lane", "other"] {
            let id = |what: &str| format!("{name} {what}");
            s.accept(name, &id("answered")).await;
            let taken = s.take_one().await;
            s.remember(&taken, "turn 1").await;
            s.queue.complete(&taken.lease).await.expect("complete");
            s.accept(name, &id("dead")).await;
            let taken = s.take_one().await;
            s.queue.bury(&taken.lease, "bad").await.expect("bury");
            s.accept(name, &id("held")).await;
            let taken = s.take_one().await;
            s.hold(&taken, "refused").await;
            for n in 0..3 {
                let waits = NewMessage { held: HeldEffect::Leave, ..message(name, &id(&n.to_string())) };
                s.offer(waits).await;
            }
            s.pause(Scope::Lane(lane(name))).await;
        }
        let forgotten = s.forget("lane").await;
        let expected = Forgotten { messages: 3, held: 1, dead: 1, journal: 2, memory: true, paused: true };
        assert_eq!(forgotten, expected);
        assert_eq!(s.lane("lane").await, None);
        assert_eq!(s.forget("lane").await, Forgotten::default(), "nothing is left");
        s.accept("lane", "anew").await;
        let taken = s.take_one().await;
        assert_eq!((taken.lease.id.as_str(), taken.memory.as_deref()), ("anew", None));
        s.queue.complete(&taken.lease).await.expect("complete");
        assert_eq!(s.forget("other").await, expected);
        assert_eq!(s.queue.counts().await.expect("counts").open_total(), 0);
    }

    async fn a_running_message_is_forgotten_and_its_holder_writes_nothing_back(s) {
        s.accept("lane", "m0").await;
        s.accept("lane", "m1").await;
        s.accept("other", "o").await;
        let taken = s.take(2).await;
        assert_eq!(s.forget("lane").await, Forgotten { messages: 2, ..Forgotten::default() });
        let progress = Progress { replies: Some("r".into()), sent: 0, sending: None };
        let recorded = s.queue.record(&taken[0].lease, progress, Some(remembered("turn 1"))).await;
        assert!(matches!(recorded, Err(QueueError::LeaseLost)), "{recorded:?}");
        let renewed = s.queue.renew(std::slice::from_ref(&taken[0].lease), LEASE).await.expect("renew");
        assert_eq!(renewed, [Renewal::Lost]);
        let completed = s.queue.complete(&taken[0].lease).await;
        assert!(matches!(completed, Err(QueueError::LeaseLost)), "{completed:?}");
        assert_eq!(s.answer("lane", "m0", "late").await, CallBackResult::Gone);
        assert_eq!(s.forget("lane").await, Forgotten::default());
        s.queue.complete(&taken[1].lease).await.expect("complete");
        s.assert_nothing_to_take().await;
    }

    async fn a_lane_is_forgotten_in_whatever_state_it_is(s) {
        let again = Duration::from_secs(5);
        s.accept("delayed", "d").await;
        s.queue.retry(&s.take_one().await.lease, again, "try").await.expect("retry");
        s.accept("suspect", "s").await;
        s.lose_all(2).await;
        s.accept("parked", "p").await;
        s.pause(Scope::Lane(lane("parked"))).await;
        s.accept("ready", "r").await;
        for name in ["delayed", "suspect", "parked", "ready"] {
            let forgotten = s.forget(name).await;
            assert_eq!(forgotten.messages, 1, "{name}");
            assert_eq!(s.lane(name).await, None, "{name}");
        }
        s.pass(again).await;
        s.assert_nothing_to_take().await;
    }

    async fn a_long_lane_is_forgotten_too(s) {
        for n in 0..1_200 {
            s.offer(NewMessage { late: n % 2 == 0, ..message("lane", &format!("m{n}")) }).await;
        }
        let taken = s.take_one().await;
        assert_eq!(s.forget("lane").await.messages, 1_200);
        assert!(matches!(s.queue.complete(&taken.lease).await, Err(QueueError::LeaseLost)));
        s.assert_nothing_to_take().await;
    }

    async fn the_same_message_is_still_known_after_its_user_is_forgotten(s) {
        s.accept("lane", "m").await;
        s.forget("lane").await;
        assert_eq!(s.offer(message("lane", "m")).await, Accepted::Duplicate);
    }
}
