//! What `dev` does with a message that no route takes: the page and the log say so. In production it ends in silence.

use async_trait::async_trait;
use huixin_sandbox::Sandbox;
use huixin_wechat::Message;
use huixin_worker::{Context, Handler, Outcome};

/// Stands behind the configuration's routes, so that it gets what none of them takes.
pub(super) struct Unmatched(pub(super) Sandbox);

#[async_trait]
impl Handler for Unmatched {
    async fn handle(&self, message: &Message, context: &Context) -> Outcome {
        let (kind, content) = match message.event() {
            Some(event) => (event, message.event_key()),
            None => (message.msg_type(), message.content()),
        };
        tracing::warn!(
            account = context.account,
            kind,
            hint = "add a [[route]] that takes it; `huixin route test` says why each route doesn't",
            "no route takes a message: it ends without a reply"
        );
        let content = content.or(message.recognition()).unwrap_or_default();
        self.0.note_unmatched(&context.account, message.from.as_str(), kind, content);
        Outcome::NoReply
    }

    /// It is done at once, and its only effect may be repeated.
    fn is_cheap(&self) -> bool {
        true
    }
}
