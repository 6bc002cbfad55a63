//! The traits that every engine implements, and the conformance suite holds.
//!
//! **States.** A message is *waiting* in its lane; then it is the lane's *current* message, from its first take to its
//! end: *running* under a lease, or *delayed* until its next attempt, or *awaiting* an answer by call back; then gone, or
//! *dead* with a reason, or *held* until its lane gets a message that reopens the right to send.
//!
//! **The invariant.** A lane with a current or a waiting message is in exactly one of: ready, leased, delayed (awaiting
//! too), parked (paused). A lane with only held messages or a memory is in none. Everything else follows from it: there
//! are no counters for exclusion, no second list of what is running, nothing is removed by search.
//!
//! **Order.** A lane has two lists: messages accepted from a receiver, and *older* ones, which were drained from a spool or
//! held. Without a current message the older of the two heads is next. A message that has been taken stays current until its
//! end, whatever comes.
//!
//! **Send state.** A lane counts the sends that were announced in it by [`Consumer::record`], so that a sender doesn't go
//! beyond its right. A waking message brings a [`Right`](crate::Right): numbers whose reason the queue doesn't know. Rights
//! don't add up: of the sends that are left and those that the new right brings, the larger number counts, and the later end.
//! A burying message closes the right. So does a refusal ([`Settlement::Hold`]) while its message is held. A waking message
//! opens it again. This state goes from the current message to the next of its lane, however the current one ended, and is
//! forgotten when the lane has nothing to do. A lane that has neither a current message nor a count keeps no right: the
//! worker that takes its waiting messages knows what they bring. [`SendState`] is all of this, and whether others wait behind
//! the message. Every take and every record gives it.
//!
//! **Memory.** A lane remembers what was recorded for it with the first replies of a message. A burying message makes it
//! forget, and the message that is current then writes nothing back.
//!
//! **Patience.** A failed message waits for its next attempt as the head of its lane, and the lane waits with it. While
//! others wait behind it, this lasts only until its patience is over, counted from its first failure. When a waking message
//! comes, a longer wait is cut short. Waits for an answer by call back and snoozes are never cut short.
//!
//! **Lost leases.** A message that outlives its workers is a *suspect* after [`SUSPECT_LOSSES`] losses, and dies at the next
//! ([`LOSSES_MAX`]). A loss counts only if a worker had certainly begun: the first always counts, later ones only if the
//! lease was renewed. A lease that ran out in a gap of the store's service doesn't count. Takes, renewals and beats note the
//! time, and every user of a queue makes one each [`BEAT_EVERY`]. When more than half a lease (and [`GAP_LEAST`]) has gone by
//! without any, no lease is taken back for [`settling_pause`], so that living workers can renew, and leases that ran out
//! before the end of this pause cost nothing. If leases differ in length, the shortest decides the gap and the longest the
//! pause.
//!
//! **Answers by call back.** The first answer always wins. It is *unheard* until a take gives it. Until then an attempt that
//! doesn't know it can't end its message: to complete, bury or hold it, and a [`Consumer::record`] with replies, say
//! [`QueueError::CallBackPending`] and only make the lane ready, last in line. A settlement that puts the message off makes
//! the lane ready too, instead of waiting. Once replies are recorded, an answer by call back comes too late.
//!
//! **Answers in responses.** A message's answer may go out in the response of a push of its lane: see [`Responder`]. A
//! current message that is offered, or claimed, is delayed; when the offer or the claim ends it is first in line. A held one
//! is never current for it. A burying message ends offers. A call for an offer or a hold with an answer that meets an unheard
//! answer by call back says [`QueueError::CallBackPending`], as others do.
//!
//! **For implementers.**
//! * *Atomicity*: each call is one step. A crash at any moment leaves the state before it or after it.
//! * *Idempotence*: a caller that lost the answer repeats the call. `accept` then says `Duplicate`, `take` with the same
//!   `call` number gives the same batch, a settling call says `LeaseLost` ("perhaps done already").
//! * *Time*: delays are relative. The store reads its own clock, or the test clock, once per step.
//! * *Cancellation*: dropping the future of a call leaves it unknown whether the step happened, as a lost answer does.
//! * *Errors*: everything that means "not now" is [`QueueError::Unavailable`], never `LeaseLost`.
//! * *Damage*: if something stored for one lane can't be read, no other lane suffers. It is set aside, reported by the next
//!   take ([`Taken::damaged`]) and named by the audit, and its lane goes on without it.
//! * *Bounds*: no call does work in proportion to the backlog. At most [`MOVES_PER_TAKE`] due lanes, and as many expired
//!   ones, are moved at a time.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    Accepted, CallBackResult, Class, Compaction, Counts, DeadCursor, DeadFilter, DeadLetter, DeadPage,
    Forgotten, Journal, Lane, LaneSnapshot, Lease, Leased, Memory, MessageId, NewMessage, Paused, Progress,
    QueueError, Renewal, Responder, Scope, SendState, Settled, Settlement, Violation, WorkerId,
};

