//! Dead letters.

use super::*;

properties! {
    async fn dead_letters_come_in_pages_the_youngest_first(s) {
        for n in 0..7 {
            s.offer(dead_on_arrival(&format!("m{n}"))).await;
            // Two and two die at the same time.
            s.clock.advance(SECOND * (n % 2));
        }
        let mut after = None;
        let mut pages = Vec::new();
        loop {
            let page = s.queue.dead(&DeadFilter::default(), after.as_ref(), 3).await.expect("dead");
            assert_eq!(page.total, 7);
            pages.push(page.letters.iter().map(|letter| letter.id.to_string()).collect::<Vec<_>>());
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(pages, [vec!["m6", "m5", "m4"], vec!["m3", "m2", "m1"], vec!["m0"]]);
    }

    async fn the_oldest_dead_letters_are_those_that_are_too_old_or_too_many(s) {
        let day = SECOND * 24 * 3600;
        for n in 0..5 {
            s.offer(dead_on_arrival(&format!("m{n}"))).await;
            s.clock.advance(day);
        }
        // They are one to five days old.
        let oldest = async |max_age, max| {
            let letters = s.queue.oldest_dead(max_age, max).await.expect("oldest dead");
            letters.into_iter().map(|letter| letter.id.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(oldest(day * 9, 9).await, [""; 0]);
        assert_eq!(oldest(day * 9, 5).await, [""; 0]);
        assert_eq!(oldest(day * 9, 3).await, ["m0", "m1"]);
        assert_eq!(oldest(day * 4, 9).await, ["m0", "m1"]);
        assert_eq!(oldest(day * 4, 2).await, ["m0", "m1", "m2"]);
        assert_eq!(oldest(day * 9, 0).await.len(), 5);
        assert!(s.drop_dead(&id("m0")).await);
        assert_eq!(oldest(day * 4, 9).await, ["m1"]);
        // No call gives more than it may look through.
        let more = (0..DEAD_SCAN_MAX).map(|n| s.offer(dead_on_arrival(&format!("more{n}"))));
        futures::future::join_all(more).await;
        let first = s.queue.oldest_dead(day * 9, 0).await.expect("oldest dead");
        assert_eq!((first.len() as u64, first[0].id.as_str()), (DEAD_SCAN_MAX, "m1"));
    }

    async fn a_dead_letter_can_be_looked_up_by_its_id(s) {
        s.accept("lane", "m").await;
        s.queue.bury(&s.take_one().await.lease, "why").await.expect("bury");
        let m = id("m");
        let letter = s.queue.dead_letter(&m).await.expect("dead letter");
        assert_eq!(letter, s.dead_page(1).await.letters.pop());
        assert!(letter.is_some_and(|letter| letter.reason == "why"));
        assert_eq!(s.queue.dead_letter(&id("other")).await.expect("dead letter"), None);
    }

    async fn a_revived_letter_goes_to_the_end_of_its_lane_with_all_its_attempts(s) {
        s.accept("lane", "m0").await;
        let lease = s.take_one().await.lease;
        s.queue.record(&lease, Progress { replies: Some("r".into()), sent: 1, sending: None }, None).await.expect("record");
        s.queue.retry(&lease, SECOND, "x").await.expect("retry");
        s.clock.advance(SECOND * 2);
        s.queue.bury(&s.take_one().await.lease, "why").await.expect("bury");
        s.accept("lane", "m1").await;
        let m0 = id("m0");
        assert!(s.revive(&m0).await);
        assert!(!s.revive(&m0).await, "it is no dead letter any more");
        assert_eq!(s.offer(message("lane", "m0")).await, Accepted::Duplicate);
        assert_eq!(s.queue.counts().await.expect("counts").dead, 0);
        let first = s.take(9).await;
        assert_eq!(ids(&first), ["m1"]);
        s.queue.complete(&first[0].lease).await.expect("complete");
        let revived = s.take_one().await;
        assert_eq!((revived.lease.id.as_str(), revived.payload.as_ref()), ("m0", b"payload of m0".as_slice()));
        assert_eq!((revived.failures, revived.losses, revived.progress), (0, 0, Progress::default()));
        s.queue.complete(&revived.lease).await.expect("complete");
        // Into a lane that has nothing else.
        s.accept("alone", "m2").await;
        s.queue.bury(&s.take_one().await.lease, "why").await.expect("bury");
        assert!(s.revive(&id("m2")).await);
        assert_eq!(s.take_one().await.lease.id.as_str(), "m2");
    }

    async fn a_dropped_letter_is_gone_for_good(s) {
        s.accept("lane", "m").await;
        s.queue.bury(&s.take_one().await.lease, "why").await.expect("bury");
        let m = id("m");
        assert!(s.drop_dead(&m).await);
        assert!(!s.drop_dead(&m).await);
        assert_eq!(s.dead_page(9).await.total, 0);
        assert_eq!(s.offer(message("lane", "m")).await, Accepted::Duplicate, "it is not let in again");
        s.assert_nothing_to_take().await;
    }

    async fn letters_dead_on_arrival_make_room_when_they_are_revived_or_dropped(s) {
        let broken = |n: u64| NewMessage { dead_reason: Some("not XML".into()), ..message("lane", &format!("m{n}")) };
        futures::future::join_all((0..DEAD_ON_ARRIVAL_MAX).map(|n| s.offer(broken(n)))).await;
        assert_eq!(s.offer(broken(DEAD_ON_ARRIVAL_MAX)).await, Accepted::Counted);
        assert!(s.drop_dead(&id("m1")).await);
        assert!(s.revive(&id("m2")).await);
        assert_eq!(s.offer(broken(DEAD_ON_ARRIVAL_MAX + 1)).await, Accepted::New);
        assert_eq!(s.offer(broken(DEAD_ON_ARRIVAL_MAX + 2)).await, Accepted::New);
        assert_eq!(s.offer(broken(DEAD_ON_ARRIVAL_MAX + 3)).await, Accepted::Counted);
        assert_eq!(s.take_one().await.lease.id.as_str(), "m2");
    }

    async fn dead_letters_are_found_by_class_lane_and_reason(s) {
        for (n, (name, reason)) in [("a", "45015: too late"), ("b", "40003: no such user"), ("a", "40003")].iter().enumerate() {
            let id = format!("m{n}");
            s.offer(NewMessage { dead_reason: Some((*reason).into()), lane: lane(name), ..message("lane", &id) }).await;
            s.clock.advance(SECOND);
        }
        let found = |filter: DeadFilter| async move {
            let page = s.queue.dead(&filter, None, 9).await.expect("dead");
            assert_eq!((page.total, page.next), (3, None));
            page.letters.iter().map(|letter| letter.id.to_string()).collect::<Vec<_>>()
        };
        let all = DeadFilter::default();
        assert_eq!(found(DeadFilter { lane: Some(lane("a")), ..all.clone() }).await, ["m2", "m0"]);
        assert_eq!(found(DeadFilter { reason: Some("40003".into()), ..all.clone() }).await, ["m2", "m1"]);
        assert_eq!(found(DeadFilter { reason: Some("4.0".into()), ..all.clone() }).await, Vec::<String>::new(), "it is no pattern");
        assert_eq!(found(DeadFilter { class: Some(class("c")), ..all.clone() }).await, ["m2", "m1", "m0"]);
        assert_eq!(found(DeadFilter { class: Some(class("other")), ..all }).await, Vec::<String>::new());
    }

    async fn a_search_through_many_letters_goes_on_where_it_stopped(s) {
        let letters = usize::try_from(DEAD_SCAN_MAX).expect("fits") + 50;
        for n in 0..letters {
            let reason = if n == 3 { "the one" } else { "another" };
            s.accept("lane", &format!("m{n}")).await;
            s.queue.bury(&s.take_one().await.lease, reason).await.expect("bury");
            s.clock.advance(SECOND / 100);
        }
        let filter = DeadFilter { reason: Some("the one".into()), ..DeadFilter::default() };
        let first = s.queue.dead(&filter, None, 9).await.expect("dead");
        assert!(first.letters.is_empty());
        let next = first.next.expect("there are more to look through");
        // Others may have been taken away, even the one that it stopped at.
        assert!(s.drop_dead(&next.id).await);
        let second = s.queue.dead(&filter, Some(&next), 9).await.expect("dead");
        assert_eq!(second.letters.iter().map(|letter| letter.id.as_str()).collect::<Vec<_>>(), ["m3"]);
        assert_eq!(second.next, None);
    }

    async fn many_letters_are_revived_and_dropped_together(s) {
        let all: Vec<_> = (0..200).map(|n| format!("m{n}")).collect();
        for id in &all {
            s.offer(dead_on_arrival(id)).await;
        }
        let ids: Vec<_> = all.iter().map(|name| id(name)).chain([id("unknown")]).collect();
        let revived = s.queue.revive(&ids[..100]).await.expect("revive");
        assert_eq!(revived, [true; 100]);
        let dropped = s.queue.drop_dead(&ids).await.expect("drop");
        assert_eq!(dropped.iter().filter(|dropped| **dropped).count(), 100);
        assert_eq!(s.queue.counts().await.expect("counts").open_total(), 100);
        assert_eq!(s.finish_all().await, all[..100]);
    }

    async fn a_letter_whose_message_dies_again_gives_way(s) {
        s.offer(dead_on_arrival("m")).await;
        s.clock.advance(DEDUP_WINDOW + SECOND);
        s.accept("lane", "m").await;
        s.queue.bury(&s.take_one().await.lease, "again").await.expect("bury");
        let page = s.dead_page(9).await;
        assert_eq!((page.total, page.letters.len()), (1, 1));
        assert_eq!(page.letters[0].reason, "again");
    }

    async fn a_letter_gives_way_to_one_of_another_class_and_both_classes_are_counted_right(s) {
        s.offer(dead_on_arrival("m")).await;
        s.clock.advance(DEDUP_WINDOW + SECOND);
        s.offer(NewMessage { class: class("d"), ..message("other lane", "m") }).await;
        let request = TakeRequest { classes: [class("d")].into(), ..s.next_request(1) };
        let taken = s.queue.take(&request).await.expect("take").messages.remove(0);
        s.queue.bury(&taken.lease, "again").await.expect("bury");
        let counts = s.queue.counts().await.expect("counts");
        assert_eq!((counts.dead, counts.dead_uncounted), (1, 0));
        for n in 0..DEAD_ON_ARRIVAL_MAX {
            assert_eq!(s.offer(dead_on_arrival(&format!("n{n}"))).await, Accepted::New, "there is room for {n}");
        }
        assert_eq!(s.offer(dead_on_arrival("more")).await, Accepted::Counted);
    }
}
