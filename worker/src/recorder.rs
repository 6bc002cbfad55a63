//! The only writer of what the queue keeps of a message under way.
//!
//! Only its exclusive holder may record: [`crate::process`] does, and lends it to what it calls. So the notice, the
//! parts of an answer and the memory are written one after the other without a lock, and what was recorded last is known.

use huixin_queue::{Leased, Memory, Progress, SendState, Settled};

use crate::calls::Calls;
use crate::end::{Done, End, StepResult};

/// The only writer: what it has recorded of one message, and what it learned by that.
pub(crate) struct Recorder<'a> {
    pub(crate) calls: Calls<'a>,
    /// The parts that were sent before this attempt.
    sent: u32,
    /// As the last call that tells it did.
    send_state: SendState,
    /// The send that was announced last, and not taken back.
    announced: Option<u32>,
    /// Goes with the next record of replies.
    to_remember: Option<Memory>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(calls: Calls<'a>, leased: &Leased) -> Self {
        Self {
            calls,
            sent: leased.progress.sent,
            send_state: leased.send_state,
            announced: leased.progress.sending,
            to_remember: None,
        }
    }

    /// Records how far the answer has got, and learns how the lane stands. What the route remembers goes with the replies.
    pub(crate) async fn record(&mut self, progress: Progress) -> StepResult<()> {
        let memory = progress.replies.as_ref().and_then(|_| self.to_remember.take());
        let Calls { lease, .. } = self.calls;
        let record = || self.calls.queue().record(lease, progress.clone(), memory.clone());
        self.send_state = self.calls.insist(record).await?;
        self.announced = progress.sending;
        Ok(())
    }

    /// Learns how the lane stands, before anything is sent of the answer.
    pub(crate) async fn look(&mut self) -> StepResult<()> {
        let progress = Progress { replies: None, sent: self.sent, sending: self.announced };
        self.record(progress).await
    }

    /// Settles the message.
    pub(crate) async fn settle(&self, done: Done) -> StepResult<End> {
        if let huixin_queue::Settlement::Bury { reason } = &done.settlement {
            tracing::error!(reason, "the message is dead");
        }
        let Calls { lease, .. } = self.calls;
        let settle = || self.calls.queue().settle(lease, done.settlement.clone());
        Ok(match self.calls.insist(settle).await? {
            Settled::AsAsked => done.end,
            Settled::ComesAgain => End::Waiting,
        })
    }

    /// How the lane stands, as far as is known here.
    pub(crate) fn send_state(&self) -> &SendState {
        &self.send_state
    }

    /// The send that was announced last, and not taken back.
    pub(crate) fn announced(&self) -> Option<u32> {
        self.announced
    }

    /// Remembers this, or nothing any more, with the next record of replies.
    pub(crate) fn remember(&mut self, memory: Option<Memory>) {
        self.to_remember = memory;
    }

    /// Whether something waits to be remembered with the replies.
    pub(crate) fn remembers(&self) -> bool {
        self.to_remember.is_some()
    }
}
