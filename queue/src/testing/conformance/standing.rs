//! Where the current message of a lane stands with the right to send.

use super::*;

/// Another note than the suite's messages have.
const OTHER: Note = Note(8);

impl Subject {
    /// Announces the send of a part; all before it are sent.
    async fn announce(&self, message: &Leased, part: u32) -> Standing {
        self.progress(message, part, Some(part)).await
    }

    async fn progress(&self, message: &Leased, sent: u32, sending: Option<u32>) -> Standing {
        let progress = Progress { replies: None, sent, sending };
        self.queue.record(&message.lease, progress, None).await.expect("record")
    }

    /// Takes the message with this id, which has to count so many sends.
    async fn take_counting(&self, id: &str, sends: u32) -> Leased {
        let taken = self.take_one().await;
        assert_eq!((taken.lease.id.as_str(), taken.standing.sends), (id, sends));
        taken
    }

    async fn complete(&self, message: &Leased) {
        self.queue.complete(&message.lease).await.expect("complete");
    }
}

fn noted(id: &str, note: Note) -> NewMessage {
    NewMessage { held: HeldEffect::Wake(note), ..message("lane", id) }
}

properties! {
    async fn a_send_that_is_announced_counts(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        assert_eq!(taken.standing, Standing::default(), "its own right is no news");
        let sends = |sends| Standing { sends, ..Standing::default() };
        assert_eq!(s.progress(&taken, 0, None).await, sends(0));
        assert_eq!(s.announce(&taken, 0).await, sends(1));
        assert_eq!(s.announce(&taken, 1).await, sends(2), "which confirms the first");
        assert_eq!(s.progress(&taken, 2, None).await, sends(2), "the last is confirmed too");
        s.queue.release(&taken.lease).await.expect("release");
        assert_eq!(s.take_one().await.standing, sends(2));
    }

    async fn a_send_that_is_announced_again_counts_once(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        for _ in 0..3 {
            assert_eq!(s.announce(&taken, 0).await.sends, 1);
        }
        s.pass(LEASE + SECOND).await;
        let again = s.take_counting("m", 1).await;
        assert_eq!(s.announce(&again, 0).await.sends, 1, "by another holder too");
    }

    async fn a_send_that_is_taken_back_does_not_count(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        s.announce(&taken, 0).await;
        s.announce(&taken, 1).await;
        for _ in 0..3 {
            assert_eq!(s.progress(&taken, 1, None).await.sends, 1, "once, however often that is said");
        }
        assert_eq!(s.announce(&taken, 1).await.sends, 2, "and made after all");
    }

    async fn a_waking_message_begins_the_count_anew(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        s.announce(&taken, 0).await;
        s.announce(&taken, 1).await;
        s.offer(quiet("location")).await;
        assert_eq!(s.announce(&taken, 1).await.sends, 2, "this one opens no right");
        s.offer(noted("text", OTHER)).await;
        assert_eq!(s.offer(noted("text", OTHER)).await, Accepted::Duplicate);
        assert_eq!(s.progress(&taken, 1, None).await.sends, 0, "taken back, but never below none");
        assert_eq!(s.announce(&taken, 1).await.sends, 1);
        s.queue.retry(&taken.lease, SECOND, "x").await.expect("retry");
        s.accept("lane", "text2").await;
        s.clock.advance(SECOND * 2);
        s.take_counting("m", 0).await;
    }

    async fn a_waking_message_begins_the_count_anew_while_the_lane_waits_between_two_messages(s) {
        s.accept("lane", "m").await;
        s.offer(quiet("location")).await;
        let taken = s.take_one().await;
        s.announce(&taken, 0).await;
        s.complete(&taken).await;
        s.assert_invariant().await;
        s.accept("lane", "text").await;
        s.assert_invariant().await;
        s.take_counting("location", 0).await;
    }

    async fn a_message_that_ends_the_right_leaves_the_count(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        s.announce(&taken, 0).await;
        s.offer(NewMessage { held: HeldEffect::Bury(OTHER), ..message("lane", "unsubscribe") }).await;
        s.complete(&taken).await;
        s.offer(NewMessage { held: HeldEffect::Bury(OTHER), ..message("lane", "again") }).await;
        s.take_counting("unsubscribe", 1).await;
    }

    async fn the_count_goes_on_with_the_next_message_however_the_last_one_ended(s) {
        for id in ["m0", "m1", "m2", "m3", "m4"] {
            s.accept("lane", id).await;
        }
        let taken = s.take_counting("m0", 0).await;
        s.announce(&taken, 0).await;
        s.complete(&taken).await;
        s.assert_invariant().await;
        let taken = s.take_counting("m1", 1).await;
        s.announce(&taken, 0).await;
        s.queue.bury(&taken.lease, "x").await.expect("bury");
        let taken = s.take_counting("m2", 2).await;
        s.announce(&taken, 0).await;
        s.hold(&taken, "refused").await;
        s.announce(&s.take_counting("m3", 3).await, 0).await;
        s.pass(LEASE + SECOND).await;
        s.lose_all(LOSSES_MAX as usize - 1).await;
        s.assert_invariant().await;
        let taken = s.take_counting("m4", 4).await;
        s.complete(&taken).await;
        assert_eq!(s.dead_page(9).await.total, 2, "m1, and m3 with its third worker");
    }

    async fn the_count_goes_on_with_a_message_out_of_a_spool_and_beside_a_memory(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        s.remember(&taken, "memory").await;
        s.offer(NewMessage { late: true, ..quiet("late") }).await;
        s.complete(&taken).await;
        let late = s.take_counting("late", 1).await;
        assert_eq!(late.memory.as_deref(), Some(b"memory".as_slice()));
        assert_eq!(s.announce(&late, 0).await.sends, 2);
    }

    async fn the_standing_is_kept_over_retries_snoozes_releases_and_lost_leases(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        s.offer(noted("text", OTHER)).await;
        let standing = s.announce(&taken, 0).await;
        assert_eq!(standing, Standing { trigger: 1, note: Some(OTHER), sends: 1, has_followers: true });
        s.queue.retry(&taken.lease, SECOND, "x").await.expect("retry");
        s.clock.advance(SECOND * 2);
        let taken = s.take_one().await;
        assert_eq!(taken.standing, standing, "a retry");
        s.queue.snooze(&taken.lease, SECOND, "x").await.expect("snooze");
        s.clock.advance(SECOND * 2);
        let taken = s.take_one().await;
        assert_eq!(taken.standing, standing, "a snooze");
        s.queue.release(&taken.lease).await.expect("release");
        let taken = s.take_one().await;
        assert_eq!(taken.standing, standing, "a release");
        s.queue.await_answer(&taken.lease, SECOND).await.expect("await");
        s.clock.advance(SECOND * 2);
        assert_eq!(s.take_one().await.standing, standing, "a wait for an answer");
        s.pass(LEASE + SECOND).await;
        let request = s.next_request(1);
        let taken = s.queue.take(&request).await.expect("take").messages.remove(0);
        assert_eq!((taken.losses, taken.standing), (1, standing), "a lost lease");
        let again = s.queue.take(&request).await.expect("take").messages.remove(0);
        assert_eq!(again.standing, standing, "a repeated take");
    }

    async fn recording_tells_of_a_message_that_came_meanwhile_with_its_note(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        s.offer(quiet("location")).await;
        assert_eq!(s.announce(&taken, 0).await, Standing { sends: 1, ..Standing::default() });
        s.offer(noted("text", NOTE)).await;
        let told = s.announce(&taken, 1).await;
        assert_eq!(told, Standing { trigger: 1, note: Some(NOTE), sends: 1, has_followers: true }, "it opened the right anew");
        let bury = NewMessage { held: HeldEffect::Bury(OTHER), ..message("lane", "unsubscribe") };
        s.offer(bury).await;
        let told = s.announce(&taken, 2).await;
        assert_eq!(told, Standing { trigger: 1, note: Some(OTHER), sends: 2, has_followers: true }, "it ended the right");
    }

    async fn any_number_is_a_note(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        for (n, note) in [0, 1 << 53 | 1, u64::MAX].map(Note).into_iter().enumerate() {
            s.offer(noted(&format!("text{n}"), note)).await;
            assert_eq!(s.announce(&taken, 0).await.note, Some(note));
        }
        s.queue.release(&taken.lease).await.expect("release");
        s.hold(&s.take_one().await, "refused").await;
        s.offer(noted("waker", Note(u64::MAX))).await;
        assert_eq!(s.take_one().await.standing.note, Some(Note(u64::MAX)), "it woke it, too");
    }

    async fn a_message_that_is_woken_knows_the_note_of_what_woke_it(s) {
        for id in ["m0", "m1"] {
            s.offer(quiet(id)).await;
            let taken = s.take_one().await;
            s.announce(&taken, 0).await;
            s.hold(&taken, "refused").await;
        }
        s.offer(noted("text", OTHER)).await;
        s.assert_invariant().await;
        let woken = s.take_counting("m0", 0).await;
        assert_eq!(woken.standing, Standing { trigger: 0, note: Some(OTHER), sends: 0, has_followers: true });
        // Held once more, and woken by another.
        s.hold(&woken, "refused again").await;
        let woken = s.take_counting("m1", 0).await;
        assert_eq!(woken.standing.note, Some(OTHER));
        s.complete(&woken).await;
        let text = s.take_one().await;
        assert_eq!((text.lease.id.as_str(), text.standing.note), ("text", None), "its own right is no news");
        s.complete(&text).await;
        s.offer(noted("text2", NOTE)).await;
        assert_eq!(s.take_counting("m0", 0).await.standing.note, Some(NOTE));
    }

    async fn a_hold_that_comes_too_late_keeps_the_note(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        s.offer(noted("text", OTHER)).await;
        let held = s.queue.hold(&taken.lease, taken.standing.trigger, HOLD, "refused").await.expect("hold");
        assert_eq!(held, Settled::ComesAgain);
        let again = s.take_one().await;
        assert_eq!(again.standing, Standing { trigger: 1, note: Some(OTHER), sends: 0, has_followers: true });
    }

    async fn a_note_ends_with_its_message(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        s.accept("lane", "text").await;
        s.complete(&taken).await;
        assert_eq!(s.take_one().await.standing, Standing::default());
    }

    async fn a_lane_that_has_nothing_more_forgets_the_count(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        s.announce(&taken, 0).await;
        s.complete(&taken).await;
        s.assert_invariant().await;
        s.offer(quiet("held")).await;
        let taken = s.take_counting("held", 0).await;
        s.announce(&taken, 0).await;
        s.hold(&taken, "refused").await;
        s.assert_invariant().await;
        s.offer(quiet("location")).await;
        s.take_counting("location", 0).await;
    }
}
