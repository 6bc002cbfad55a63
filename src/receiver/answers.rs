//! How the answers of an account may go out in the responses to its pushes, and which of its pushes are kept open for them.
//!
//! Only what a user did on purpose is kept open: nothing answers other events. An account that is answered by the API keeps
//! a push open only if its route may hand the user to a person, since WeChat has no call for that.

use std::borrow::Cow;
use std::time::Duration;

use huixin_queue::HeldEffect;
use huixin_wechat::passive::{FETCH_MENU_ID, Form};
use huixin_wechat::{Kind, Message, Trigger};
use huixin_worker::{Condition, normalised};
use percent_encoding::percent_decode_str;

/// How the answers of an account get to its users.
#[derive(Clone, Debug)]
pub enum Answers {
    /// By the API.
    Api {
        /// The conditions of the routes in their order, each with whether the route may hand its user to a person: the first
        /// that holds decides whether a push is kept open. If none holds, it isn't: so none is needed behind the last that may.
        may_transfer: Vec<(Condition, bool)>,
        /// For how long such a push is kept open.
        push_wait: Duration,
    },
    /// In the response if they are ready in time, else by the API.
    Either {
        /// For how long a push is kept open.
        push_wait: Duration,
    },
    /// In a response, this one or a later one.
    Push(PushAnswers),
}

/// What is said to users whose answer isn't ready, and how they get it.
#[derive(Clone, Debug)]
pub struct PushAnswers {
    /// How many tries may be left unanswered in which time, so that WeChat makes the next one. None: no try is.
    pub unanswered: Option<(u32, Duration)>,
    /// What is said while an answer isn't ready, with the link.
    pub notice: String,
    /// By which users fetch what waits for them. It ends each part while there is more.
    pub link: String,
    /// The texts that fetch as the link does, which sends one of them.
    pub fetch_words: Vec<String>,
}

/// How long a push is kept open, and how it ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum PushWay<'a> {
    /// For some time, then with an empty string: the API goes on.
    Either { push_wait: Duration },
    /// As long as WeChat waits.
    Push(&'a PushAnswers),
}

/// A push by which a user fetches what waits for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fetch {
    /// Certainly by the link: it can't be an ordinary message.
    pub(super) is_tap: bool,
}

impl Answers {
    /// Whether any push with this trigger is kept open.
    pub(super) fn keeps_open(&self, trigger: Trigger) -> bool {
        match trigger {
            Trigger::Message | Trigger::Click | Trigger::Scan | Trigger::Subscribe => {
                !matches!(self, Self::Api { may_transfer, .. } if may_transfer.is_empty())
            }
            Trigger::Unsubscribe | Trigger::Silent => false,
        }
    }

    /// How a user's push is kept open, if it is.
    pub(super) fn way(&self, account: &str, message: &Message) -> Option<PushWay<'_>> {
        if !self.keeps_open(message.trigger()) {
            return None;
        }
        match self {
            Self::Api { may_transfer, push_wait } => {
                let route = may_transfer.iter().find(|(when, _)| when.matches(account, message).is_some());
                route.filter(|(_, may)| *may).map(|_| PushWay::Either { push_wait: *push_wait })
            }
            Self::Either { push_wait } => Some(PushWay::Either { push_wait: *push_wait }),
            Self::Push(answers) => Some(PushWay::Push(answers)),
        }
    }

    /// What a push does to the answers that are held for its user. Those that wait for a response aren't woken by it: they go
    /// out in its response.
    pub(super) fn held(&self, effect: HeldEffect) -> HeldEffect {
        match (self, effect) {
            (Self::Push(_), HeldEffect::Wake(_)) => HeldEffect::Leave,
            _ => effect,
        }
    }
}

impl PushWay<'_> {
    /// Whether the push only fetches what waits for its user.
    pub(super) fn fetch(self, message: &Message) -> Option<Fetch> {
        let (Self::Push(answers), Kind::Text { content, menu_id }) = (self, &message.kind) else {
            return None;
        };
        let decoded = percent_decode_str(content).decode_utf8().unwrap_or(Cow::Borrowed(""));
        let is_word = |word: &String| {
            let word = normalised(word);
            normalised(content) == word || normalised(&decoded) == word
        };
        answers
            .fetch_words
            .iter()
            .any(is_word)
            .then_some(Fetch { is_tap: menu_id.as_deref() == Some(FETCH_MENU_ID) })
    }

    /// A part as it goes out: with the link, if more waits for the user and only a response can bring it.
    pub(super) fn form(self, form: Form, more: bool) -> Form {
        match self {
            Self::Push(answers) if more => form.with_link(&answers.link),
            _ => form,
        }
    }
}
