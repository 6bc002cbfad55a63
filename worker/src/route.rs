//! Routes: which handler a message gets. The first that matches wins.

use std::sync::Arc;
use std::time::Duration;

use huixin_wechat::{Content, Message, Outgoing};
use regex::Regex;
use strum::{IntoStaticStr, VariantNames};

use crate::admission::Admission;
use crate::condition::{Captures, Condition};
use crate::handler::Handler;

/// How many attempts a route gives a message unless it says otherwise: with the waits between them about a minute, in
/// which a service can be restarted.
pub const ATTEMPTS_DEFAULT: u32 = 8;

/// One route: what it is for, and who handles it.
#[derive(Clone)]
pub struct Route {
    pub(crate) name: String,
    pub(crate) condition: Condition,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) attempts: u32,
    pub(crate) failure_reply: Option<String>,
    pub(crate) unsure: Unsure,
    pub(crate) patience: Duration,
    pub(crate) hold_for: Option<Duration>,
    pub(crate) typing: bool,
    pub(crate) notice: Option<Notice>,
    pub(crate) markdown: bool,
    pub(crate) ai_label: AiLabel,
    pub(crate) admission: Option<Arc<Admission>>,
    pub(crate) answer_within: Duration,
    pub(crate) memory: String,
    pub(crate) memory_for: Duration,
    pub(crate) transfers: bool,
}

/// What becomes of a send that WeChat may or may not have taken: WeChat has no idempotency key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Unsure {
    /// It is made again: the user may get it twice, and never goes without.
    #[default]
    Resend,
    /// It and what follows is held until the user writes again, and made then.
    Hold,
    /// It counts as made: the user may go without, and never gets it twice.
    Drop,
}

impl Unsure {
    /// Its name in the configuration and in metrics.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// How users can see that a machine wrote an answer, as rules for services in China want it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AiLabel {
    /// They aren't, unless a reply says so itself.
    #[default]
    None,
    /// By a line of WeChat's own below each message (`aimsgcontext`).
    WeChat,
    /// By this line at the end of the last text.
    Text(String),
}

impl AiLabel {
    /// Puts the label on an answer.
    pub(crate) fn put_to(&self, parts: &mut [Outgoing]) {
        let last = parts.iter_mut().rev().find_map(|part| match &mut part.content {
            Content::Text { content } => Some(content),
            _ => None,
        });
        match (self, last) {
            (Self::None, _) => {}
            (Self::Text(label), Some(content)) => *content = format!("{}\n\n{label}", content.trim_end()),
            // Where there is no text to read, WeChat's own.
            (Self::WeChat | Self::Text(_), _) => parts.iter_mut().for_each(|part| part.ai_label = true),
        }
    }
}

/// What the user gets while a handler is slow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) after: Duration,
    pub(crate) text: String,
}

/// How long a failing message holds up what its user wrote after it, unless a route says otherwise: a tap on a menu can be
/// answered for a minute.
pub const PATIENCE_DEFAULT: Duration = Duration::from_secs(20);
/// How long answers are held, unless a route says otherwise.
pub const HOLD_FOR_DEFAULT: Duration = Duration::from_secs(24 * 3600);
/// The same for answers to clicks, scans and follows, which are worth little later.
pub const HOLD_FOR_ACTION: Duration = Duration::from_secs(3600);

/// How long an answer by call back is waited for, unless a route says otherwise.
pub const ANSWER_WITHIN_DEFAULT: Duration = Duration::from_secs(600);
/// How long a route remembers something of a user, unless it says otherwise.
pub const MEMORY_FOR_DEFAULT: Duration = Duration::from_secs(24 * 3600);

impl Route {
    /// A route to `handler`, at first for every message (not event).
    pub fn new(name: impl Into<String>, handler: impl Handler) -> Self {
        let name = name.into();
        Self {
            memory: name.clone(),
            name,
            condition: Condition::default(),
            handler: Arc::new(handler),
            attempts: ATTEMPTS_DEFAULT,
            failure_reply: None,
            unsure: Unsure::default(),
            patience: PATIENCE_DEFAULT,
            hold_for: None,
            typing: true,
            notice: None,
            markdown: false,
            ai_label: AiLabel::default(),
            admission: None,
            answer_within: ANSWER_WITHIN_DEFAULT,
            memory_for: MEMORY_FOR_DEFAULT,
            transfers: false,
        }
    }