/// How many due and how many expired lanes one `take` moves to ready, each.
pub const MOVES_PER_TAKE: usize = 20;

/// One `take` gives no more messages once they, their records and their lanes' memories have so many bytes.
pub const TAKEN_BYTES_MAX: usize = 1024 * 1024;

/// How many letters dead on arrival one class keeps; the rest are counted.
pub const DEAD_ON_ARRIVAL_MAX: u64 = 1_000;

/// A message with this many losses is a suspect.
pub const SUSPECT_LOSSES: u32 = 2;

/// A message with this many losses dies.
pub const LOSSES_MAX: u32 = 3;

/// How many messages a lane holds at most; one more, and the one held longest dies.
pub const HELD_MAX: usize = 20;

/// The most dead letters that one call looks through.
pub const DEAD_SCAN_MAX: u64 = 100;

/// How often each user of a queue renews or beats. A user that does neither looks like a gap in the store's service.
pub const BEAT_EVERY: Duration = Duration::from_millis(500);

/// A shorter time without a beat is never a gap in the store's service.
pub const GAP_LEAST: Duration = Duration::from_millis(1_500);

/// For how long after a gap in its service a store takes no lease back: a heartbeat and a second.
pub fn settling_pause(lease_for: Duration) -> Duration {
    lease_for / 5 + Duration::from_secs(1)
}

/// For callers that put messages and answers in. See the [module's essay](self) for what all methods share.
#[async_trait]
pub trait Producer: Send + Sync + 'static {
    /// Stores a message unless its id was stored within the dedup window: dedup and enqueue are one step, durable
    /// when the call returns. A message with a `dead_reason` goes straight to the dead letters.
    async fn accept(&self, message: NewMessage) -> Result<Accepted, QueueError>;

    /// An answer by call back, for the current message of a lane. The first wins, whatever the message's state. It may come
    /// before [`Settlement::Await`], or while the message waits for its next attempt, which ends that wait. The code that
    /// calls this must know whether its caller may answer.
    async fn answer(&self, lane: &Lane, id: &MessageId, answer: Bytes) -> Result<CallBackResult, QueueError>;

    /// Notes that the store serves, for callers without a lease, such as a receiver.
    async fn beat(&self) -> Result<(), QueueError>;
}

