//! Where the current message of a lane stands with the right to send.

use super::*;

/// Another right than the suite's messages have: fewer sends, and for longer.
const OTHER: Right = Right { sends: 3, until_s: 9_999 };
/// What both give together.
const WIDEST: Right = Right { sends: 5, until_s: 9_999 };

impl Subject {
    /// Announces the send of a part; all before it are sent.
    async fn announce(&self, message: &Leased, part: u32) -> SendState {
        self.progress(message, part, Some(part)).await
    }

    async fn progress(&self, message: &Leased, sent: u32, sending: Option<u32>) -> SendState {
        let progress = Progress { replies: None, sent, sending };
        self.queue.record(&message.lease, progress, None).await.expect("record")
    }

    /// Takes the message with this id, which has to count so many sends.
    async fn take_counting(&self, id: &str, sends: u32) -> Leased {
        let taken = self.take_one().await;
        assert_eq!((taken.lease.id.as_str(), taken.send_state.sends), (id, sends));
        taken
    }

    async fn complete(&self, message: &Leased) {
        self.queue.complete(&message.lease).await.expect("complete");
    }
}

fn opening(id: &str, right: Right) -> NewMessage {
    NewMessage { held: HeldEffect::Wake(right), ..message("lane", id) }
}

fn leaving(id: &str) -> NewMessage {
    NewMessage { held: HeldEffect::Bury, ..message("lane", id) }
}

