//! Messages that kill their workers.

use super::*;

properties! {
    async fn a_message_that_outlives_two_workers_is_given_to_those_who_ask_for_a_suspect(s) {
        s.accept("good", "good").await;
        s.accept("bad", "bad").await;
        s.lose_all(2).await;
        let none = s.queue.take(&TakeRequest { suspect: false, ..s.next_request(9) }).await.expect("take");
        assert!(none.messages.is_empty(), "{:?}", ids(&none.messages));
        let first = s.take(9).await;
        assert_eq!((first.len(), first[0].losses), (1, 2), "one suspect at a time");
        s.accept("new", "new").await;
        assert_eq!(ids(&s.take(1).await).len(), 1, "another worker may have the other");
        assert_eq!(ids(&s.take(9).await), ["new"]);
        s.assert_invariant().await;
    }

    async fn with_the_third_loss_a_message_is_dead_and_its_letter_names_the_workers(s) {
        s.accept("lane", "bad").await;
        s.accept("lane", "behind").await;
        for name in ["one", "two", "three"] {
            let request = TakeRequest { worker: WorkerId::new(name), ..s.request(9, 1) };
            let taken = s.queue.take(&request).await.expect("take").messages;
            assert_eq!(ids(&taken), ["bad"]);
            s.confirm(&taken).await;
            s.pass(LEASE + SECOND).await;
        }
        let taken = s.take_full(9).await;
        assert_eq!(ids(&taken.messages), ["behind"]);
        let buried_ones = taken.buried.iter().map(|buried| (buried.id.as_str(), buried.class.as_str(), buried.reason.as_str()));
        assert_eq!(buried_ones.collect::<Vec<_>>(), [("bad", "c", "3 workers died while they handled it: one, two, three")]);
        let letter = s.dead_page(9).await.letters.remove(0);
        assert_eq!((letter.id.as_str(), letter.losses), ("bad", 3));
        assert_eq!(letter.reason, "3 workers died while they handled it: one, two, three");
        assert_eq!(s.queue.counts().await.expect("counts").open_total(), 1);
    }

    async fn after_its_first_loss_only_a_confirmed_lease_can_be_lost(s) {
        s.accept("lane", "m").await;
        for expected in [0, 1, 1, 1] {
            assert_eq!(s.take_one().await.losses, expected);
            s.pass(LEASE + SECOND).await;
        }
        let taken = s.take(1).await;
        s.confirm(&taken).await;
        s.pass(LEASE + SECOND).await;
        assert_eq!(s.take_one().await.losses, 2);
    }

    async fn a_suspect_stays_one_through_delays_and_releases(s) {
        s.accept("lane", "bad").await;
        s.lose_all(2).await;
        let taken = s.take_one().await;
        s.queue.retry(&taken.lease, SECOND, "x").await.expect("retry");
        s.clock.advance(SECOND * 2);
        let unwilling = TakeRequest { suspect: false, ..s.next_request(9) };
        assert!(s.queue.take(&unwilling).await.expect("take").messages.is_empty());
        let taken = s.take_one().await;
        assert_eq!((taken.losses, taken.failures), (2, 1));
        s.queue.release(&taken.lease).await.expect("release");
        let unwilling = TakeRequest { suspect: false, ..s.next_request(9) };
        assert!(s.queue.take(&unwilling).await.expect("take").messages.is_empty());
        s.accept("lane", "behind").await;
        assert_eq!(s.finish_all().await, ["bad", "behind"]);
    }
}