    /// Only messages for which this holds.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.condition = condition;
        self
    }

    /// Only texts that match this pattern; its groups become the captures.
    #[must_use]
    pub fn when_text(mut self, pattern: Regex) -> Self {
        self.condition.text = Some(pattern);
        self
    }

    /// How many attempts a message gets, at least one.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// What the user gets, once, when a message dies while its window is open.
    #[must_use]
    pub fn failure_reply(mut self, text: impl Into<String>) -> Self {
        self.failure_reply = Some(text.into());
        self
    }

    /// What becomes of a send that WeChat may or may not have taken.
    #[must_use]
    pub fn unsure(mut self, unsure: Unsure) -> Self {
        self.unsure = unsure;
        self
    }

    /// How long a message of this route that fails may hold up what its user wrote after it, from its first failure on; then it
    /// dies, with its failure reply, and the others go on. By default [`PATIENCE_DEFAULT`].
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How long an answer that can't be sent now is held for the user's next message; nothing: it dies at once. By default
    /// [`HOLD_FOR_DEFAULT`], or [`HOLD_FOR_ACTION`] after a click, a scan or a follow.
    #[must_use]
    pub fn hold_for(mut self, hold_for: Duration) -> Self {
        self.hold_for = Some(hold_for);
        self
    }

    /// Whether the user sees that somebody is typing while the handler runs. On by default; it costs a call of WeChat's API
    /// for a handler that takes longer than a second, and another after 15 seconds.
    #[must_use]
    pub fn typing(mut self, typing: bool) -> Self {
        self.typing = typing;
        self
    }

    /// What the user gets, once, when the handler has run for `after` and there is no answer yet. It uses one of the
    /// sends that the user's message allows.
    #[must_use]
    pub fn notice(mut self, after: Duration, text: impl Into<String>) -> Self {
        self.notice = Some(Notice { after, text: text.into() });
        self
    }

    /// Whether texts of the handler are Markdown, to be made readable in a chat.
    #[must_use]
    pub fn markdown(mut self, markdown: bool) -> Self {
        self.markdown = markdown;
        self
    }

    /// Whether, and how, users can see that a machine wrote the answers. At first they aren't.
    #[must_use]
    pub fn ai_label(mut self, ai_label: AiLabel) -> Self {
        self.ai_label = ai_label;
        self
    }

    /// How many messages the handler has at once in one worker, at least one. The others wait without one of the worker's
    /// permits, so that a slow service doesn't keep the messages of other routes waiting. At first as many as come.
    #[must_use]
    pub fn at_once(mut self, messages: usize) -> Self {
        self.admission = Some(Arc::new(Admission::new(messages)));
        self
    }

    /// How long an answer by call back is waited for; by default [`ANSWER_WITHIN_DEFAULT`].
    #[must_use]
    pub fn answer_within(mut self, within: Duration) -> Self {
        self.answer_within = within;
        self
    }

    /// Under which name the handler's memory of a user is kept, and for how long after it was last written. Routes with the
    /// same name share it. By default the route's name, and [`MEMORY_FOR_DEFAULT`].
    #[must_use]
    pub fn memory(mut self, name: impl Into<String>, keep_for: Duration) -> Self {
        (self.memory, self.memory_for) = (name.into(), keep_for);
        self
    }

    /// Whether the handler may answer with [`Content::Transfer`], which can only go out in the response to a push: the push is
    /// then kept open for a moment. A fixed reply says so itself.
    #[must_use]
    pub fn transfers(mut self, transfers: bool) -> Self {
        self.transfers = transfers;
        self
    }

    /// Whether an answer of this route may hand its user over to a person.
    pub fn may_transfer(&self) -> bool {
        self.transfers || self.handler.may_transfer()
    }

    /// The route's name, for logs and metrics.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Route")
            .field("name", &self.name)
            .field("condition", &self.condition)
            .finish_non_exhaustive()
    }
}

/// The first route that a message takes, with its captures.
pub(crate) fn find<'a>(
    routes: &'a [Route],
    account: &str,
    message: &Message,
) -> Option<(&'a Route, Captures)> {
    routes.iter().find_map(|route| Some((route, route.condition.matches(account, message)?)))
}

#[cfg(test)]
mod tests {
    use huixin_wechat::Media;
    use serde_json::json;

    use super::*;
    use crate::handlers::ReplyHandler;

    #[test]
    fn a_label_is_wechats_own_or_a_line_of_the_last_text() {
        let image = || Outgoing::from(Content::Image { media: Media::Id("m".into()) });
        let labelled = |label: AiLabel, mut parts: Vec<Outgoing>| {
            label.put_to(&mut parts);
            parts
        };
        let own = || AiLabel::Text("by AI".into());
        let answer = || vec![Outgoing::text("a"), Outgoing::text("b\n"), image()];
        assert_eq!(labelled(AiLabel::None, answer()), answer());
        assert!(labelled(AiLabel::WeChat, answer()).iter().all(|part| part.ai_label));
        let with_line = vec![Outgoing::text("a"), Outgoing::text("b\n\nby AI"), image()];
        assert_eq!(labelled(own(), answer()), with_line);
        assert!(labelled(own(), vec![image()])[0].ai_label, "there is no text to say it in");
        assert_eq!(labelled(own(), Vec::new()), []);
    }

    #[test]
    fn a_route_may_hand_over_if_it_says_so_or_if_its_reply_does() {
        let route = |reply| Route::new("r", ReplyHandler::new(&reply).unwrap());
        assert!(!route(json!("transfer_customer_service")).may_transfer());
        assert!(route(json!("a")).transfers(true).may_transfer());
        let transfer = json!({"type": "transfer_customer_service"});
        assert!(route(transfer.clone()).may_transfer() && route(json!(["a", transfer])).may_transfer());
    }
}
