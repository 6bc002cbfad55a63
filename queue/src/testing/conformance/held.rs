//! Messages that wait for their user to write again.

use super::*;

properties! {
    async fn a_held_message_leaves_its_lane_to_the_others(s) {
        s.accept("lane", "m0").await;
        s.offer(quiet("m1")).await;
        s.hold(&s.take_one().await, "refused").await;
        let view = s.lane("lane").await.expect("there");
        assert_eq!((view.waiting, view.held), (vec![id("m1")], vec![id("m0")]));
        assert_eq!(s.finish_all().await, ["m1"]);
        let view = s.lane("lane").await.expect("there");
        assert_eq!((view.state, view.held), (LaneState::Idle, vec![id("m0")]));
        let counts = s.queue.counts().await.expect("counts");
        assert_eq!((counts.held, counts.open_total(), counts.delayed), (1, 1, 0));
        s.assert_invariant().await;
    }

    async fn held_messages_wake_in_their_order_before_the_one_that_woke_them(s) {
        for n in 0..3 {
            s.accept("lane", &format!("m{n}")).await;
        }
        for _ in 0..3 {
            s.hold(&s.take_one().await, "refused").await;
        }
        s.offer(quiet("location")).await;
        assert_eq!(s.finish_all().await, ["location"], "it reopens nothing");
        s.accept("lane", "text").await;
        s.assert_invariant().await;
        assert_eq!(s.finish_all().await, ["m0", "m1", "m2", "text"]);
        assert_eq!(s.queue.counts().await.expect("counts").held, 0);
    }

    async fn held_messages_wake_behind_the_current_one(s) {
        s.accept("lane", "m0").await;
        s.hold(&s.take_one().await, "refused").await;
        s.offer(quiet("running")).await;
        let running = s.take_one().await;
        s.accept("lane", "text").await;
        s.queue.retry(&running.lease, SECOND, "x").await.expect("retry");
        s.assert_nothing_to_take().await;
        s.clock.advance(SECOND * 2);
        assert_eq!(s.finish_all().await, ["running", "m0", "text"]);
    }

    async fn a_hold_that_has_not_seen_the_wake_waits_for_another_turn(s) {
        s.accept("lane", "m0").await;
        let taken = s.take_one().await;
        assert_eq!(taken.send_state.wakes, 0);
        s.offer(quiet("location")).await;
        s.accept("lane", "text").await;
        let held = s.queue.hold(&taken.lease, taken.send_state.wakes, HOLD, "refused").await.expect("hold");
        assert_eq!(held, Settled::ComesAgain);
        s.assert_invariant().await;
        let again = s.take_one().await;
        assert_eq!((again.lease.id.as_str(), again.send_state.wakes), ("m0", 1), "it stays the head of its lane");
        let held = s.queue.hold(&again.lease, again.send_state.wakes, HOLD, "refused").await.expect("hold");
        assert_eq!(held, Settled::AsAsked, "it has seen that one");
        assert_eq!(s.finish_all().await, ["location", "text"]);
    }

    async fn what_was_recorded_survives_being_held(s) {
        s.accept("lane", "m0").await;
        let taken = s.take_one().await;
        s.queue.retry(&taken.lease, SECOND, "busy").await.expect("retry");
        s.clock.advance(SECOND * 2);
        let taken = s.take_one().await;
        let recorded = Progress { replies: Some(vec![0, 255, 10].into()), sent: 1, sending: Some(1) };
        s.queue.record(&taken.lease, recorded.clone(), None).await.expect("record");
        s.hold(&taken, "refused").await;
        s.accept("lane", "text").await;
        let woken = s.take_one().await;
        assert_eq!((woken.lease.id.as_str(), &woken.progress), ("m0", &recorded));
        assert_eq!((woken.failures, woken.last_error.as_deref()), (1, Some("busy")));
        assert_eq!((woken.payload.as_ref(), woken.arrived_us), (b"payload of m0".as_slice(), START_US));
        // And it may be held once more.
        s.hold(&woken, "refused again").await;
        assert_eq!(s.finish_all().await, ["text"]);
        s.accept("lane", "text2").await;
        assert_eq!(s.finish_all().await, ["m0", "text2"]);
    }

    async fn a_message_held_too_long_dies_of_its_reason(s) {
        s.accept("lane", "m0").await;
        s.hold(&s.take_one().await, "45015: out of the window").await;
        assert_eq!(s.take_full(9).await.next_due, Some(HOLD));
        s.clock.advance(HOLD + SECOND);
        let taken = s.take_full(9).await;
        assert_eq!((taken.messages.len(), taken.buried[0].id.as_str()), (0, "m0"));
        let letter = s.dead_page(9).await.letters.remove(0);
        assert_eq!((letter.id.as_str(), letter.reason.as_str()), ("m0", "45015: out of the window"));
        assert_eq!((letter.payload.as_ref(), letter.lane.as_str()), (b"payload of m0".as_slice(), "lane"));
        let counts = s.queue.counts().await.expect("counts");
        assert_eq!((counts.held, counts.open_total(), counts.dead), (0, 0, 1));
        assert_eq!(s.lane("lane").await, None);
        s.accept("lane", "text").await;
        assert_eq!(s.finish_all().await, ["text"]);
    }

    async fn a_lane_holds_only_so_many(s) {
        for n in 0..=HELD_MAX {
            s.offer(quiet(&format!("m{n}"))).await;
            s.hold(&s.take_one().await, "refused").await;
        }
        assert_eq!(s.queue.counts().await.expect("counts").held, HELD_MAX as u64);
        let dead = s.dead_page(9).await.letters;
        assert_eq!(dead.iter().map(|letter| letter.id.as_str()).collect::<Vec<_>>(), ["m0"], "held the longest");
        assert_eq!(dead[0].reason, "too many messages of its lane were held");
    }

    async fn an_id_that_comes_again_after_the_dedup_window_is_held_beside_the_first(s) {
        for payload in ["first", "second"] {
            s.offer(NewMessage { payload: payload.into(), ..quiet("m") }).await;
            s.hold(&s.take_one().await, "refused").await;
            s.clock.advance(DEDUP_WINDOW + SECOND);
        }
        assert_eq!(s.lane("lane").await.expect("it holds two").held, [id("m"), id("m")]);
        s.accept("lane", "waker").await;
        for payload in ["first", "second", "payload of waker"] {
            let taken = s.take_one().await;
            assert_eq!(taken.payload, payload);
            s.queue.complete(&taken.lease).await.expect("complete");
        }
        assert_eq!(s.queue.counts().await.expect("counts").open_total(), 0);
    }

    async fn a_message_that_ends_the_right_to_answer_buries_what_is_held(s) {
        for n in 0..2 {
            s.offer(quiet(&format!("m{n}"))).await;
            s.hold(&s.take_one().await, "refused").await;
        }
        s.offer(NewMessage { held: HeldEffect::Bury, ..message("lane", "unsubscribe") }).await;
        assert_eq!(s.finish_all().await, ["unsubscribe"]);
        assert_eq!(s.dead_page(9).await.total, 2);
        assert_eq!(s.dead_page(9).await.letters[0].reason, "a later message of its lane ended the right to answer");
        assert_eq!(s.lane("lane").await, None);
    }
}