/// For workers: messages under leases.
#[async_trait]
pub trait Consumer: Send + Sync + 'static {
    /// Leases up to `max` messages, each the head of a different ready lane: the classes in turn, and in each the lane that
    /// has waited longest first. Before that, lanes whose delay is over go to the end of ready, lanes whose lease has run out
    /// to the front, and held messages whose time is over to the dead letters. Paused messages aren't given: a paused lane is
    /// parked when its turn comes. A call with a lower number than the worker's last comes late and gives nothing, since
    /// nobody waits for its answer. Never waits: see [`Consumer::wait`].
    async fn take(&self, request: &TakeRequest) -> Result<Taken, QueueError>;

    /// Returns when there may be something to take, at the latest after `at_most`. It may return early although there is
    /// nothing. If a wake-up is lost, it returns only at the end: keep `at_most` to a second or less.
    async fn wait(&self, at_most: Duration) -> Result<(), QueueError>;

    /// Makes leases run for `lease_for` from now, and says of each, in the same order, whether it is still held. A lease that
    /// ran out and was not taken back yet is revived. Without any lease it only notes that the store serves, and the length
    /// of the leases in use.
    async fn renew(&self, leases: &[Lease], lease_for: Duration) -> Result<Vec<Renewal>, QueueError>;

    /// Records how far the answer has got. Replaces `sent` and `sending`, and `replies` if given. With the first replies of a
    /// message, and only with them, `memory` replaces the lane's memory in the same step, so that neither a repeated call nor
    /// a held part can bring back an older one. Gives the [`SendState`] after the step; a repeated call changes nothing in
    /// it. Replies are refused while there is an unheard answer: [`QueueError::CallBackPending`].
    async fn record(
        &self,
        lease: &Lease,
        progress: Progress,
        memory: Option<Memory>,
    ) -> Result<SendState, QueueError>;

    /// Settles the message, and with that ends the lease: see [`Settlement`] for what may become of it.
    /// [`QueueError::CallBackPending`] if the message was to end or to be held and there is an unheard answer.
    async fn settle(&self, lease: &Lease, settlement: Settlement) -> Result<Settled, QueueError>;
}

/// For people who look after a queue.
#[async_trait]
pub trait Operator: Send + Sync + 'static {
    /// How many messages are in which state.
    async fn counts(&self) -> Result<Counts, QueueError>;

    /// One lane, or `None` if it has no messages, not even held ones, and isn't paused.
    async fn lane(&self, lane: &Lane) -> Result<Option<LaneSnapshot>, QueueError>;

    /// Dead letters that match, the youngest first, at most `limit`, from behind `after` on. One call looks through
    /// [`DEAD_SCAN_MAX`] letters at most: the page says where to go on.
    async fn dead(
        &self,
        filter: &DeadFilter,
        after: Option<&DeadCursor>,
        limit: u64,
    ) -> Result<DeadPage, QueueError>;

    /// One dead letter, or `None` if there is none with this id.
    async fn dead_letter(&self, id: &MessageId) -> Result<Option<DeadLetter>, QueueError>;

    /// The oldest dead letters that are older than `max_age` or beyond the number `max`: at most [`DEAD_SCAN_MAX`], and none
    /// when all is within these limits. They stay; a caller that has no use for them drops them.
    async fn oldest_dead(&self, max_age: Duration, max: u64) -> Result<Vec<DeadLetter>, QueueError>;

    /// Gives dead letters another life: each goes to the end of its lane, as if it had just come, with all its attempts left.
    /// It keeps its id. False where there is no such letter.
    async fn revive(&self, ids: &[MessageId]) -> Result<Vec<bool>, QueueError>;

    /// Removes dead letters for good. False where there is no such letter.
    async fn drop_dead(&self, ids: &[MessageId]) -> Result<Vec<bool>, QueueError>;

    /// Pauses: no message of this scope is given out any more; running ones may end. Pausing again replaces the reason.
    async fn pause(&self, scope: &Scope, reason: &str) -> Result<(), QueueError>;

    /// Ends a pause. False if there was none.
    async fn resume(&self, scope: &Scope) -> Result<bool, QueueError>;

    /// What is paused, at most 1,000 entries.
    async fn paused(&self) -> Result<Vec<Paused>, QueueError>;

    /// Removes all that is kept of a lane, whatever state it is in: see [`Forgotten`]. Its messages end without an answer, and
    /// their holders have lost the lease. Messages that come later are new ones.
    ///
    /// It takes time in proportion to all dead letters and the whole journal: it is for the rare user who asks for it.
    async fn forget(&self, lane: &Lane) -> Result<Forgotten, QueueError>;

    /// Writes the store anew, so that nothing on its disk holds what was removed: in a file at once, while all other calls wait. Redis
    /// does it by itself, and a few things end there by themselves: call this a minute after [`Operator::forget`].
    async fn compact(&self) -> Result<Compaction, QueueError>;

    /// Whether the queue can do its work now: reaches the store and runs something there.
    async fn ping(&self) -> Result<(), QueueError>;

    /// Checks the invariant over the whole queue, changing nothing. Empty: nothing is wrong.
    async fn audit(&self) -> Result<Vec<Violation>, QueueError>;

    /// The store, for people, without credentials: `redis://host:port/db`, `sqlite:path`.
    fn place(&self) -> &str;
}

