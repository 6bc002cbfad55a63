//! The conformance suite: what a queue is, in sentences. Every engine passes all of them.
//!
//! An engine's test file names a function that opens a fresh, empty queue on a given clock, and calls
//! [`conformance!`](crate::conformance). Each property becomes a test of its own. Time stands still unless the
//! property moves it, except in the few that say they use real time. After each property the invariant is audited.
//!
//! To a queue, a clock that jumps is a gap in its service. A property that needs time in which the store serves uses `pass`,
//! which goes in small steps.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::Settling as _;
use crate::{
    Accepted, CallBackResult, Class, Closed, Counts, DEAD_ON_ARRIVAL_MAX, DEAD_SCAN_MAX, DeadFilter,
    DeadPage, HELD_MAX, HeldEffect, LOSSES_MAX, Lane, LaneSnapshot, LaneState, Lease, Leased, Memory,
    MessageId, NewMessage, Paused, Progress, Queue, QueueError, REASON_MAX_BYTES, Renewal, Right, Scope,
    SendState, Settled, Settlement, TAKEN_BYTES_MAX, TakeRequest, Taken, TestClock, WorkerId, settling_pause,
};

macro_rules! properties {
    ($($(#[$doc:meta])* async fn $name:ident($s:ident) $body:block)*) => {
        $(
            $(#[$doc])*
            #[allow(missing_docs, reason = "the name is the sentence")]
            pub async fn $name($s: &Subject) $body
        )*
    };
}

mod accept;
mod answer;
mod dead;
mod forget;
mod held;
mod journal;
mod lease;
mod memory;
mod order;
mod patience;
mod pause;
mod poison;
mod respond;
mod send_state;
mod settle;
mod share;
mod take;

pub use accept::*;
pub use answer::*;
pub use dead::*;
pub use forget::*;
pub use held::*;
pub use journal::*;
pub use lease::*;
pub use memory::*;
pub use order::*;
pub use patience::*;
pub use pause::*;
pub use poison::*;
pub use respond::*;
pub use send_state::*;
pub use settle::*;
pub use share::*;
pub use take::*;

/// The dedup window with which the suite wants the queue opened.
pub const DEDUP_WINDOW: Duration = Duration::from_secs(6 * 3600);
/// The lease the suite asks for.
pub const LEASE: Duration = Duration::from_secs(15);
/// Where the suite's time starts: 2026-01-01T00:00:00Z.
pub const START_US: u64 = 1_767_225_600_000_000;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOLD: Duration = Duration::from_secs(24 * 3600);
/// The right that the suite's messages bring, unless a property says otherwise.
const RIGHT: Right = Right { sends: 5, until_s: 9_000 };
const REMEMBER: Duration = Duration::from_secs(1800);

/// Makes one test of every property for an engine. `$open` is an async function from [`TestClock`] to
/// `(Arc<dyn Queue>, guard)`; the guard is kept until the property has ended.
#[macro_export]
macro_rules! conformance {
    ($open:path) => {
        $crate::conformance_properties!($open;
            // accept
            a_message_is_taken_as_it_was_accepted
            the_same_id_is_accepted_once
            the_same_id_is_accepted_once_when_it_comes_many_times_at_once
            an_id_is_new_again_after_the_dedup_window
            a_completed_message_is_still_a_duplicate
            ids_are_never_read_as_numbers
            any_bytes_may_be_in_names_and_payloads
            a_payload_too_big_is_refused_by_name
            a_lane_that_is_running_or_delayed_still_accepts
            a_message_dead_on_arrival_goes_to_the_dead_letters
            a_late_message_dead_on_arrival_is_kept_whatever_there_is
            only_so_many_dead_on_arrival_are_kept_the_rest_are_counted
            // order
            messages_of_a_lane_come_one_at_a_time_in_order
            lanes_are_taken_together_up_to_the_maximum
            a_flooding_lane_gets_one_turn_per_round
            only_the_classes_asked_for_are_taken
            classes_take_turns
            hundreds_of_lanes_due_at_once_all_come
            many_workers_handle_every_message_once_and_in_order
            the_older_of_a_lanes_two_heads_is_next
            a_late_message_does_not_overtake_the_current_one
            a_late_message_alone_is_taken_settled_and_lost_like_any_other
            // take
            a_repeated_take_gives_the_same_batch
            the_leases_of_a_repeated_take_run_anew
            a_repeated_take_leaves_out_what_was_settled_meanwhile
            a_take_gives_no_more_bytes_than_a_slow_line_carries
            an_older_take_that_comes_late_gives_nothing
            take_says_what_is_due_next
            counts_tell_the_states_apart
            the_age_of_what_is_next_in_line_is_known_of_each_class
            waiting_ends_when_a_message_comes
            waiting_ends_at_its_time
            // lease
            a_lost_lease_settles_nothing
            a_lease_of_another_message_settles_nothing
            a_message_whose_worker_died_is_first_in_line_again
            a_renewed_lease_does_not_run_out
            a_lease_that_ran_out_is_revived_while_nobody_has_taken_the_message
            renewing_tells_in_order_which_leases_are_lost
            what_was_recorded_survives_a_lost_lease
            a_message_is_taken_back_in_time_although_no_worker_was_there
            the_shortest_lease_makes_the_gap_and_the_longest_the_pause
            a_pause_lasts_for_the_longest_lease_although_nobody_asks_for_it_any_more
            the_living_keep_their_leases_over_a_gap_in_the_stores_service
            // poison
            a_message_that_outlives_two_workers_is_given_to_those_who_ask_for_a_suspect
            with_the_third_loss_a_message_is_dead_and_its_letter_names_the_workers
            after_its_first_loss_only_a_confirmed_lease_can_be_lost
            a_suspect_stays_one_through_delays_and_releases
            // settle
            a_completed_message_is_gone
            a_repeated_settle_says_that_the_lease_is_lost
            of_many_completions_at_once_one_counts
            a_failed_message_stays_the_head_and_its_lane_waits
            a_snooze_uses_no_attempt
            a_released_message_is_first_in_line_and_has_used_no_attempt
            a_buried_message_is_a_dead_letter_and_its_lane_goes_on
            recording_without_replies_keeps_those_recorded_before
            a_reason_that_is_too_long_is_cut_and_refuses_nothing
            // held
            a_held_message_leaves_its_lane_to_the_others
            held_messages_wake_in_their_order_before_the_one_that_woke_them
            held_messages_wake_behind_the_current_one
            a_hold_that_has_not_seen_the_wake_waits_for_another_turn
            what_was_recorded_survives_being_held
            a_message_held_too_long_dies_of_its_reason
            a_lane_holds_only_so_many
            an_id_that_comes_again_after_the_dedup_window_is_held_beside_the_first
            a_message_that_ends_the_right_to_answer_buries_what_is_held
            // patience
            a_taken_message_tells_whether_others_wait_behind_it
            a_record_tells_of_a_waking_message_that_has_come_behind
            a_message_tells_for_how_long_it_has_been_failing
            a_failing_message_holds_up_others_no_longer_than_its_patience
            a_failing_message_that_nobody_waits_behind_waits_as_long_as_is_asked
            a_waking_message_cuts_the_wait_of_a_failing_one_short
            a_snooze_and_a_wait_for_an_answer_are_not_cut_short
            // standing
            a_send_that_is_announced_counts
            a_send_that_is_announced_again_counts_once
            a_send_that_is_taken_back_does_not_count
            of_two_rights_the_larger_number_that_is_left_counts_and_the_later_end
            a_right_counts_in_a_lane_that_waits_between_two_messages
            a_message_that_ends_the_right_closes_the_lane_until_another_opens_it
            the_count_goes_on_with_the_next_message_however_the_last_one_ended
            the_count_goes_on_with_a_message_out_of_a_spool_and_beside_a_memory
            lanes_that_are_taken_together_have_each_its_own_memory_and_sends
            the_standing_is_kept_over_retries_snoozes_releases_and_lost_leases
            a_refusal_is_remembered_until_a_waking_message_comes
            a_message_that_is_woken_shares_the_right_of_what_woke_it
            a_hold_that_comes_too_late_keeps_the_right
            a_right_goes_on_with_its_lane_and_is_widened_there
            a_lane_that_has_nothing_more_forgets_the_count
            // answer
            an_answer_ends_the_wait_and_comes_with_the_message
            an_answer_may_come_before_the_wait_for_it
            an_answer_ends_the_delay_after_a_failed_attempt
            an_answer_survives_a_lost_lease
            the_first_answer_wins
            an_answer_to_what_has_its_replies_is_one_too_many
            an_answer_to_what_is_not_current_comes_too_late_or_too_soon
            a_wait_without_an_answer_ends_at_its_time
            a_revived_letter_knows_of_no_answer_and_may_be_answered_anew
            // respond
            a_push_counts_its_tries_for_a_time
            an_offered_part_goes_out_in_an_open_push_and_its_message_ends
            an_offer_that_no_open_push_waits_for_changes_nothing_and_the_lease_goes_on
            an_offer_that_nobody_claims_comes_again_first_in_line
            a_claim_that_is_not_confirmed_comes_again_as_an_unsure_send
            with_more_to_send_a_message_is_first_in_line_when_its_part_is_written
            a_part_that_was_not_written_may_be_claimed_again_and_then_comes_again
            the_next_try_of_a_push_gets_what_went_out_before
            a_newer_push_of_the_lane_takes_the_place_of_an_older_one
            held_answers_go_out_part_by_part_the_oldest_first
            a_ready_answer_goes_out_while_a_later_message_is_handled
            a_message_dies_of_its_reason_when_its_last_words_are_written
            a_held_part_whose_claim_ran_out_goes_out_again
            a_held_part_that_must_not_go_out_twice_counts_as_sent_when_its_claim_ran_out
            a_paused_lane_gives_no_part
            a_lane_with_nothing_to_do_says_so_and_one_with_something_does_not
            a_user_who_leaves_gets_no_part_any_more
            an_answer_of_one_lane_never_goes_out_for_another
            the_receiver_of_the_newest_push_gets_the_news
            waiting_for_news_ends_when_some_comes
            what_is_remembered_goes_with_the_first_replies_of_an_offer_or_a_hold
            an_unheard_answer_by_call_back_comes_before_an_offer_or_a_hold
            a_held_answer_that_is_woken_comes_to_a_worker
            an_answer_without_parts_is_refused
            // memory
            a_lanes_memory_comes_with_its_later_messages
            only_a_messages_first_replies_replace_the_memory
            a_user_who_leaves_is_forgotten_and_a_running_message_writes_nothing_back
            a_memory_ends_at_its_time_or_when_it_is_emptied
            // dead
            dead_letters_come_in_pages_the_youngest_first
            a_dead_letter_can_be_looked_up_by_its_id
            a_revived_letter_goes_to_the_end_of_its_lane_with_all_its_attempts
            a_dropped_letter_is_gone_for_good
            letters_dead_on_arrival_make_room_when_they_are_revived_or_dropped
            dead_letters_are_found_by_class_lane_and_reason
            the_oldest_dead_letters_are_those_that_are_too_old_or_too_many
            a_search_through_many_letters_goes_on_where_it_stopped
            many_letters_are_revived_and_dropped_together
            a_letter_whose_message_dies_again_gives_way
            a_letter_gives_way_to_one_of_another_class_and_both_classes_are_counted_right
            // forget
            a_lane_is_forgotten_with_all_that_is_kept_of_it_and_no_other_is
            a_running_message_is_forgotten_and_its_holder_writes_nothing_back
            a_lane_is_forgotten_in_whatever_state_it_is
            a_long_lane_is_forgotten_too
            the_same_message_is_still_known_after_its_user_is_forgotten
            // journal
            each_end_leaves_one_record_with_its_holders_note
            what_comes_again_leaves_no_record
            a_lost_lease_leaves_no_second_record
            a_held_message_that_ends_without_a_worker_leaves_the_note_of_its_holder
            with_its_last_worker_a_message_leaves_the_last_note_that_a_holder_confirmed
            an_answer_written_in_a_response_leaves_the_note_of_its_offer_or_hold
            a_message_dead_on_arrival_leaves_a_record
            a_note_that_is_too_long_is_left_out
            the_journal_comes_in_pages_and_is_searched_by_message_lane_class_and_time
            the_oldest_records_go_first_by_size_and_age
            a_lane_is_forgotten_and_the_others_are_not
            a_journal_that_is_not_kept_gets_no_records
            // pause
            a_paused_class_is_left_alone_and_the_others_go_on
            while_everything_is_paused_what_runs_ends_and_nothing_begins
            a_paused_lane_is_parked_at_its_turn_and_goes_on_when_it_is_resumed
            a_lane_paused_while_it_runs_is_parked_afterwards
            a_lane_without_messages_can_be_paused
            many_paused_lanes_do_not_hide_the_others
            what_is_paused_is_told_with_its_time_and_reason
            // share
            a_shared_value_lasts_for_its_time
            a_shared_value_can_be_replaced_and_removed
            a_limit_grants_so_many_per_period
            names_that_can_not_be_used_are_refused
        );
    };
}

/// Used by [`conformance!`](crate::conformance).
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_properties {
    ($open:path; $($property:ident)*) => {
        $(
            #[tokio::test]
            async fn $property() {
                let clock = $crate::TestClock::at($crate::testing::conformance::START_US);
                let (queue, _guard) = $open($crate::Clock::Test(clock.clone())).await;
                let subject = $crate::testing::conformance::Subject::new(queue, clock);
                $crate::testing::conformance::$property(&subject).await;
                subject.assert_invariant().await;
            }
        )*
    };
}

/// A queue under test, with short ways to say what the properties say.
pub struct Subject {
    /// The queue.
    pub queue: Arc<dyn Queue>,
    /// Its time.
    pub clock: TestClock,
    worker: WorkerId,
    call: AtomicU64,
}

impl Subject {
    /// Takes over a fresh queue.
    pub fn new(queue: Arc<dyn Queue>, clock: TestClock) -> Self {
        Self { queue, clock, worker: WorkerId::new("suite"), call: AtomicU64::new(0) }
    }

    /// Panics with what the audit found, if anything.
    pub async fn assert_invariant(&self) {
        let violations = self.queue.audit().await.expect("the audit runs");
        assert!(violations.is_empty(), "the invariant is broken: {violations:?}");
    }

    async fn accept(&self, lane: &str, id: &str) {
        assert_eq!(self.offer(message(lane, id)).await, Accepted::New, "{id} is new");
    }

    async fn offer(&self, message: NewMessage) -> Accepted {
        self.queue.accept(message).await.expect("the queue accepts")
    }

    async fn take(&self, max: usize) -> Vec<Leased> {
        self.take_full(max).await.messages
    }

    async fn take_full(&self, max: usize) -> Taken {
        self.queue.take(&self.next_request(max)).await.expect("the queue gives")
    }

    /// What the suite's worker asks for next.
    fn next_request(&self, max: usize) -> TakeRequest {
        self.request(max, self.call.fetch_add(1, Ordering::SeqCst) + 1)
    }

    fn request(&self, max: usize, call: u64) -> TakeRequest {
        TakeRequest {
            max,
            classes: [class("c")].into(),
            worker: self.worker.clone(),
            call,
            lease_for: LEASE,
            suspect: true,
        }
    }

    async fn take_one(&self) -> Leased {
        let mut taken = self.take(1).await;
        assert_eq!(taken.len(), 1, "there is a message to take");
        taken.remove(0)
    }

    async fn assert_nothing_to_take(&self) {
        assert_eq!(ids(&self.take(100).await), Vec::<String>::new());
    }

    /// Takes and completes one after the other until nothing is left.
    async fn finish_all(&self) -> Vec<String> {
        let mut finished = Vec::new();
        while let Some(taken) = self.take(1).await.pop() {
            self.queue.complete(&taken.lease).await.expect("complete");
            finished.push(taken.lease.id.to_string());
        }
        finished
    }

    /// Lets time pass in which the store serves.
    async fn pass(&self, time: Duration) {
        let mut left = time;
        while !left.is_zero() {
            let step = left.min(LEASE / 5);
            self.clock.advance(step);
            self.queue.renew(&[], LEASE).await.expect("renew");
            left -= step;
        }
    }

    /// Workers take everything, confirm it, and die, so many times.
    async fn lose_all(&self, times: usize) {
        for _ in 0..times {
            let taken = self.take(100).await;
            self.confirm(&taken).await;
            self.pass(LEASE + SECOND).await;
        }
    }

    async fn confirm(&self, messages: &[Leased]) {
        let leases: Vec<_> = messages.iter().map(|message| message.lease.clone()).collect();
        let renewals = self.queue.renew(&leases, LEASE).await.expect("renew");
        assert!(renewals.iter().all(|renewal| *renewal == Renewal::Kept), "{renewals:?}");
    }

    async fn hold(&self, message: &Leased, reason: &str) {
        let held =
            self.queue.hold(&message.lease, message.send_state.wakes, HOLD, reason).await.expect("hold");
        assert_eq!(held, Settled::AsAsked);
    }

    async fn answer(&self, lane_name: &str, message: &str, answer: &'static str) -> CallBackResult {
        self.queue.answer(&lane(lane_name), &id(message), answer.into()).await.expect("answer")
    }

    /// Records replies, and a memory with them.
    async fn remember(&self, message: &Leased, memory: &'static str) {
        let progress = Progress { replies: Some("r".into()), sent: 0, sending: Some(0) };
        self.queue.record(&message.lease, progress, Some(remembered(memory))).await.expect("record");
    }

    async fn pause(&self, scope: Scope) {
        self.queue.pause(&scope, "because").await.expect("pause");
    }

    async fn lane(&self, name: &str) -> Option<LaneSnapshot> {
        self.queue.lane(&lane(name)).await.expect("lane")
    }

    async fn dead_page(&self, limit: u64) -> DeadPage {
        self.queue.dead(&DeadFilter::default(), None, limit).await.expect("dead")
    }

    async fn revive(&self, id: &MessageId) -> bool {
        self.queue.revive(std::slice::from_ref(id)).await.expect("revive") == [true]
    }

    async fn drop_dead(&self, id: &MessageId) -> bool {
        self.queue.drop_dead(std::slice::from_ref(id)).await.expect("drop") == [true]
    }
}

/// A message of class `c` that wakes what its lane holds.
pub fn message(lane_name: &str, id_name: &str) -> NewMessage {
    NewMessage {
        id: id(id_name),
        lane: lane(lane_name),
        class: class("c"),
        payload: format!("payload of {id_name}").into(),
        arrived_us: START_US,
        not_after: None,
        held: HeldEffect::Wake(RIGHT),
        late: false,
        dead_reason: None,
    }
}

/// One of the lane `lane` that wakes nothing.
fn quiet(id: &str) -> NewMessage {
    NewMessage { held: HeldEffect::Leave, ..message("lane", id) }
}

fn dead_on_arrival(id: &str) -> NewMessage {
    NewMessage { dead_reason: Some("x".into()), ..message("lane", id) }
}

fn remembered(bytes: &'static str) -> Memory {
    Memory { bytes: bytes.into(), keep_for: REMEMBER }
}

fn class(name: &str) -> Class {
    Class::new(name).expect("a test's class fits")
}

fn lane(name: &str) -> Lane {
    Lane::new(name).expect("a test's lane fits")
}

fn id(name: &str) -> MessageId {
    MessageId::new(name).expect("a test's id fits")
}

fn ids(messages: &[Leased]) -> Vec<String> {
    messages.iter().map(|m| m.lease.id.to_string()).collect()
}
