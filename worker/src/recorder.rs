//! The only writer of what the queue keeps of a message under way.
//!
//! Only its exclusive holder may record: [`crate::process`] does, and lends it to what it calls. So the notice, the
//! parts of an answer and the memory are written one after the other without a lock, and what was recorded last is known.

use huixin_queue::{Memory, Progress, SendState};
use tracing::Instrument as _;

use crate::attempt::Attempt;
use crate::message_end::StepResult;
use crate::note::Note;
use crate::rights::Opening;

/// The only writer: what it has recorded of one message, and what it learned by that.
pub(crate) struct Recorder<'a> {
    pub(crate) attempt: &'a Attempt<'a>,
    /// As the last call that reports it said.
    send_state: SendState,
    /// The send that was announced last, and not taken back.
    announced: Option<u32>,
    /// Goes with the next record of replies.
    pub(crate) to_remember: Option<Memory>,
    /// What the journal will say of the message.
    pub(crate) note: Note,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(attempt: &'a Attempt<'a>) -> Self {
        let leased = attempt.leased;
        let note = Note::new(leased, &attempt.message, attempt.route, &attempt.calls.shared.name);
        let (send_state, announced) = (leased.send_state, leased.progress.sending);
        Self { attempt, send_state, announced, to_remember: None, note }
    }

    /// Confirms the lease of a message that has lost one before: the step that begins now may end this worker.
    pub(crate) async fn confirm(&self) -> StepResult<()> {
        let (calls, losses) = (self.attempt.calls, self.attempt.leased.losses);
        if losses == 0 {
            return Ok(());
        }
        calls.confirm(&self.note.on(calls.lease), losses).await
    }

    /// Records how far the answer has got, and learns how the lane stands. What the route remembers goes with the replies.
    pub(crate) async fn record(&mut self, progress: Progress) -> StepResult<()> {
        let memory = progress.replies.as_ref().and_then(|_| self.to_remember.take());
        let calls = self.attempt.calls;
        let record = || calls.queue().record(calls.lease, progress.clone(), memory.clone());
        let span = tracing::debug_span!("record", sent = progress.sent, sending = progress.sending);
        self.send_state = calls.insist(record).instrument(span).await?;
        self.announced = progress.sending;
        Ok(())
    }

    /// Learns how the lane stands, before anything is sent of the answer.
    pub(crate) async fn look(&mut self) -> StepResult<()> {
        let progress =
            Progress { replies: None, sent: self.attempt.leased.progress.sent, sending: self.announced };
        self.record(progress).await
    }

    /// How the lane stands, as far as is known here.
    pub(crate) fn send_state(&self) -> &SendState {
        &self.send_state
    }

    /// The send that was announced last, and not taken back.
    pub(crate) fn announced(&self) -> Option<u32> {
        self.announced
    }

    /// The right under which the message is answered, as far as is known here.
    pub(crate) fn opening(&self) -> Opening {
        self.attempt.opening(&self.send_state)
    }
}
