//! Takes that are repeated or come late, and what can be seen.

use super::*;

properties! {
    async fn a_take_gives_no_more_bytes_than_a_slow_line_carries(s) {
        const PART: usize = TAKEN_BYTES_MAX / 4;
        let large = |n| NewMessage {
            payload: vec![b'x'; PART].into(),
            ..message(&format!("lane{n}"), &format!("m{n}"))
        };
        for n in 0..6 {
            s.offer(large(n)).await;
        }
        assert_eq!(s.take(9).await.len(), 4);
        assert_eq!(s.take(9).await.len(), 2);
        // A memory counts as well.
        for n in 10..16 {
            s.accept(&format!("lane{n}"), &format!("m{n}")).await;
            let taken = s.take_one().await;
            let memory = Memory { bytes: vec![b'y'; PART].into(), keep_for: LEASE * 100 };
            let progress = Progress { replies: Some("r".into()), ..Progress::default() };
            s.queue.record(&taken.lease, progress, Some(memory)).await.expect("record");
            s.queue.complete(&taken.lease).await.expect("complete");
        }
        for n in 10..16 {
            s.accept(&format!("lane{n}"), &format!("again{n}")).await;
        }
        assert_eq!(s.take(9).await.len(), 4);
    }

    async fn a_repeated_take_gives_the_same_batch(s) {
        for n in 0..5 {
            s.accept(&format!("lane{n}"), &format!("m{n}")).await;
        }
        let first = s.queue.take(&s.request(2, 7)).await.expect("take").messages;
        let again = s.queue.take(&s.request(2, 7)).await.expect("take").messages;
        assert_eq!(ids(&first), ["m0", "m1"]);
        assert_eq!(ids(&again), ids(&first));
        assert_eq!(again[0].lease, first[0].lease);
        let next = s.queue.take(&s.request(2, 8)).await.expect("take").messages;
        assert_eq!(ids(&next), ["m2", "m3"]);
        let other = TakeRequest { worker: WorkerId::new("suite"), ..s.request(9, 8) };
        assert_eq!(ids(&s.queue.take(&other).await.expect("take").messages), ["m4"], "another worker's calls are its own");
    }

    async fn the_leases_of_a_repeated_take_run_anew(s) {
        s.accept("lane", "m").await;
        s.queue.take(&s.request(1, 7)).await.expect("take");
        s.pass(LEASE - SECOND).await;
        assert_eq!(ids(&s.queue.take(&s.request(1, 7)).await.expect("take").messages), ["m"]);
        s.clock.advance(SECOND * 2);
        s.assert_nothing_to_take().await;
    }

    async fn a_repeated_take_leaves_out_what_was_settled_meanwhile(s) {
        for n in 0..3 {
            s.accept(&format!("lane{n}"), &format!("m{n}")).await;
        }
        s.accept("lane0", "behind m0").await;
        let first = s.queue.take(&s.request(3, 7)).await.expect("take").messages;
        s.queue.complete(&first[0].lease).await.expect("complete");
        s.queue.retry(&first[1].lease, SECOND, "x").await.expect("retry");
        assert_eq!(ids(&s.queue.take(&s.request(3, 7)).await.expect("take").messages), ["m2"]);
    }

    async fn an_older_take_that_comes_late_gives_nothing(s) {
        for n in 0..4 {
            s.accept(&format!("lane{n}"), &format!("m{n}")).await;
        }
        assert_eq!(ids(&s.queue.take(&s.request(2, 7)).await.expect("take").messages), ["m0", "m1"]);
        assert!(s.queue.take(&s.request(2, 6)).await.expect("take").messages.is_empty());
        assert_eq!(ids(&s.queue.take(&s.request(2, 7)).await.expect("take").messages), ["m0", "m1"]);
    }

    async fn take_says_what_is_due_next(s) {
        assert_eq!(s.take_full(9).await.next_due, None);
        s.accept("a", "a").await;
        s.accept("b", "b").await;
        let taken = s.take(2).await;
        assert_eq!(s.take_full(9).await.next_due, Some(LEASE));
        s.queue.retry(&taken[0].lease, SECOND * 4, "x").await.expect("retry");
        s.clock.advance(SECOND);
        assert_eq!(s.take_full(9).await.next_due, Some(SECOND * 3));
    }

    async fn counts_tell_the_states_apart(s) {
        for n in 0..4 {
            s.accept(&format!("lane{n}"), &format!("m{n}")).await;
        }
        s.accept("lane0", "behind").await;
        let taken = s.take(3).await;
        s.queue.retry(&taken[1].lease, SECOND * 5, "why").await.expect("retry");
        s.queue.bury(&taken[2].lease, "x").await.expect("bury");
        s.clock.advance(SECOND * 2);
        let counts = s.queue.counts().await.expect("counts");
        assert_eq!(counts.open, BTreeMap::from([(class("c"), 4)]));
        assert_eq!(counts.ready_lanes, BTreeMap::from([(class("c"), 1)]));
        assert_eq!((counts.running, counts.delayed, counts.dead, counts.dead_uncounted), (1, 1, 1, 0));
        assert_eq!(counts.next_age_us(), Some(2_000_000));
        let lane = |name| async move { s.queue.lane(&Lane::new(name).expect("fits")).await.expect("lane") };
        let running = lane("lane0").await.expect("there");
        assert_eq!(running.state, LaneState::Leased);
        assert_eq!(running.waiting.iter().map(MessageId::as_str).collect::<Vec<_>>(), ["m0", "behind"]);
        let delayed = lane("lane1").await.expect("there");
        assert_eq!(delayed.state, LaneState::Delayed { due_us: START_US + 5_000_000 });
        assert_eq!(delayed.last_error.as_deref(), Some("why"));
        assert_eq!(lane("lane3").await.expect("there").state, LaneState::Ready);
        assert_eq!(lane("lane2").await, None);
    }

    async fn the_age_of_what_is_next_in_line_is_known_of_each_class(s) {
        let other = |n: u64| NewMessage { class: class("other"), arrived_us: START_US, ..message("other", &format!("o{n}")) };
        s.offer(other(0)).await;
        s.offer(other(1)).await;
        s.clock.advance(SECOND * 3);
        s.offer(NewMessage { arrived_us: START_US + 3_000_000, ..message("lane", "m") }).await;
        s.clock.advance(SECOND * 2);
        let ages = async || s.queue.counts().await.expect("counts").next_ages_us;
        let (c, its) = ((class("c"), 2_000_000), (class("other"), 5_000_000));
        assert_eq!(ages().await, BTreeMap::from([c.clone(), its.clone()]));
        // One that is paused waits all the same.
        s.pause(Scope::Class(class("other"))).await;
        assert_eq!(ages().await, BTreeMap::from([c, its.clone()]));
        s.take_one().await;
        assert_eq!(ages().await, BTreeMap::from([its]), "what is being handled doesn't wait");
    }

    /// In real time.
    async fn waiting_ends_when_a_message_comes(s) {
        for round in 0..5 {
            // What an earlier message left behind may end a wait early; drain that first.
            while tokio::time::timeout(SECOND / 20, s.queue.wait(SECOND)).await.is_ok() {}
            let accept = async {
                tokio::time::sleep(SECOND / 20).await;
                s.accept(&format!("lane{round}"), &format!("m{round}")).await;
            };
            let wait = async {
                s.queue.wait(SECOND * 20).await.expect("wait");
            };
            tokio::time::timeout(SECOND * 10, async { tokio::join!(wait, accept) }).await.expect("the wait ends early");
        }
    }

    /// In real time.
    async fn waiting_ends_at_its_time(s) {
        tokio::time::timeout(SECOND * 10, s.queue.wait(SECOND / 5)).await.expect("it ends").expect("wait");
    }
}
