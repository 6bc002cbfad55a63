//! A lane's memory.

use super::*;

properties! {
    async fn a_lanes_memory_comes_with_its_later_messages(s) {
        s.accept("lane", "m0").await;
        s.accept("other", "o").await;
        let taken = s.take(2).await;
        assert_eq!(taken[0].memory, None);
        s.remember(&taken[0], "turn 1").await;
        s.queue.complete(&taken[0].lease).await.expect("complete");
        assert_eq!(s.lane("lane").await, None, "a lane with only a memory is in no state");
        s.accept("lane", "m1").await;
        let next = s.take_one().await;
        assert_eq!(next.memory.as_deref(), Some(b"turn 1".as_slice()));
        s.remember(&next, "turn 2").await;
        s.queue.complete(&next.lease).await.expect("complete");
        s.accept("lane", "m2").await;
        assert_eq!(s.take_one().await.memory.as_deref(), Some(b"turn 2".as_slice()));
        s.queue.release(&taken[1].lease).await.expect("release");
        assert_eq!(s.take_one().await.memory, None, "it is the lane's own");
    }

    async fn only_a_messages_first_replies_replace_the_memory(s) {
        s.accept("lane", "m0").await;
        let taken = s.take_one().await;
        s.remember(&taken, "first").await;
        s.remember(&taken, "again").await;
        let no_replies = Progress { replies: None, sent: 1, sending: None };
        s.queue.record(&taken.lease, no_replies, Some(remembered("without"))).await.expect("record");
        s.hold(&taken, "refused").await;
        s.accept("lane", "m1").await;
        let woken = s.take_one().await;
        assert_eq!((woken.lease.id.as_str(), woken.memory.as_deref()), ("m0", Some(b"first".as_slice())));
        s.remember(&woken, "of a held message").await;
        s.queue.complete(&woken.lease).await.expect("complete");
        assert_eq!(s.take_one().await.memory.as_deref(), Some(b"first".as_slice()));
    }

    async fn a_user_who_leaves_is_forgotten_and_a_running_message_writes_nothing_back(s) {
        let leave = |id| NewMessage { held: HeldEffect::Bury, ..message("lane", id) };
        s.accept("lane", "m0").await;
        let taken = s.take_one().await;
        s.remember(&taken, "turn 1").await;
        s.queue.complete(&taken.lease).await.expect("complete");
        s.accept("lane", "m1").await;
        let taken = s.take_one().await;
        assert_eq!(taken.memory.as_deref(), Some(b"turn 1".as_slice()));
        s.offer(leave("leave")).await;
        s.accept("lane", "follow").await;
        s.pass(LEASE + SECOND).await;
        let again = s.take_one().await;
        assert_eq!((again.lease.id.as_str(), again.memory.as_deref()), ("m1", None), "its next holder knows nothing");
        s.remember(&again, "turn 2").await;
        s.queue.complete(&again.lease).await.expect("complete");
        for _ in 0..2 {
            let taken = s.take_one().await;
            assert_eq!(taken.memory, None);
            s.queue.complete(&taken.lease).await.expect("complete");
        }
        s.accept("lane", "m2").await;
        let taken = s.take_one().await;
        s.remember(&taken, "anew").await;
        s.queue.complete(&taken.lease).await.expect("complete");
        s.offer(leave("leave again")).await;
        assert_eq!(s.take_one().await.memory, None, "an idle lane forgets, too");
    }

    async fn a_memory_ends_at_its_time_or_when_it_is_emptied(s) {
        for (message, memory) in [("m0", "soon over"), ("m1", "emptied")] {
            s.accept("lane", message).await;
            let taken = s.take_one().await;
            assert_eq!(taken.memory, None);
            s.remember(&taken, memory).await;
            s.queue.complete(&taken.lease).await.expect("complete");
            if message == "m0" {
                s.clock.advance(REMEMBER + SECOND);
            }
        }
        s.accept("lane", "m2").await;
        let taken = s.take_one().await;
        assert_eq!(taken.memory.as_deref(), Some(b"emptied".as_slice()));
        s.remember(&taken, "").await;
        s.queue.complete(&taken.lease).await.expect("complete");
        s.accept("lane", "m3").await;
        assert_eq!(s.take_one().await.memory, None);
    }
}
