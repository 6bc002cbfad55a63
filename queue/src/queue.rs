//! The trait that every engine implements, and the conformance suite holds.
//!
//! **States.** A message is *waiting* in its lane, then *running* under a lease, then gone; or *delayed* until its next
//! attempt; or *dead*, with a reason. (Two more have their place and come later: *held* until its lane gets a message
//! that reopens the right to send, and *awaiting* an answer by call back.)
//!
//! **The invariant.** A lane with a current or a waiting message is in exactly one of: ready, leased, delayed (later
//! also parked). Everything else follows from it: there are no counters for exclusion, no second list of what is
//! running, nothing is removed by search.
//!
//! **For implementers.**
//! * *Atomicity*: each call is one step. A crash at any moment leaves the state before it or after it.
//! * *Idempotence*: a caller that lost the answer repeats the call. `accept` then says `Duplicate`, `take` with the same
//!   `call` number gives the same batch, a settling call says `LeaseLost` ("perhaps done already").
//! * *Time*: delays are relative. The store reads its own clock, or the test clock, once per step.
//! * *Cancellation*: dropping the future of a call leaves it unknown whether the step happened, as a lost answer does.
//! * *Errors*: everything that means "not now" is [`QueueError::Unavailable`], never `LeaseLost`.
//! * *Bounds*: no call does work in proportion to the backlog. What is due or expired is moved at most
//!   [`MOVES_PER_TAKE`] at a time.

use std::time::Duration;

use async_trait::async_trait;

use crate::{
    Accepted, Class, Counts, DeadLetter, DeadPage, Lane, LaneView, Lease, Leased, MessageId, NewMessage,
    Progress, QueueError, Renewal, Violation, WorkerId,
};

/// How many due and how many expired lanes one `take` moves to ready, each.
pub const MOVES_PER_TAKE: usize = 64;

/// How many letters dead on arrival one class keeps; the rest are counted.
pub const DEAD_ON_ARRIVAL_MAX: u64 = 1_000;

/// A durable queue of messages in lanes. See the [module's essay](self) for what all methods share.
#[async_trait]
pub trait Queue: Send + Sync + 'static {
    /// Stores a message unless its id was stored within the dedup window: dedup and enqueue are one step, durable
    /// when the call returns. A message with a `dead_reason` goes straight to the dead letters.
    async fn accept(&self, message: NewMessage) -> Result<Accepted, QueueError>;

    /// Leases up to `max` messages, each the head of another ready lane, the lane that has waited longest first, one
    /// class after the other. Before that it moves lanes whose delay is over to the end of ready, and lanes whose
    /// lease has run out to the front. A call with a lower number than the worker's last gives nothing: it comes late,
    /// and nobody waits for its answer. Never waits: see [`Queue::wait`].
    async fn take(&self, request: &TakeRequest) -> Result<Taken, QueueError>;

    /// Returns when there may be something to take, at the latest after `at_most`. It may return early for nothing,
    /// and on a lost wake-up only at the end: callers keep `at_most` to a second or less.
    async fn wait(&self, at_most: Duration) -> Result<(), QueueError>;

    /// Makes leases run for `lease_for` from now, and says of each, in the same order, whether it is still held. A lease that ran out and was
    /// not taken back yet is revived.
    async fn renew(&self, leases: &[Lease], lease_for: Duration) -> Result<Vec<Renewal>, QueueError>;

    /// Records how far the answer has got. Replaces `sent` and `sending`; `replies` only if given.
    async fn record(&self, lease: &Lease, progress: Progress) -> Result<(), QueueError>;

    /// Ends the message: answered, or nothing to answer. Its lane goes on.
    async fn complete(&self, lease: &Lease) -> Result<(), QueueError>;

    /// A failed attempt: the message stays the head of its lane, which waits for `after`. What was recorded stays.
    async fn retry(&self, lease: &Lease, after: Duration, reason: &str) -> Result<(), QueueError>;

    /// Like [`Queue::retry`], for a reason that isn't the message's fault: no attempt is used.
    async fn snooze(&self, lease: &Lease, after: Duration, reason: &str) -> Result<(), QueueError>;

    /// Gives the message back unhandled: its lane is first in line, no attempt is used.
    async fn release(&self, lease: &Lease) -> Result<(), QueueError>;

    /// Moves the message to the dead letters. Its lane goes on.
    async fn bury(&self, lease: &Lease, reason: &str) -> Result<(), QueueError>;

    /// How many messages are in which state.
    async fn counts(&self) -> Result<Counts, QueueError>;

    /// One lane, or `None` if it has no message.
    async fn lane(&self, lane: &Lane) -> Result<Option<LaneView>, QueueError>;

    /// Dead letters, the youngest first: `limit` (at most 1,000) from `offset`.
    async fn dead(&self, offset: u64, limit: u64) -> Result<DeadPage, QueueError>;

    /// One dead letter, or `None` if there is none with this id.
    async fn dead_letter(&self, id: &MessageId) -> Result<Option<DeadLetter>, QueueError>;

    /// Gives a dead letter another life: it goes to the end of its lane, as if it had just come, with all its attempts.
    /// Its id stays what it was. False if there is no such letter.
    async fn revive(&self, id: &MessageId) -> Result<bool, QueueError>;

    /// Removes a dead letter for good. False if there is no such letter.
    async fn drop_dead(&self, id: &MessageId) -> Result<bool, QueueError>;

    /// Whether the queue can do its work now: reaches the store and runs something there.
    async fn ping(&self) -> Result<(), QueueError>;

    /// Checks the invariant over the whole queue, changing nothing. Empty is right.
    async fn audit(&self) -> Result<Vec<Violation>, QueueError>;

    /// The store, for people, without credentials: `redis://host:port/db`, `sqlite:path`.
    fn place(&self) -> &str;
}

/// What a worker asks for.
#[derive(Clone, Debug)]
pub struct TakeRequest {
    /// At most so many messages.
    pub max: usize,
    /// Only of these classes.
    pub classes: Vec<Class>,
    /// Who asks.
    pub worker: WorkerId,
    /// A number that is raised for every new request and kept when one is repeated because its answer got lost.
    pub call: u64,
    /// How long the leases run.
    pub lease_for: Duration,
}

/// What a worker got.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// The messages.
    pub messages: Vec<Leased>,
    /// When there was nothing more: how long until a delay or a lease ends, if one is under way.
    pub next_due: Option<Duration>,
}
