//! What a trace shows of a push.
//!
//! The push that brings a message is the first span of the message's trace; one that comes again stands below it. Which of the
//! two it is is known when it is stored, and only then does the span get its ids.

use huixin_queue::MessageId;
use huixin_worker::trace;
use tracing::Span;
use tracing::field::Empty;

use super::outcome::PushOutcome;
use crate::traces::begin_trace;

/// The span of a push that is being stored.
pub(super) struct PushSpan {
    span: Span,
    id: MessageId,
    is_in_trace: bool,
}

impl PushSpan {
    pub(super) fn new(account: &str, id: MessageId) -> Self {
        let span = tracing::debug_span!(
            parent: None,
            "push",
            otel.kind = "server",
            %id,
            account,
            outcome = Empty,
            otel.status_code = Empty,
        );
        Self { span, id, is_in_trace: false }
    }

    /// Ends it with what became of the push.
    pub(super) fn end(mut self, outcome: PushOutcome) {
        match outcome {
            PushOutcome::Duplicate | PushOutcome::Unavailable => trace::join(&self.span, &self.id),
            _ => begin_trace(&self.span, &self.id),
        }
        self.is_in_trace = true;
        self.span.record("outcome", <&str>::from(outcome));
        if outcome == PushOutcome::Unavailable {
            self.span.record("otel.status_code", "error");
        }
    }
}

/// A push whose client leaves while it is stored belongs to the trace too: it is often the one that took long.
impl Drop for PushSpan {
    fn drop(&mut self) {
        if !self.is_in_trace {
            trace::join(&self.span, &self.id);
        }
    }
}
