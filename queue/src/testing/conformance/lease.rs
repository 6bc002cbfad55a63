//! Leases: who may settle a message, and who no longer.

use super::*;

properties! {
    async fn a_lost_lease_settles_nothing(s) {
        s.accept("lane", "m").await;
        let old = s.take_one().await.lease;
        s.pass(LEASE + SECOND).await;
        let new = s.take_one().await.lease;
        assert_ne!(old.token, new.token);
        let progress = Progress { replies: Some("stale".into()), sent: 7, sending: Some(7) };
        let refused = [
            s.queue.record(&old, progress, None).await.map(drop),
            s.queue.complete(&old).await,
            s.queue.retry(&old, SECOND, "x").await,
            s.queue.snooze(&old, SECOND, "x").await,
            s.queue.release(&old).await,
            s.queue.bury(&old, "x").await,
        ];
        for result in refused {
            assert!(matches!(result, Err(QueueError::LeaseLost)), "{result:?}");
        }
        s.assert_nothing_to_take().await;
        s.queue.release(&new).await.expect("the new lease is untouched");
        let taken = s.take_one().await;
        assert_eq!((taken.failures, taken.losses, taken.snoozes), (0, 1, 0));
        assert_eq!(taken.progress, Progress::default());
    }

    async fn a_lease_of_another_message_settles_nothing(s) {
        s.accept("lane", "m").await;
        let held = s.take_one().await.lease;
        let other = Lease { id: id("another"), ..held.clone() };
        assert_eq!(s.queue.renew(std::slice::from_ref(&held), LEASE).await.expect("renew"), [Renewal::Kept]);
        let refused = [
            s.queue.record(&other, Progress::default(), None).await.map(drop),
            s.queue.complete(&other).await,
            s.queue.retry(&other, SECOND, "x").await,
            s.queue.snooze(&other, SECOND, "x").await,
            s.queue.release(&other).await,
            s.queue.bury(&other, "x").await,
        ];
        for result in refused {
            assert!(matches!(result, Err(QueueError::LeaseLost)), "{result:?}");
        }
        s.queue.complete(&held).await.expect("complete");
    }

    async fn a_message_whose_worker_died_is_first_in_line_again(s) {
        s.accept("lane", "m").await;
        s.accept("lane", "m2").await;
        s.take_one().await;
        for n in 0..3 {
            s.accept(&format!("other{n}"), &format!("o{n}")).await;
        }
        s.pass(LEASE - SECOND).await;
        assert_eq!(ids(&s.take(1).await), ["o0"]);
        s.pass(SECOND * 2).await;
        let taken = s.take(9).await;
        assert_eq!(ids(&taken), ["m", "o1", "o2"]);
        assert_eq!((taken[0].losses, taken[0].failures), (1, 0));
    }

    async fn a_renewed_lease_does_not_run_out(s) {
        s.accept("lane", "m").await;
        let lease = s.take_one().await.lease;
        for _ in 0..10 {
            s.pass(LEASE - SECOND).await;
            assert_eq!(s.queue.renew(std::slice::from_ref(&lease), LEASE).await.expect("renew"), [Renewal::Kept]);
            s.assert_nothing_to_take().await;
        }
        s.queue.complete(&lease).await.expect("complete");
    }

    async fn a_lease_that_ran_out_is_revived_while_nobody_has_taken_the_message(s) {
        s.accept("lane", "m").await;
        let lease = s.take_one().await.lease;
        s.clock.advance(LEASE * 3);
        assert_eq!(s.queue.renew(std::slice::from_ref(&lease), LEASE).await.expect("renew"), [Renewal::Kept]);
        s.assert_nothing_to_take().await;
        s.queue.complete(&lease).await.expect("complete");
    }

    async fn renewing_tells_in_order_which_leases_are_lost(s) {
        for n in 0..4 {
            s.accept(&format!("lane{n}"), &format!("m{n}")).await;
        }
        let leases: Vec<_> = s.take(4).await.into_iter().map(|m| m.lease).collect();
        s.queue.complete(&leases[1]).await.expect("complete");
        s.queue.retry(&leases[3], SECOND, "x").await.expect("retry");
        let renewals = s.queue.renew(&leases, LEASE).await.expect("renew");
        assert_eq!(renewals, [Renewal::Kept, Renewal::Lost, Renewal::Kept, Renewal::Lost]);
        assert_eq!(s.queue.renew(&[], LEASE).await.expect("renew"), []);
    }

    async fn what_was_recorded_survives_a_lost_lease(s) {
        s.accept("lane", "m").await;
        let lease = s.take_one().await.lease;
        let recorded = Progress { replies: Some(vec![0, 255, 10].into()), sent: 1, sending: Some(1) };
        s.queue.record(&lease, recorded.clone(), None).await.expect("record");
        s.pass(LEASE + SECOND).await;
        let second = s.take_one().await;
        assert_eq!(second.progress, recorded);
        s.queue.retry(&second.lease, SECOND, "x").await.expect("retry");
        s.clock.advance(SECOND * 2);
        let third = s.take_one().await;
        assert_eq!(third.progress, recorded);
        s.queue.release(&third.lease).await.expect("release");
        let fourth = s.take_one().await;
        assert_eq!(fourth.progress, recorded);
        s.queue.complete(&fourth.lease).await.expect("complete");
        s.accept("lane", "m2").await;
        assert_eq!(s.take_one().await.progress, Progress::default(), "it is not left to the next message");
    }

    async fn a_message_is_taken_back_in_time_although_no_worker_was_there(s) {
        s.accept("lane", "m").await;
        s.take_one().await;
        // A receiver only.
        for _ in 0..20 {
            s.clock.advance(SECOND);
            s.queue.beat().await.expect("beat");
        }
        assert_eq!(s.take_one().await.losses, 1);
    }

    async fn the_shortest_lease_makes_the_gap_and_the_longest_the_pause(s) {
        s.accept("short", "short").await;
        let request = TakeRequest { lease_for: SECOND * 4, ..s.next_request(1) };
        let short = s.queue.take(&request).await.expect("take").messages.remove(0);
        s.accept("long", "long").await;
        let long = s.take_one().await;
        // Too short to be a gap for the worker with the long lease, which comes first.
        s.clock.advance(SECOND * 6);
        assert_eq!(s.queue.renew(&[long.lease], LEASE).await.expect("renew"), [Renewal::Kept]);
        s.assert_nothing_to_take().await;
        assert_eq!(s.queue.renew(&[short.lease], SECOND * 4).await.expect("renew"), [Renewal::Kept]);
    }

    async fn a_pause_lasts_for_the_longest_lease_although_nobody_asks_for_it_any_more(s) {
        s.accept("long", "long").await;
        let request = TakeRequest { lease_for: MINUTE, ..s.next_request(1) };
        let long = s.queue.take(&request).await.expect("take").messages.remove(0);
        s.clock.advance(MINUTE * 2);
        // The workers that come first after the gap have short leases, and the next heartbeat of the long lease is far off.
        for _ in 0..12 {
            s.assert_nothing_to_take().await;
            s.clock.advance(SECOND);
        }
        assert_eq!(s.queue.renew(&[long.lease], MINUTE).await.expect("renew"), [Renewal::Kept]);
    }

    async fn the_living_keep_their_leases_over_a_gap_in_the_stores_service(s) {
        s.accept("living", "living").await;
        s.accept("dead", "dead").await;
        let leases: Vec<_> = s.take(2).await.into_iter().map(|m| m.lease).collect();
        // The store was away for much longer than the leases run: nobody could renew.
        s.clock.advance(LEASE * 10);
        s.assert_nothing_to_take().await;
        assert_eq!(s.queue.renew(&leases[..1], LEASE).await.expect("renew"), [Renewal::Kept]);
        s.pass(settling_pause(LEASE)).await;
        let taken = s.take(9).await;
        assert_eq!(ids(&taken), ["dead"], "who has not renewed by then has lost it");
        assert_eq!(taken[0].losses, 0, "but nobody knows why");
        s.queue.complete(&leases[0]).await.expect("the living one's lease is untouched");
    }
}
