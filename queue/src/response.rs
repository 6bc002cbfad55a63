//! Answers that go out in the response of a push, instead of in a call of their own.
//!
//! A receiver may keep a push open until an answer is ready. An open push is only a hint: whether a part goes out in its
//! response is decided by [`Responder::claim`], in one step with the lane's state, so that a part goes out one way, or is a
//! counted unsure one. A push may be tried again by its sender, under the same id: the newest try counts, and it gets what an
//! earlier one got.
//!
//! **States.** A worker *offers* the next part of a current message ([`Settlement::Offer`](crate::Settlement::Offer)): its lane
//! is delayed until the push closes. Or it *holds* the message with all its parts
//! ([`Settlement::Hold`](crate::Settlement::Hold)): its lane goes on. A receiver *claims* the next part for one try of a push;
//! the lane stays delayed, or the message held, until the try *confirms* that the response is written, or for [`CLAIM_FOR`].
//! What was claimed and not confirmed by then is unsure. So no lane and no message has a new state.
//!
//! Rejected: giving a worker's answer to the receiver that waits, without the store between them. A receiver that dies then
//! takes the answer with it, or the answer goes out twice.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Class, Lane, Memory, MessageId, QueueError};

/// For how long a claim stands without being confirmed.
pub const CLAIM_FOR: Duration = Duration::from_secs(20);

/// A push that closes sooner than this gets no offer.
pub const OFFER_LEAST: Duration = Duration::from_millis(300);

/// For how long a push is remembered after its last try or claim: longer than its sender tries again.
pub const PUSH_KEPT_FOR: Duration = Duration::from_secs(30);

/// For receivers that keep pushes open. See the [module's essay](self).
#[async_trait]
pub trait Responder: Send + Sync + 'static {
    /// Counts one more try of a push and makes it the newest open push of its lane. Gives the number of the try, from 1.
    async fn open(&self, lane: &Lane, push: &OpenPush) -> Result<u32, QueueError>;

    /// Asks for a part for this try of a push: what went out for the push already; else, if nothing of the lane is claimed,
    /// the next part of the oldest held answer, or of the current message's offer. A part that is given is announced, as by
    /// [`Progress::sending`](crate::Progress::sending), but isn't counted as a send. A call that is applied later than
    /// `within` after it began claims nothing.
    ///
    /// Dropping the future leaves it unknown whether a part is claimed: confirm it as not written, or it is unsure.
    async fn claim(
        &self,
        lane: &Lane,
        class: &Class,
        push: &PushTry,
        within: Duration,
    ) -> Result<Claimed, QueueError>;

    /// Ends the claim of this try: its response is written, or certainly not. With its last part written a message ends;
    /// before that a current one is ready again, first in line. Changes nothing if the claim isn't this try's any more.
    async fn confirm(&self, lane: &Lane, push: &PushTry, written: bool) -> Result<(), QueueError>;

    /// Tells the receiver that keeps the lane's newest push open to look: a message of the lane has ended without a part.
    async fn announce(&self, lane: &Lane) -> Result<(), QueueError>;

    /// Lanes with news for this receiver, or none after `at_most`. News may be lost: look now and then.
    async fn news(&self, receiver: &str, at_most: Duration) -> Result<Vec<Lane>, QueueError>;
}

/// A push that waits for an answer in its response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPush {
    /// Its identity, the same for all its tries. For a push that is stored too it is the message's.
    pub id: MessageId,
    /// Who keeps it open: the name that [`Responder::news`] is asked with.
    pub receiver: String,
    /// For how long from now. It begins anew with each try.
    pub open_for: Duration,
}

/// One try of a push.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PushTry {
    /// The push.
    pub id: MessageId,
    /// As [`Responder::open`] said.
    pub number: u32,
}

/// What a claim gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The part, or why there is none.
    pub outcome: ClaimOutcome,
    /// How many parts this call found whose claims ran out unconfirmed: it isn't known whether these were written.
    pub unsure: u32,
}

/// The part for a response, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// This part goes out.
    Part {
        /// As the worker gave it.
        bytes: Bytes,
        /// Whether more is held, or under way, in the lane.
        more: bool,
    },
    /// Nothing now: the lane's messages are under way, paused, or claimed for another push.
    NotYet,
    /// Nothing, and no message is there that could bring something.
    Idle,
    /// A newer try or a newer push of the lane is open: nobody waits for this response.
    Superseded,
}

/// An answer that may go out in the response of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushAnswer {
    /// The replies, in the worker's own format, unless they are recorded.
    pub replies: Option<Bytes>,
    /// What the lane is to remember: as in [`Consumer::record`](crate::Consumer::record).
    pub memory: Option<Memory>,
    /// How many parts are confirmed sent.
    pub sent: u32,
    /// The next parts as they go into a response: one or more.
    pub parts: Vec<Bytes>,
    /// How many parts the answer has in all: with the last one the message ends.
    pub total: u32,
    /// What the message dies of with its last part. None: it is answered.
    pub dies_of: Option<String>,
    /// Whether a part of a held message whose claim ran out goes out again; otherwise it counts as sent.
    pub resend: bool,
}

impl PushAnswer {
    /// The bytes that it brings.
    pub(crate) fn size_bytes(&self) -> usize {
        let memory = self.memory.as_ref().map_or(0, |memory| memory.bytes.len());
        let parts: usize = self.parts.iter().map(Bytes::len).sum();
        memory + parts + self.replies.as_ref().map_or(0, Bytes::len)
    }
}