properties! {
    async fn a_send_that_is_announced_counts(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        assert_eq!(taken.send_state, SendState::default(), "its own right is no news");
        let sends = |sends| SendState { sends, ..SendState::default() };
        assert_eq!(s.progress(&taken, 0, None).await, sends(0));
        assert_eq!(s.announce(&taken, 0).await, sends(1));
        assert_eq!(s.announce(&taken, 1).await, sends(2), "which confirms the first");
        assert_eq!(s.progress(&taken, 2, None).await, sends(2), "the last is confirmed too");
        s.queue.release(&taken.lease).await.expect("release");
        assert_eq!(s.take_one().await.send_state, sends(2));
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

    async fn of_two_rights_the_larger_number_that_is_left_counts_and_the_later_end(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        s.announce(&taken, 0).await;
        s.announce(&taken, 1).await;
        s.offer(quiet("location")).await;
        assert_eq!(s.announce(&taken, 1).await, SendState { sends: 2, ..SendState::default() }, "this one opens none");
        s.offer(opening("text", RIGHT)).await;
        assert_eq!(s.offer(opening("text", RIGHT)).await, Accepted::Duplicate);
        let state = s.announce(&taken, 2).await;
        assert_eq!((state.sends, state.right), (3, Some(Right { sends: 2 + 5, ..RIGHT })));
        // Four are left: the three of this one are fewer, and last longer.
        s.offer(opening("click", OTHER)).await;
        let state = s.announce(&taken, 3).await;
        assert_eq!((state.sends, state.right), (4, Some(Right { sends: 7, until_s: OTHER.until_s })));
        for part in 4..7 {
            s.announce(&taken, part).await;
        }
        s.offer(opening("click2", Right { until_s: 1, ..OTHER })).await;
        let state = s.progress(&taken, 6, None).await;
        assert_eq!((state.sends, state.right), (6, Some(Right { sends: 7 + 3, until_s: OTHER.until_s })), "taken back");
        s.queue.retry(&taken.lease, SECOND, "x").await.expect("retry");
        s.clock.advance(SECOND * 2);
        assert_eq!(s.take_counting("m", 6).await.send_state.right, state.right);
    }

    async fn a_right_counts_in_a_lane_that_waits_between_two_messages(s) {
        s.accept("lane", "m").await;
        s.offer(quiet("location")).await;
        let taken = s.take_one().await;
        s.announce(&taken, 0).await;
        s.complete(&taken).await;
        s.assert_invariant().await;
        s.accept("lane", "text").await;
        s.assert_invariant().await;
        assert_eq!(s.take_counting("location", 1).await.send_state.right, Some(Right { sends: 6, ..RIGHT }));
    }

    async fn a_message_that_ends_the_right_closes_the_lane_until_another_opens_it(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        s.announce(&taken, 0).await;
        s.offer(leaving("leave")).await;
        let state = s.progress(&taken, 1, None).await;
        assert_eq!((state.closed, state.sends), (Some(Closed::Ended), 1));
        s.complete(&taken).await;
        s.assert_invariant().await;
        let leave = s.take_counting("leave", 1).await;
        assert_eq!(leave.send_state.closed, Some(Closed::Ended), "it goes on with the lane");
        s.offer(opening("follow", OTHER)).await;
        let state = s.progress(&leave, 0, None).await;
        assert_eq!((state.closed, state.right), (None, Some(Right { sends: 1 + 3, ..OTHER })));
        s.complete(&leave).await;
        let follow = s.take_counting("follow", 1).await;
        s.complete(&follow).await;
        s.offer(leaving("leave again")).await;
        assert_eq!(s.take_counting("leave again", 0).await.send_state.closed, Some(Closed::Ended));
    }

    async fn a_refusal_is_remembered_until_a_waking_message_comes(s) {
        let refused = async |taken: &Leased, refused| {
            let (wakes, reason) = (taken.send_state.wakes, "45015".to_owned());
            let hold = Settlement::Hold { wakes, hold_for: HOLD, refused, reason, answer: None };
            s.queue.settle(&taken.lease, hold).await.expect("hold")
        };
        s.accept("lane", "m0").await;
        s.accept("lane", "m1").await;
        assert_eq!(refused(&s.take_one().await, true).await, Settled::AsAsked);
        let m1 = s.take_counting("m1", 0).await;
        assert_eq!(m1.send_state.closed, Some(Closed::Refused));
        assert_eq!(refused(&m1, false).await, Settled::AsAsked);
        s.assert_invariant().await;
        s.offer(quiet("location")).await;
        let location = s.take_counting("location", 0).await;
        assert_eq!(location.send_state.closed, Some(Closed::Refused), "a lane that had nothing to do knows it, too");
        s.offer(opening("text", OTHER)).await;
        let state = s.progress(&location, 0, None).await;
        assert_eq!((state.closed, state.right), (None, Some(OTHER)));
        s.complete(&location).await;
        let m0 = s.take_counting("m0", 0).await;
        assert_eq!((m0.send_state.closed, m0.send_state.right), (None, Some(OTHER)));
        assert_eq!(refused(&m0, true).await, Settled::AsAsked);
        assert_eq!(s.take_counting("m1", 0).await.send_state.closed, Some(Closed::Refused), "and once more");
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

    async fn lanes_that_are_taken_together_have_each_its_own_memory_and_sends(s) {
        let lanes: Vec<_> = (0..20).map(|n| format!("lane{n:02}")).collect();
        for lane in &lanes {
            s.accept(lane, &format!("{lane} first")).await;
            s.accept(lane, &format!("{lane} second")).await;
        }
        for (n, taken) in s.take(20).await.into_iter().enumerate() {
            match n % 4 {
                1 => s.remember(&taken, "one").await,
                2 => s.remember(&taken, "two").await,
                3 => _ = s.announce(&taken, 0).await,
                _ => {}
            }
            // Among others, one lane still has the record of its message.
            match n {
                7 => s.queue.release(&taken.lease).await.expect("release"),
                _ => s.queue.complete(&taken.lease).await.expect("complete"),
            }
        }
        let mut taken = s.take(20).await;
        taken.sort_by(|one, other| one.lease.lane.as_str().cmp(other.lease.lane.as_str()));
        assert_eq!(taken.len(), 20);
        for (n, (taken, lane)) in taken.iter().zip(&lanes).enumerate() {
            let which = if n == 7 { "first" } else { "second" };
            assert_eq!(taken.lease.id.as_str(), format!("{lane} {which}"));
            let memory = [None, Some(b"one".as_slice()), Some(b"two".as_slice()), None][n % 4];
            assert_eq!((taken.memory.as_deref(), taken.send_state.sends), (memory, u32::from(n % 4 > 0)), "{lane}");
        }
    }

    async fn the_standing_is_kept_over_retries_snoozes_releases_and_lost_leases(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        s.offer(opening("text", OTHER)).await;
        let send_state = s.announce(&taken, 0).await;
        let right = Some(OTHER);
        assert_eq!(send_state, SendState { wakes: 1, right, closed: None, sends: 1, has_followers: true });
        s.queue.retry(&taken.lease, SECOND, "x").await.expect("retry");
        s.clock.advance(SECOND * 2);
        let taken = s.take_one().await;
        assert_eq!(taken.send_state, send_state, "a retry");
        s.queue.snooze(&taken.lease, SECOND, "x").await.expect("snooze");
        s.clock.advance(SECOND * 2);
        let taken = s.take_one().await;
        assert_eq!(taken.send_state, send_state, "a snooze");
        s.queue.release(&taken.lease).await.expect("release");
        let taken = s.take_one().await;
        assert_eq!(taken.send_state, send_state, "a release");
        s.queue.await_answer(&taken.lease, SECOND).await.expect("await");
        s.clock.advance(SECOND * 2);
        assert_eq!(s.take_one().await.send_state, send_state, "a wait for an answer");
        s.pass(LEASE + SECOND).await;
        let request = s.next_request(1);
        let taken = s.queue.take(&request).await.expect("take").messages.remove(0);
        assert_eq!((taken.losses, taken.send_state), (1, send_state), "a lost lease");
        let again = s.queue.take(&request).await.expect("take").messages.remove(0);
        assert_eq!(again.send_state, send_state, "a repeated take");
    }

    async fn a_message_that_is_woken_shares_the_right_of_what_woke_it(s) {
        for id in ["m0", "m1"] {
            s.offer(quiet(id)).await;
            let taken = s.take_one().await;
            s.announce(&taken, 0).await;
            s.hold(&taken, "refused").await;
        }
        s.offer(opening("text", OTHER)).await;
        s.assert_invariant().await;
        let woken = s.take_counting("m0", 0).await;
        let right = Some(OTHER);
        assert_eq!(woken.send_state, SendState { wakes: 1, right, closed: None, sends: 0, has_followers: true });
        s.announce(&woken, 1).await;
        // Held once more, and woken by another.
        s.hold(&woken, "refused again").await;
        let woken = s.take_counting("m1", 1).await;
        assert_eq!((woken.send_state.wakes, woken.send_state.right), (1, right));
        s.complete(&woken).await;
        let text = s.take_counting("text", 1).await;
        assert_eq!((text.send_state.wakes, text.send_state.right), (0, right), "the send is its own");
        s.complete(&text).await;
        s.offer(opening("text2", RIGHT)).await;
        assert_eq!(s.take_counting("m0", 0).await.send_state.right, Some(RIGHT));
    }

    async fn a_hold_that_comes_too_late_keeps_the_right(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        s.offer(opening("text", OTHER)).await;
        let held = s.queue.hold(&taken.lease, taken.send_state.wakes, HOLD, "refused").await.expect("hold");
        assert_eq!(held, Settled::ComesAgain);
        let again = s.take_one().await;
        let right = Some(OTHER);
        assert_eq!(again.send_state, SendState { wakes: 1, right, closed: None, sends: 0, has_followers: true });
    }

    async fn a_right_goes_on_with_its_lane_and_is_widened_there(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        s.accept("lane", "text").await;
        s.complete(&taken).await;
        s.assert_invariant().await;
        s.offer(opening("click", OTHER)).await;
        let text = s.take_one().await;
        let right = Some(WIDEST);
        assert_eq!(text.send_state, SendState { wakes: 0, right, closed: None, sends: 0, has_followers: true });
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
