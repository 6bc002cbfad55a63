//! How an attempt ends.

use super::*;

properties! {
    async fn a_completed_message_is_gone(s) {
        s.accept("lane", "m").await;
        s.queue.complete(&s.take_one().await.lease).await.expect("complete");
        s.assert_nothing_to_take().await;
        assert_eq!(s.queue.counts().await.expect("counts").open_total(), 0);
        assert_eq!(s.queue.lane(&lane("lane")).await.expect("lane"), None);
    }

    async fn a_repeated_settle_says_that_the_lease_is_lost(s) {
        s.accept("lane", "m0").await;
        s.accept("lane", "m1").await;
        let first = s.take_one().await;
        s.queue.complete(&first.lease).await.expect("complete");
        let again = s.queue.complete(&first.lease).await.expect_err("done already");
        assert!(matches!(again, QueueError::LeaseLost));
        assert_eq!(s.take_one().await.lease.id.as_str(), "m1");
    }

    async fn of_many_completions_at_once_one_counts(s) {
        for n in 0..4 {
            s.accept("lane", &format!("m{n}")).await;
        }
        s.accept("other", "o").await;
        let taken = s.take(2).await;
        let completions = (0..20).map(|n| s.queue.complete(&taken[usize::from(n == 3)].lease));
        let outcomes = futures::future::join_all(completions).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 2, "{outcomes:?}");
        assert_eq!(s.finish_all().await, ["m1", "m2", "m3"]);
    }

    async fn a_failed_message_stays_the_head_and_its_lane_waits(s) {
        s.accept("lane", "m0").await;
        s.accept("lane", "m1").await;
        s.accept("other", "o").await;
        let first = s.take_one().await;
        s.queue.retry(&first.lease, SECOND * 10, "backend said 502").await.expect("retry");
        assert_eq!(ids(&s.take(9).await), ["o"]);
        s.clock.advance(SECOND * 9);
        s.assert_nothing_to_take().await;
        s.clock.advance(SECOND * 2);
        let again = s.take_one().await;
        assert_eq!((again.lease.id.as_str(), again.failures, again.losses), ("m0", 1, 0));
        assert_eq!(again.last_error.as_deref(), Some("backend said 502"));
        s.queue.complete(&again.lease).await.expect("complete");
        let next = s.take_one().await;
        assert_eq!((next.lease.id.as_str(), next.failures, next.last_error.as_deref()), ("m1", 0, None));
    }

    async fn a_snooze_uses_no_attempt(s) {
        s.accept("lane", "m").await;
        s.queue.snooze(&s.take_one().await.lease, SECOND * 10, "rate limit").await.expect("snooze");
        s.assert_nothing_to_take().await;
        s.clock.advance(SECOND * 11);
        let again = s.take_one().await;
        assert_eq!((again.failures, again.snoozes, again.losses), (0, 1, 0));
        assert_eq!(again.last_error.as_deref(), Some("rate limit"));
    }

    async fn a_released_message_is_first_in_line_and_has_used_no_attempt(s) {
        s.accept("lane", "m").await;
        let lease = s.take_one().await.lease;
        s.accept("lane", "m2").await;
        s.accept("other", "o").await;
        s.queue.release(&lease).await.expect("release");
        let taken = s.take(9).await;
        assert_eq!(ids(&taken), ["m", "o"]);
        assert_eq!((taken[0].failures, taken[0].losses, taken[0].snoozes), (0, 0, 0));
    }

    async fn a_buried_message_is_a_dead_letter_and_its_lane_goes_on(s) {
        s.accept("lane", "m0").await;
        s.accept("lane", "m1").await;
        s.queue.retry(&s.take_one().await.lease, SECOND, "first failure").await.expect("retry");
        s.clock.advance(SECOND * 2);
        s.queue.bury(&s.take_one().await.lease, "second failure").await.expect("bury");
        let dead = s.dead_page(10).await;
        assert_eq!(dead.letters.len(), 1);
        let letter = &dead.letters[0];
        assert_eq!((letter.id.as_str(), letter.reason.as_str(), letter.failures), ("m0", "second failure", 1));
        assert_eq!((letter.payload.as_ref(), letter.lane.as_str()), (b"payload of m0".as_slice(), "lane"));
        assert_eq!(letter.died_us, START_US + 2_000_000);
        assert_eq!(s.offer(message("lane", "m0")).await, Accepted::Duplicate);
        assert_eq!(s.take_one().await.lease.id.as_str(), "m1");
    }

    async fn recording_without_replies_keeps_those_recorded_before(s) {
        s.accept("lane", "m").await;
        let lease = s.take_one().await.lease;
        s.queue.record(&lease, Progress { replies: Some("r".into()), sent: 0, sending: Some(0) }, None).await.expect("record");
        s.queue.record(&lease, Progress { replies: None, sent: 1, sending: None }, None).await.expect("record");
        s.pass(LEASE + SECOND).await;
        assert_eq!(s.take_one().await.progress, Progress { replies: Some("r".into()), sent: 1, sending: None });
    }

    async fn a_reason_that_is_too_long_is_cut_and_refuses_nothing(s) {
        s.accept("lane", "m").await;
        let reason = "啊".repeat(REASON_MAX_BYTES);
        s.queue.bury(&s.take_one().await.lease, &reason).await.expect("bury");
        let kept = &s.dead_page(1).await.letters[0].reason;
        assert!(reason.starts_with(kept.as_str()) && kept.len() > REASON_MAX_BYTES - 4, "{}", kept.len());
    }
}