/// What all users of a queue share, apart from messages.
#[async_trait]
pub trait Shared: Send + Sync + 'static {
    /// A small value that all users of the queue share.
    async fn get(&self, name: &str) -> Result<Option<Bytes>, QueueError>;

    /// Sets a shared value for a time; an empty one removes it.
    async fn set(&self, name: &str, value: Bytes, keep_for: Duration) -> Result<(), QueueError>;

    /// All values whose names begin with `folder`, with their names. A folder ends in the first slash of a name.
    async fn values(&self, folder: &str) -> Result<Vec<(String, Bytes)>, QueueError>;

    /// Asks for one of `n` per period, shared by all users of the queue; unused ones are saved, up to `n`. Zero: granted.
    /// Otherwise not granted, and this is how long to wait before you ask again.
    async fn limit(&self, name: &str, n: u32, per: Duration) -> Result<Duration, QueueError>;
}

/// A durable queue of messages in lanes: all of it.
pub trait Queue: Producer + Consumer + Responder + Operator + Journal + Shared {}

impl<Q: Producer + Consumer + Responder + Operator + Journal + Shared + ?Sized> Queue for Q {}

/// What a worker asks for.
#[derive(Clone, Debug)]
pub struct TakeRequest {
    /// The most messages to give.
    pub max: usize,
    /// Only of these classes. If you pass the same list again and again, a call doesn't cost more for a longer list.
    pub classes: Arc<[Class]>,
    /// Who asks.
    pub worker: WorkerId,
    /// A number that is raised for every new request and kept when one is repeated because its answer got lost.
    pub call: u64,
    /// How long the leases run.
    pub lease_for: Duration,
    /// Whether one of the messages may be a suspect: the worker runs none.
    pub suspect: bool,
}

impl TakeRequest {
    /// The classes by name, and the place of the one to look at first. It changes with every call, so that each class has its
    /// turn even if a call gives fewer messages than there are classes.
    pub(crate) fn classes_in_order(&self) -> (Cow<'_, [Class]>, usize) {
        let mut classes = Cow::Borrowed(&*self.classes);
        if !classes.is_sorted() {
            classes.to_mut().sort_unstable();
        }
        (classes, self.turn(self.classes.len()))
    }

    /// The place of the class that is first, of this many.
    pub(crate) fn turn(&self, classes: usize) -> usize {
        let classes = classes.max(1) as u64;
        let served = self.call.wrapping_mul(self.max as u64);
        // After each round it begins one earlier. Otherwise it would always be the same if `max` is a multiple of their
        // number.
        usize::try_from((served - served / classes) % classes).unwrap_or(0)
    }
}

/// What a worker got.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// The messages.
    pub messages: Vec<Leased>,
    /// Messages that died in the same step: with their last worker, or held for too long. A repeated call doesn't report them
    /// again.
    pub buried: Vec<Buried>,
    /// When there was nothing more: how long until a delay or a lease ends, if one is under way.
    pub next_due: Option<Duration>,
    /// What was found damaged and set aside since the last take. Reported once; the audit names it for as long as it is
    /// there.
    pub damaged: Vec<Damaged>,
    /// Whether there may be more although these are fewer than were asked for, since the take gave up after so many paused
    /// lanes or so many bytes: ask again at once.
    pub cut_short: bool,
}

/// Something in the store that can't be read. It is kept out of the way, and everything beside it goes on without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// What it is, as the store calls it. It may name a lane, and so a user.
    pub name: String,
    /// What is wrong with it.
    pub problem: String,
}

/// A message that the queue itself has buried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buried {
    /// Its id.
    pub id: MessageId,
    /// Its class.
    pub class: Class,
    /// What it died of.
    pub reason: String,
}
