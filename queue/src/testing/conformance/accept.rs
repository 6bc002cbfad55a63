//! Messages come in: once, as they are.

use super::*;

properties! {
    async fn a_message_is_taken_as_it_was_accepted(s) {
        let mut new = message("lane", "m");
        new.arrived_us = 1_718_000_010_123_457;
        s.offer(new).await;
        let taken = s.take_one().await;
        assert_eq!(taken.lease.id.as_str(), "m");
        assert_eq!(taken.lease.lane.as_str(), "lane");
        assert_eq!(taken.class.as_str(), "c");
        assert_eq!(taken.payload, "payload of m");
        assert_eq!(taken.arrived_us, 1_718_000_010_123_457);
        assert_eq!((taken.failures, taken.losses, taken.snoozes, taken.last_error), (0, 0, 0, None));
        assert_eq!(taken.progress, Progress::default());
    }

    async fn the_same_id_is_accepted_once(s) {
        s.accept("lane", "m").await;
        assert_eq!(s.offer(message("lane", "m")).await, Accepted::Duplicate);
        assert_eq!(s.offer(message("another lane", "m")).await, Accepted::Duplicate);
        assert_eq!(ids(&s.take(9).await), ["m"]);
    }

    async fn the_same_id_is_accepted_once_when_it_comes_many_times_at_once(s) {
        let outcomes = futures::future::join_all((0..60).map(|n| s.offer(message("lane", &format!("m{}", n % 3))))).await;
        assert_eq!(outcomes.iter().filter(|o| **o == Accepted::New).count(), 3);
        assert_eq!(outcomes.iter().filter(|o| **o == Accepted::Duplicate).count(), 57);
        assert_eq!(s.queue.counts().await.expect("counts").open_total(), 3);
    }

    async fn an_id_is_new_again_after_the_dedup_window(s) {
        s.accept("lane", "m").await;
        s.queue.complete(&s.take_one().await.lease).await.expect("complete");
        s.clock.advance(DEDUP_WINDOW - SECOND);
        assert_eq!(s.offer(message("lane", "m")).await, Accepted::Duplicate);
        s.clock.advance(SECOND * 2);
        assert_eq!(s.offer(message("lane", "m")).await, Accepted::New);
    }

    async fn a_completed_message_is_still_a_duplicate(s) {
        s.accept("lane", "m").await;
        s.queue.complete(&s.take_one().await.lease).await.expect("complete");
        assert_eq!(s.offer(message("lane", "m")).await, Accepted::Duplicate);
        s.assert_nothing_to_take().await;
    }

    async fn ids_are_never_read_as_numbers(s) {
        // Two to the power of 53 and its neighbour are the same double.
        for id in ["9007199254740992", "9007199254740993", "09007199254740993", "9007199254740993.0", "1e3", "1000"] {
            s.accept(id, id).await;
        }
        assert_eq!(s.take(9).await.len(), 6);
    }

    async fn any_bytes_may_be_in_names_and_payloads(s) {
        for (n, name) in ["主/o中文😀", "{a}:b|c", "nul\0 and \r\n", "*?[x]", "'; DROP TABLE message; --"].iter().enumerate() {
            let mut new = message(name, &format!("{name}{n}"));
            new.payload = (0..=255).collect::<Vec<u8>>().into();
            assert_eq!(s.offer(new).await, Accepted::New);
            let taken = s.take_one().await;
            assert_eq!(taken.lease.lane.as_str(), *name);
            assert_eq!(taken.lease.id.as_str(), format!("{name}{n}"));
            assert_eq!(taken.payload.to_vec(), (0..=255).collect::<Vec<u8>>());
            s.queue.complete(&taken.lease).await.expect("complete");
        }
    }

    async fn a_payload_too_big_is_refused_by_name(s) {
        let mut new = message("lane", "m");
        new.payload = vec![0; crate::MAX_PAYLOAD_BYTES + 1].into();
        let error = s.queue.accept(new).await.expect_err("too big");
        assert!(matches!(&error, QueueError::Invalid(what) if what.contains("payload")), "{error}");
        s.assert_nothing_to_take().await;
    }

    async fn a_lane_that_is_running_or_delayed_still_accepts(s) {
        s.accept("lane", "m0").await;
        let first = s.take_one().await;
        s.accept("lane", "m1").await;
        s.assert_nothing_to_take().await;
        s.queue.retry(&first.lease, SECOND * 5, "busy").await.expect("retry");
        s.accept("lane", "m2").await;
        s.assert_nothing_to_take().await;
        s.assert_invariant().await;
        s.clock.advance(SECOND * 6);
        for id in ["m0", "m1", "m2"] {
            let taken = s.take(9).await;
            assert_eq!(ids(&taken), [id]);
            s.queue.complete(&taken[0].lease).await.expect("complete");
        }
    }

    async fn a_message_dead_on_arrival_goes_to_the_dead_letters(s) {
        let mut broken = message("lane", "m");
        broken.dead_reason = Some("not XML".into());
        assert_eq!(s.offer(broken.clone()).await, Accepted::New);
        assert_eq!(s.offer(broken).await, Accepted::Duplicate);
        s.assert_nothing_to_take().await;
        let dead = s.dead_page(10).await;
        assert_eq!((dead.total, dead.letters.len()), (1, 1));
        let letter = &dead.letters[0];
        assert_eq!(letter.reason, "not XML");
        assert_eq!(letter.payload, "payload of m");
        assert_eq!((letter.id.as_str(), letter.lane.as_str(), letter.class.as_str()), ("m", "lane", "c"));
        assert_eq!((letter.arrived_us, letter.died_us), (START_US, START_US));
        s.accept("lane", "next").await;
        assert_eq!(s.take_one().await.lease.id.as_str(), "next");
    }

    async fn a_late_message_dead_on_arrival_is_kept_whatever_there_is(s) {
        let broken = |n: u64| NewMessage { late: true, ..dead_on_arrival(&format!("m{n}")) };
        let outcomes = futures::future::join_all((0..DEAD_ON_ARRIVAL_MAX + 3).map(|n| s.offer(broken(n)))).await;
        assert!(outcomes.iter().all(|outcome| *outcome == Accepted::New), "it was acked when it came");
        assert_eq!(s.queue.counts().await.expect("counts").dead, DEAD_ON_ARRIVAL_MAX + 3);
    }

    async fn only_so_many_dead_on_arrival_are_kept_the_rest_are_counted(s) {
        let broken = |n: u64| NewMessage { dead_reason: Some("not XML".into()), ..message("lane", &format!("m{n}")) };
        let outcomes = futures::future::join_all((0..DEAD_ON_ARRIVAL_MAX + 3).map(|n| s.offer(broken(n)))).await;
        assert_eq!(outcomes.iter().filter(|o| **o == Accepted::Counted).count(), 3);
        let counts = s.queue.counts().await.expect("counts");
        assert_eq!((counts.dead, counts.dead_uncounted), (DEAD_ON_ARRIVAL_MAX, 3));
        assert_eq!(s.offer(broken(DEAD_ON_ARRIVAL_MAX + 1)).await, Accepted::Duplicate);
    }
}
