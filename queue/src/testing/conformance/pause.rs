//! What is paused.

use super::*;

properties! {
    async fn a_paused_class_is_left_alone_and_the_others_go_on(s) {
        let other = |n| NewMessage { class: class("other"), ..message(&format!("other{n}"), &format!("o{n}")) };
        s.accept("lane", "m0").await;
        s.offer(other(0)).await;
        s.pause(Scope::Class(class("other"))).await;
        s.offer(other(1)).await;
        let both = |s: &Subject| TakeRequest { classes: [class("other"), class("c")].into(), ..s.next_request(9) };
        assert_eq!(ids(&s.queue.take(&both(s)).await.expect("take").messages), ["m0"]);
        s.assert_invariant().await;
        assert!(s.queue.resume(&Scope::Class(class("other"))).await.expect("resume"));
        assert!(!s.queue.resume(&Scope::Class(class("other"))).await.expect("resume"));
        assert_eq!(ids(&s.queue.take(&both(s)).await.expect("take").messages), ["o0", "o1"]);
    }

    async fn while_everything_is_paused_what_runs_ends_and_nothing_begins(s) {
        s.accept("running", "running").await;
        let running = s.take_one().await;
        s.pause(Scope::All).await;
        s.accept("lane", "m").await;
        s.assert_nothing_to_take().await;
        s.queue.retry(&running.lease, SECOND, "x").await.expect("retry");
        s.clock.advance(SECOND * 2);
        s.assert_nothing_to_take().await;
        assert!(s.queue.resume(&Scope::All).await.expect("resume"));
        assert_eq!(ids(&s.take(9).await), ["m", "running"]);
    }

    async fn a_paused_lane_is_parked_at_its_turn_and_goes_on_when_it_is_resumed(s) {
        s.accept("lane", "m0").await;
        s.accept("other", "o").await;
        s.pause(Scope::Lane(lane("lane"))).await;
        assert!(s.lane("lane").await.expect("there").paused);
        assert_eq!(ids(&s.take(9).await), ["o"]);
        assert_eq!(s.lane("lane").await.expect("there").state, LaneState::Parked);
        assert_eq!(s.queue.counts().await.expect("counts").parked, 1);
        s.accept("lane", "m1").await;
        s.offer(NewMessage { late: true, arrived_us: START_US - 1, ..message("lane", "late") }).await;
        s.assert_nothing_to_take().await;
        s.assert_invariant().await;
        assert!(s.queue.resume(&Scope::Lane(lane("lane"))).await.expect("resume"));
        s.assert_invariant().await;
        assert_eq!(s.finish_all().await, ["late", "m0", "m1"]);
    }

    async fn a_lane_paused_while_it_runs_is_parked_afterwards(s) {
        s.accept("lane", "m0").await;
        s.accept("lane", "m1").await;
        let running = s.take_one().await;
        s.pause(Scope::Lane(lane("lane"))).await;
        assert_eq!(s.lane("lane").await.expect("there").state, LaneState::Leased);
        s.queue.complete(&running.lease).await.expect("complete");
        s.assert_nothing_to_take().await;
        assert_eq!(s.lane("lane").await.expect("there").state, LaneState::Parked);
        s.queue.resume(&Scope::Lane(lane("lane"))).await.expect("resume");
        assert_eq!(s.finish_all().await, ["m1"]);
    }

    async fn a_lane_without_messages_can_be_paused(s) {
        s.pause(Scope::Lane(lane("lane"))).await;
        let view = s.lane("lane").await.expect("there");
        assert_eq!((view.state, view.paused), (LaneState::Idle, true));
        s.accept("lane", "m").await;
        s.assert_nothing_to_take().await;
        s.queue.resume(&Scope::Lane(lane("lane"))).await.expect("resume");
        assert_eq!(s.finish_all().await, ["m"]);
        assert_eq!(s.lane("lane").await, None);
    }

    async fn many_paused_lanes_do_not_hide_the_others(s) {
        for n in 0..300 {
            s.accept(&format!("lane{n}"), &format!("m{n}")).await;
            s.pause(Scope::Lane(lane(&format!("lane{n}")))).await;
        }
        s.accept("other", "o").await;
        let mut taken = Vec::new();
        for _ in 0..10 {
            taken.extend(ids(&s.take(9).await));
        }
        assert_eq!(taken, ["o"]);
        assert_eq!(s.queue.counts().await.expect("counts").parked, 300);
    }

    async fn what_is_paused_is_told_with_its_time_and_reason(s) {
        assert_eq!(s.queue.paused().await.expect("paused"), []);
        s.queue.pause(&Scope::Lane(lane("a:b")), "spam: ten a second").await.expect("pause");
        s.clock.advance(SECOND);
        s.queue.pause(&Scope::All, "").await.expect("pause");
        let paused = |scope, since_us, reason: &str| Paused { scope, since_us, reason: reason.to_owned() };
        let expected = [
            paused(Scope::All, START_US + 1_000_000, ""),
            paused(Scope::Lane(lane("a:b")), START_US, "spam: ten a second"),
        ];
        assert_eq!(s.queue.paused().await.expect("paused"), expected);
    }
}
