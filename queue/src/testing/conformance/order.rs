//! Who comes when: one at a time in a lane, all lanes in turn.

use super::*;

properties! {
    async fn messages_of_a_lane_come_one_at_a_time_in_order(s) {
        for n in 0..5 {
            s.accept("lane", &format!("m{n}")).await;
        }
        for n in 0..5 {
            let taken = s.take(9).await;
            assert_eq!(ids(&taken), [format!("m{n}")]);
            s.assert_nothing_to_take().await;
            s.queue.complete(&taken[0].lease).await.expect("complete");
        }
        s.assert_nothing_to_take().await;
    }

    async fn lanes_are_taken_together_up_to_the_maximum(s) {
        for n in 0..10 {
            s.accept(&format!("lane{n}"), &format!("m{n}")).await;
        }
        assert_eq!(ids(&s.take(4).await), ["m0", "m1", "m2", "m3"]);
        assert_eq!(ids(&s.take(100).await), ["m4", "m5", "m6", "m7", "m8", "m9"]);
    }

    async fn a_flooding_lane_gets_one_turn_per_round(s) {
        for n in 0..50 {
            s.accept("flood", &format!("f{n}")).await;
        }
        s.accept("a", "a").await;
        s.accept("b", "b").await;
        let mut order = Vec::new();
        for _ in 0..5 {
            let taken = s.take_one().await;
            order.push(taken.lease.id.to_string());
            s.queue.complete(&taken.lease).await.expect("complete");
        }
        assert_eq!(order, ["f0", "a", "b", "f1", "f2"]);
    }

    async fn only_the_classes_asked_for_are_taken(s) {
        let mut other = message("lane", "m");
        other.class = class("other");
        s.offer(other).await;
        s.assert_nothing_to_take().await;
        let request = TakeRequest { classes: [class("c"), class("other")].into(), ..s.request(9, 1_000) };
        assert_eq!(ids(&s.queue.take(&request).await.expect("take").messages), ["m"]);
    }

    async fn classes_take_turns(s) {
        for (name, count) in [("c", 20), ("other", 3)] {
            for n in 0..count {
                let mut new = message(&format!("{name}{n}"), &format!("{name}{n}"));
                new.class = class(name);
                s.offer(new).await;
            }
        }
        let request = TakeRequest { classes: [class("c"), class("other")].into(), ..s.request(6, 1_000) };
        let taken = s.queue.take(&request).await.expect("take").messages;
        assert_eq!(taken.iter().filter(|m| m.class == class("other")).count(), 3, "{:?}", ids(&taken));
    }

    async fn hundreds_of_lanes_due_at_once_all_come(s) {
        for n in 0..300 {
            s.accept(&format!("lane{n}"), &format!("m{n}")).await;
        }
        let mut seen = HashSet::new();
        for message in s.take(300).await {
            seen.insert(message.lease.id.to_string());
            s.queue.retry(&message.lease, SECOND * 5, "x").await.expect("retry");
        }
        assert_eq!(seen.len(), 300);
        s.clock.advance(SECOND * 6);
        seen.clear();
        for _ in 0..20 {
            for message in s.take(100).await {
                assert!(seen.insert(message.lease.id.to_string()), "each comes once");
            }
        }
        assert_eq!(seen.len(), 300);
        s.pass(LEASE * 2).await;
        seen.clear();
        for _ in 0..20 {
            for message in s.take(100).await {
                assert!(seen.insert(message.lease.id.to_string()), "each comes once");
                s.queue.complete(&message.lease).await.expect("complete");
            }
        }
        assert_eq!(seen.len(), 300);
    }

    /// In real time, though no lease runs out.
    async fn many_workers_handle_every_message_once_and_in_order(s) {
        const LANES: usize = 40;
        const PER_LANE: usize = 25;
        let accept = async {
            for n in 0..PER_LANE {
                let lane_messages = (0..LANES).map(|lane| s.accept_owned(format!("lane{lane}"), format!("{lane}/{n}")));
                futures::future::join_all(lane_messages).await;
            }
        };
        let handled = tokio::sync::Mutex::new(BTreeMap::<String, Vec<String>>::new());
        let count = AtomicU64::new(0);
        let worker = |name: usize| {
            let (handled, count) = (&handled, &count);
            async move {
                let id = WorkerId::new(format!("worker{name}"));
                let mut call = 0;
                while count.load(Ordering::SeqCst) < (LANES * PER_LANE) as u64 {
                    call += 1;
                    let request = TakeRequest { worker: id.clone(), ..s.request(7, call) };
                    let taken = s.queue.take(&request).await.expect("take").messages;
                    if taken.is_empty() {
                        s.queue.wait(SECOND / 20).await.expect("wait");
                    }
                    for message in taken {
                        handled.lock().await.entry(message.lease.lane.to_string()).or_default().push(message.lease.id.to_string());
                        tokio::task::yield_now().await;
                        s.queue.complete(&message.lease).await.expect("complete");
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                }
            }
        };
        let everything = async { tokio::join!(accept, futures::future::join_all((0..6).map(worker))) };
        tokio::time::timeout(SECOND * 60, everything).await.expect("all are handled");
        for (lane, order) in handled.into_inner() {
            let lane = lane.trim_start_matches("lane");
            assert_eq!(order, (0..PER_LANE).map(|n| format!("{lane}/{n}")).collect::<Vec<_>>());
        }
        assert_eq!(s.queue.counts().await.expect("counts").open_total(), 0);
    }

    async fn the_older_of_a_lanes_two_heads_is_next(s) {
        for (id, arrived_us, late) in
            [("d2", 20, false), ("d4", 40, false), ("l1", 10, true), ("l3", 30, true), ("l5", 50, true)]
        {
            s.offer(NewMessage { arrived_us, late, ..message("lane", id) }).await;
            s.assert_invariant().await;
        }
        assert_eq!(s.finish_all().await, ["l1", "d2", "l3", "d4", "l5"]);
    }

    async fn a_late_message_does_not_overtake_the_current_one(s) {
        s.offer(NewMessage { arrived_us: 20, ..message("lane", "current") }).await;
        let current = s.take_one().await;
        s.offer(NewMessage { arrived_us: 10, late: true, ..message("lane", "late") }).await;
        s.queue.retry(&current.lease, SECOND, "x").await.expect("retry");
        s.clock.advance(SECOND * 2);
        let again = s.take_one().await;
        assert_eq!(again.lease.id.as_str(), "current");
        s.queue.release(&again.lease).await.expect("release");
        s.assert_invariant().await;
        assert_eq!(s.finish_all().await, ["current", "late"]);
    }

    async fn a_late_message_alone_is_taken_settled_and_lost_like_any_other(s) {
        s.offer(NewMessage { late: true, ..message("lane", "m") }).await;
        assert_eq!(s.offer(message("lane", "m")).await, Accepted::Duplicate);
        s.take_one().await;
        s.pass(LEASE + SECOND).await;
        let taken = s.take_one().await;
        assert_eq!((taken.lease.id.as_str(), taken.losses), ("m", 1));
        assert_eq!(taken.payload, "payload of m");
        s.accept("lane", "m2").await;
        s.queue.bury(&taken.lease, "x").await.expect("bury");
        assert_eq!(s.finish_all().await, ["m2"]);
        assert_eq!(s.dead_page(9).await.letters[0].payload, "payload of m");
    }
}

impl Subject {
    async fn accept_owned(&self, lane: String, id: String) {
        self.accept(&lane, &id).await;
    }
}
