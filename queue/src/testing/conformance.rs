//! The conformance suite: what a queue is, in sentences. Every engine passes all of them.
//!
//! An engine's test file names a function that opens a fresh, empty queue on a given clock, and calls
//! [`conformance!`](crate::conformance). Each property becomes a test of its own. Time stands still unless the
//! property moves it, except in the few that say they use real time. After each property the invariant is audited.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::{
    Accepted, Class, DEAD_ON_ARRIVAL_MAX, Lane, LaneState, Lease, Leased, MessageId, NewMessage, Progress,
    Queue, QueueError, Renewal, TakeRequest, Taken, TestClock, WorkerId,
};

/// The dedup window with which the suite wants the queue opened.
pub const DEDUP_WINDOW: Duration = Duration::from_secs(6 * 3600);
/// The lease the suite asks for.
pub const LEASE: Duration = Duration::from_secs(15);
/// Where the suite's time starts: 2026-01-01T00:00:00Z.
pub const START_US: u64 = 1_767_225_600_000_000;

const SECOND: Duration = Duration::from_secs(1);

/// Makes one test of every property for an engine. `$open` is an async function from [`TestClock`] to
/// `(Arc<dyn Queue>, guard)`; the guard is kept until the property has ended.
#[macro_export]
macro_rules! conformance {
    ($open:path) => {
        $crate::conformance_properties!($open;
            a_message_is_taken_as_it_was_accepted
            the_same_id_is_accepted_once
            the_same_id_is_accepted_once_when_it_comes_many_times_at_once
            an_id_is_new_again_after_the_dedup_window
            a_completed_message_is_still_a_duplicate
            ids_are_never_read_as_numbers
            any_bytes_may_be_in_names_and_payloads
            a_payload_too_big_is_refused_by_name
            messages_of_a_lane_come_one_at_a_time_in_order
            lanes_are_taken_together_up_to_the_maximum
            a_flooding_lane_gets_one_turn_per_round
            only_the_classes_asked_for_are_taken
            classes_take_turns
            a_lane_that_is_running_or_delayed_still_accepts
            a_message_dead_on_arrival_goes_to_the_dead_letters
            only_so_many_dead_on_arrival_are_kept_the_rest_are_counted
            a_completed_message_is_gone
            a_repeated_settle_says_that_the_lease_is_lost
            a_lost_lease_settles_nothing
            a_message_whose_worker_died_is_first_in_line_again
            a_renewed_lease_does_not_run_out
            a_lease_that_ran_out_is_revived_while_nobody_has_taken_the_message
            renewing_tells_in_order_which_leases_are_lost
            a_failed_message_stays_the_head_and_its_lane_waits
            a_snooze_uses_no_attempt
            a_released_message_is_first_in_line_and_has_used_no_attempt
            a_buried_message_is_a_dead_letter_and_its_lane_goes_on
            dead_letters_come_in_pages_the_youngest_first
            a_dead_letter_can_be_looked_up_by_its_id
            a_revived_letter_goes_to_the_end_of_its_lane_with_all_its_attempts
            a_dropped_letter_is_gone_for_good
            letters_dead_on_arrival_make_room_when_they_are_revived_or_dropped
            what_was_recorded_survives_a_lost_lease
            recording_without_replies_keeps_those_recorded_before
            a_repeated_take_gives_the_same_batch
            the_leases_of_a_repeated_take_run_anew
            a_repeated_take_leaves_out_what_was_settled_meanwhile
            an_older_take_that_comes_late_gives_nothing
            a_lease_of_another_message_settles_nothing
            take_says_what_is_due_next
            hundreds_of_lanes_due_at_once_all_come
            counts_tell_the_states_apart
            waiting_ends_when_a_message_comes
            waiting_ends_at_its_time
            many_workers_handle_every_message_once_and_in_order
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
        let call = self.call.fetch_add(1, Ordering::SeqCst) + 1;
        self.queue.take(&self.request(max, call)).await.expect("the queue gives")
    }

    fn request(&self, max: usize, call: u64) -> TakeRequest {
        TakeRequest { max, classes: vec![class("c")], worker: self.worker.clone(), call, lease_for: LEASE }
    }

    async fn take_one(&self) -> Leased {
        let mut taken = self.take(1).await;
        assert_eq!(taken.len(), 1, "there is a message to take");
        taken.remove(0)
    }

    async fn assert_nothing_to_take(&self) {
        assert_eq!(ids(&self.take(100).await), Vec::<String>::new());
    }
}

/// A message of class `c`.
pub fn message(lane: &str, id: &str) -> NewMessage {
    NewMessage {
        id: MessageId::new(id).expect("a test's id fits"),
        lane: Lane::new(lane).expect("a test's lane fits"),
        class: class("c"),
        payload: format!("payload of {id}").into(),
        arrived_us: START_US,
        not_after: None,
        wakes_held: true,
        late: false,
        dead_reason: None,
    }
}

fn class(name: &str) -> Class {
    Class::new(name).expect("a test's class fits")
}

fn ids(messages: &[Leased]) -> Vec<String> {
    messages.iter().map(|m| m.lease.id.to_string()).collect()
}

macro_rules! properties {
    ($($(#[$doc:meta])* async fn $name:ident($s:ident) $body:block)*) => {
        $(
            $(#[$doc])*
            #[allow(missing_docs, reason = "the name is the sentence")]
            pub async fn $name($s: &Subject) $body
        )*
    };
}

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
        new.payload = vec![0; crate::message::MAX_PAYLOAD_BYTES + 1].into();
        let error = s.queue.accept(new).await.expect_err("too big");
        assert!(matches!(&error, QueueError::Invalid(what) if what.contains("payload")), "{error}");
        s.assert_nothing_to_take().await;
    }

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
        let request = TakeRequest { classes: vec![class("c"), class("other")], ..s.request(9, 1_000) };
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
        let request = TakeRequest { classes: vec![class("c"), class("other")], ..s.request(6, 1_000) };
        let taken = s.queue.take(&request).await.expect("take").messages;
        assert_eq!(taken.iter().filter(|m| m.class == class("other")).count(), 3, "{:?}", ids(&taken));
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
        let dead = s.queue.dead(0, 10).await.expect("dead");
        assert_eq!((dead.total, dead.letters.len()), (1, 1));
        let letter = &dead.letters[0];
        assert_eq!(letter.reason, "not XML");
        assert_eq!(letter.payload, "payload of m");
        assert_eq!((letter.id.as_str(), letter.lane.as_str(), letter.class.as_str()), ("m", "lane", "c"));
        assert_eq!((letter.arrived_us, letter.died_us), (START_US, START_US));
        s.accept("lane", "next").await;
        assert_eq!(s.take_one().await.lease.id.as_str(), "next");
    }

    async fn only_so_many_dead_on_arrival_are_kept_the_rest_are_counted(s) {
        let broken = |n: u64| NewMessage { dead_reason: Some("not XML".into()), ..message("lane", &format!("m{n}")) };
        let outcomes = futures::future::join_all((0..DEAD_ON_ARRIVAL_MAX + 3).map(|n| s.offer(broken(n)))).await;
        assert_eq!(outcomes.iter().filter(|o| **o == Accepted::Counted).count(), 3);
        let counts = s.queue.counts().await.expect("counts");
        assert_eq!((counts.dead, counts.dead_uncounted), (DEAD_ON_ARRIVAL_MAX, 3));
        assert_eq!(s.offer(broken(DEAD_ON_ARRIVAL_MAX + 1)).await, Accepted::Duplicate);
    }

    async fn a_completed_message_is_gone(s) {
        s.accept("lane", "m").await;
        s.queue.complete(&s.take_one().await.lease).await.expect("complete");
        s.assert_nothing_to_take().await;
        assert_eq!(s.queue.counts().await.expect("counts").open_total(), 0);
        assert_eq!(s.queue.lane(&Lane::new("lane").expect("fits")).await.expect("lane"), None);
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

    async fn a_lost_lease_settles_nothing(s) {
        s.accept("lane", "m").await;
        let old = s.take_one().await.lease;
        s.clock.advance(LEASE + SECOND);
        let new = s.take_one().await.lease;
        assert_ne!(old.token, new.token);
        let progress = Progress { replies: Some("stale".into()), sent: 7, sending: Some(7) };
        let refused = [
            s.queue.record(&old, progress).await,
            s.queue.complete(&old).await,
            s.queue.retry(&old, SECOND, "x").await,
            s.queue.snooze(&old, SECOND, "x").await,
            s.queue.release(&old).await,
            s.queue.bury(&old, "x").await,
        ];
        for result in refused {
            assert!(matches!(result, Err(QueueError::LeaseLost)), "{result:?}");
        }
        s.assert_nothing_to_take().await;
        s.queue.release(&new).await.expect("the new lease is untouched");
        let taken = s.take_one().await;
        assert_eq!((taken.failures, taken.losses, taken.snoozes), (0, 1, 0));
        assert_eq!(taken.progress, Progress::default());
    }

    async fn a_message_whose_worker_died_is_first_in_line_again(s) {
        s.accept("lane", "m").await;
        s.accept("lane", "m2").await;
        s.take_one().await;
        for n in 0..3 {
            s.accept(&format!("other{n}"), &format!("o{n}")).await;
        }
        s.clock.advance(LEASE - SECOND);
        assert_eq!(ids(&s.take(1).await), ["o0"]);
        s.clock.advance(SECOND * 2);
        let taken = s.take(9).await;
        assert_eq!(ids(&taken), ["m", "o1", "o2"]);
        assert_eq!((taken[0].losses, taken[0].failures), (1, 0));
    }

    async fn a_renewed_lease_does_not_run_out(s) {
        s.accept("lane", "m").await;
        let lease = s.take_one().await.lease;
        for _ in 0..10 {
            s.clock.advance(LEASE - SECOND);
            assert_eq!(s.queue.renew(std::slice::from_ref(&lease), LEASE).await.expect("renew"), [Renewal::Kept]);
            s.assert_nothing_to_take().await;
        }
        s.queue.complete(&lease).await.expect("complete");
    }

    async fn a_lease_that_ran_out_is_revived_while_nobody_has_taken_the_message(s) {
        s.accept("lane", "m").await;
        let lease = s.take_one().await.lease;
        s.clock.advance(LEASE * 3);
        assert_eq!(s.queue.renew(std::slice::from_ref(&lease), LEASE).await.expect("renew"), [Renewal::Kept]);
        s.assert_nothing_to_take().await;
        s.queue.complete(&lease).await.expect("complete");
    }

    async fn renewing_tells_in_order_which_leases_are_lost(s) {
        for n in 0..4 {
            s.accept(&format!("lane{n}"), &format!("m{n}")).await;
        }
        let leases: Vec<_> = s.take(4).await.into_iter().map(|m| m.lease).collect();
        s.queue.complete(&leases[1]).await.expect("complete");
        s.queue.retry(&leases[3], SECOND, "x").await.expect("retry");
        let renewals = s.queue.renew(&leases, LEASE).await.expect("renew");
        assert_eq!(renewals, [Renewal::Kept, Renewal::Lost, Renewal::Kept, Renewal::Lost]);
        assert_eq!(s.queue.renew(&[], LEASE).await.expect("renew"), []);
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
        let dead = s.queue.dead(0, 10).await.expect("dead");
        assert_eq!(dead.letters.len(), 1);
        let letter = &dead.letters[0];
        assert_eq!((letter.id.as_str(), letter.reason.as_str(), letter.failures), ("m0", "second failure", 1));
        assert_eq!((letter.payload.as_ref(), letter.lane.as_str()), (b"payload of m0".as_slice(), "lane"));
        assert_eq!(letter.died_us, START_US + 2_000_000);
        assert_eq!(s.offer(message("lane", "m0")).await, Accepted::Duplicate);
        assert_eq!(s.take_one().await.lease.id.as_str(), "m1");
    }

    async fn dead_letters_come_in_pages_the_youngest_first(s) {
        for n in 0..7 {
            s.offer(NewMessage { dead_reason: Some("x".into()), ..message("lane", &format!("m{n}")) }).await;
            s.clock.advance(SECOND);
        }
        let page = |offset, limit| async move {
            let page = s.queue.dead(offset, limit).await.expect("dead");
            assert_eq!(page.total, 7);
            page.letters.iter().map(|l| l.id.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(page(0, 3).await, ["m6", "m5", "m4"]);
        assert_eq!(page(3, 3).await, ["m3", "m2", "m1"]);
        assert_eq!(page(6, 3).await, ["m0"]);
        assert!(page(7, 3).await.is_empty());
    }

    async fn a_dead_letter_can_be_looked_up_by_its_id(s) {
        s.accept("lane", "m").await;
        s.queue.bury(&s.take_one().await.lease, "why").await.expect("bury");
        let id = MessageId::new("m").expect("fits");
        let letter = s.queue.dead_letter(&id).await.expect("dead letter");
        assert_eq!(letter, s.queue.dead(0, 1).await.expect("dead").letters.pop());
        assert!(letter.is_some_and(|letter| letter.reason == "why"));
        assert_eq!(s.queue.dead_letter(&MessageId::new("other").expect("fits")).await.expect("dead letter"), None);
    }

    async fn a_revived_letter_goes_to_the_end_of_its_lane_with_all_its_attempts(s) {
        s.accept("lane", "m0").await;
        let lease = s.take_one().await.lease;
        s.queue.record(&lease, Progress { replies: Some("r".into()), sent: 1, sending: None }).await.expect("record");
        s.queue.retry(&lease, SECOND, "x").await.expect("retry");
        s.clock.advance(SECOND * 2);
        s.queue.bury(&s.take_one().await.lease, "why").await.expect("bury");
        s.accept("lane", "m1").await;
        let id = MessageId::new("m0").expect("fits");
        assert!(s.queue.revive(&id).await.expect("revive"));
        assert!(!s.queue.revive(&id).await.expect("revive"), "it is no dead letter any more");
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
        assert!(s.queue.revive(&MessageId::new("m2").expect("fits")).await.expect("revive"));
        assert_eq!(s.take_one().await.lease.id.as_str(), "m2");
    }

    async fn a_dropped_letter_is_gone_for_good(s) {
        s.accept("lane", "m").await;
        s.queue.bury(&s.take_one().await.lease, "why").await.expect("bury");
        let id = MessageId::new("m").expect("fits");
        assert!(s.queue.drop_dead(&id).await.expect("drop"));
        assert!(!s.queue.drop_dead(&id).await.expect("drop"));
        assert_eq!(s.queue.dead(0, 9).await.expect("dead").total, 0);
        assert_eq!(s.offer(message("lane", "m")).await, Accepted::Duplicate, "it is not let in again");
        s.assert_nothing_to_take().await;
    }

    async fn letters_dead_on_arrival_make_room_when_they_are_revived_or_dropped(s) {
        let broken = |n: u64| NewMessage { dead_reason: Some("not XML".into()), ..message("lane", &format!("m{n}")) };
        futures::future::join_all((0..DEAD_ON_ARRIVAL_MAX).map(|n| s.offer(broken(n)))).await;
        assert_eq!(s.offer(broken(DEAD_ON_ARRIVAL_MAX)).await, Accepted::Counted);
        assert!(s.queue.drop_dead(&MessageId::new("m1").expect("fits")).await.expect("drop"));
        assert!(s.queue.revive(&MessageId::new("m2").expect("fits")).await.expect("revive"));
        assert_eq!(s.offer(broken(DEAD_ON_ARRIVAL_MAX + 1)).await, Accepted::New);
        assert_eq!(s.offer(broken(DEAD_ON_ARRIVAL_MAX + 2)).await, Accepted::New);
        assert_eq!(s.offer(broken(DEAD_ON_ARRIVAL_MAX + 3)).await, Accepted::Counted);
        assert_eq!(s.take_one().await.lease.id.as_str(), "m2");
    }

    async fn what_was_recorded_survives_a_lost_lease(s) {
        s.accept("lane", "m").await;
        let lease = s.take_one().await.lease;
        let recorded = Progress { replies: Some(vec![0, 255, 10].into()), sent: 1, sending: Some(1) };
        s.queue.record(&lease, recorded.clone()).await.expect("record");
        s.clock.advance(LEASE + SECOND);
        let second = s.take_one().await;
        assert_eq!(second.progress, recorded);
        s.queue.retry(&second.lease, SECOND, "x").await.expect("retry");
        s.clock.advance(SECOND * 2);
        let third = s.take_one().await;
        assert_eq!(third.progress, recorded);
        s.queue.release(&third.lease).await.expect("release");
        let fourth = s.take_one().await;
        assert_eq!(fourth.progress, recorded);
        s.queue.complete(&fourth.lease).await.expect("complete");
        s.accept("lane", "m2").await;
        assert_eq!(s.take_one().await.progress, Progress::default(), "it is not left to the next message");
    }

    async fn recording_without_replies_keeps_those_recorded_before(s) {
        s.accept("lane", "m").await;
        let lease = s.take_one().await.lease;
        s.queue.record(&lease, Progress { replies: Some("r".into()), sent: 0, sending: Some(0) }).await.expect("record");
        s.queue.record(&lease, Progress { replies: None, sent: 1, sending: None }).await.expect("record");
        s.clock.advance(LEASE + SECOND);
        assert_eq!(s.take_one().await.progress, Progress { replies: Some("r".into()), sent: 1, sending: None });
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
        s.clock.advance(LEASE - SECOND);
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

    async fn a_lease_of_another_message_settles_nothing(s) {
        s.accept("lane", "m").await;
        let held = s.take_one().await.lease;
        let other = Lease { id: MessageId::new("another").expect("fits"), ..held.clone() };
        assert_eq!(s.queue.renew(std::slice::from_ref(&held), LEASE).await.expect("renew"), [Renewal::Kept]);
        let refused = [
            s.queue.record(&other, Progress::default()).await,
            s.queue.complete(&other).await,
            s.queue.retry(&other, SECOND, "x").await,
            s.queue.snooze(&other, SECOND, "x").await,
            s.queue.release(&other).await,
            s.queue.bury(&other, "x").await,
        ];
        for result in refused {
            assert!(matches!(result, Err(QueueError::LeaseLost)), "{result:?}");
        }
        s.queue.complete(&held).await.expect("complete");
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
        s.clock.advance(LEASE * 2);
        seen.clear();
        for _ in 0..20 {
            for message in s.take(100).await {
                assert!(seen.insert(message.lease.id.to_string()), "each comes once");
                s.queue.complete(&message.lease).await.expect("complete");
            }
        }
        assert_eq!(seen.len(), 300);
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
        assert_eq!(counts.next_age_us, Some(2_000_000));
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
}

impl Subject {
    async fn accept_owned(&self, lane: String, id: String) {
        self.accept(&lane, &id).await;
    }
}
