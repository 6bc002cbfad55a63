//! The judgement of an answer, in the words of one line.

use std::fmt;

use huixin_wechat::{Content, Outgoing};
use huixin_worker::Outcome;
use huixin_worker::call_back::CalledBack;
use huixin_worker::handlers::TrialResult;

/// The longest part of a text that is shown.
const SHOWN_CHARS: usize = 40;
/// What JavaScript makes of a whole object.
const OBJECT: &str = "[object Object]";

/// The judgement of a service's answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TestVerdict {
    /// These would be sent, in order.
    Replies(String),
    /// These come by call back, which isn't waited for.
    Later,
    /// These would be sent, and they look like a mistake.
    Doubtful(String),
    /// Nothing would be sent.
    Nothing,
    /// This is wrong with it.
    Wrong(String),
    /// There was none, for this reason.
    Unanswered(String),
}

impl TestVerdict {
    /// The verdict on an answer to a message with or without `content`, after which `sends` can be sent. `refused` names media
    /// of the answer that a worker would not fetch.
    pub(super) fn of(tried: TrialResult, has_content: bool, sends: u32, refused: Option<String>) -> Self {
        let TrialResult { outcome, remark, answered } = tried;
        let failed = |text: String| if answered { Self::Wrong(text) } else { Self::Unanswered(text) };
        match &outcome {
            Outcome::Retry { reason, .. } => return failed(format!("{reason}; a worker tries it again")),
            Outcome::Fail { reason } => return failed(format!("{reason}; a worker gives it up at once")),
            Outcome::Later { .. } => return Self::Later,
            Outcome::Reply(_) | Outcome::Remember { .. } | Outcome::NoReply => {}
        }
        if let Some(remark) = remark {
            return Self::Wrong(format!("the answer {remark}"));
        }
        if let Err(wrong) = CalledBack::of(outcome.clone()) {
            return Self::Wrong(wrong);
        }
        let (replies, remembers) = match outcome {
            Outcome::Reply(replies) => (replies, false),
            Outcome::Remember { replies, .. } => (replies, true),
            _ => (Vec::new(), false),
        };
        let text = describe(&replies, sends, remembers);
        if let Some(refused) = refused {
            return Self::Doubtful(format!("{text} (a worker doesn't fetch its media: {refused})"));
        }
        match replies.iter().find_map(nothing_in).filter(|_| !has_content) {
            Some(word) => Self::Doubtful(format!("{text} (this kind has no `content`: is {word} meant?)")),
            None if replies.is_empty() && !remembers => Self::Nothing,
            None => Self::Replies(text),
        }
    }

    /// Four letters before its line.
    pub(super) fn mark(&self) -> &'static str {
        match self {
            Self::Replies(_) | Self::Later | Self::Nothing => "ok  ",
            Self::Doubtful(_) => "WARN",
            Self::Wrong(_) | Self::Unanswered(_) => "BAD ",
        }
    }

    pub(super) fn is_reply(&self) -> bool {
        matches!(self, Self::Replies(_) | Self::Later | Self::Doubtful(_))
    }

    pub(super) fn is_bad(&self) -> bool {
        matches!(self, Self::Wrong(_) | Self::Unanswered(_))
    }
}

impl fmt::Display for TestVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replies(text) | Self::Doubtful(text) | Self::Wrong(text) | Self::Unanswered(text) => {
                f.write_str(text)
            }
            Self::Later => f.write_str("202: it answers by call back, which isn't waited for"),
            Self::Nothing => f.write_str("no reply"),
        }
    }
}

fn describe(replies: &[Outgoing], sends: u32, remembers: bool) -> String {
    let mut text = match replies {
        [] => "no reply".to_owned(),
        [one] => reply(one),
        many => {
            let all: Vec<String> = many.iter().map(reply).collect();
            format!("{} replies: {}", many.len(), all.join("; "))
        }
    };
    if remembers {
        text += ", and a memory";
    }
    match (replies.len(), sends) {
        (0, _) => {}
        (_, 0) => text += " (not sent: WeChat allows no reply to this kind)",
        (many, sends) if many > sends as usize => {
            text += &format!(" (WeChat takes {sends}: the others are held until the user writes again)");
        }
        _ => {}
    }
    text
}

/// What languages write for a value that isn't there, if a text has it as a word.
fn nothing_in(reply: &Outgoing) -> Option<&'static str> {
    let Content::Text { content } = &reply.content else { return None };
    let is_word = |wanted: &str| {
        content.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == wanted)
    };
    let word = ["None", "null", "undefined", "NaN"].into_iter().find(|word| is_word(word));
    word.or_else(|| content.contains(OBJECT).then_some(OBJECT))
}

/// Its type, and how it begins if it is a text.
fn reply(reply: &Outgoing) -> String {
    match &reply.content {
        Content::Text { content } => {
            let line: String = content.chars().take(SHOWN_CHARS).collect();
            let more = if content.chars().nth(SHOWN_CHARS).is_some() { "…" } else { "" };
            format!("text {line:?}{more}")
        }
        Content::Transfer => {
            format!(
                "{} (in the response to the push: set `may_transfer` on its route)",
                reply.content.msgtype()
            )
        }
        other => other.msgtype().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn verdict(outcome: Outcome, sends: u32) -> TestVerdict {
        TestVerdict::of(TrialResult { outcome, remark: None, answered: true }, true, sends, None)
    }

    #[test]
    fn what_stands_for_no_value_is_doubted_where_the_message_has_no_content() {
        let of = |text: &str, has_content| {
            let tried = TrialResult { outcome: Outcome::text(text), remark: None, answered: true };
            TestVerdict::of(tried, has_content, 5, None)
        };
        for text in ["您问的是：None", "是null吗", "undefined", "1 NaN", "a [object Object]"] {
            assert_eq!(of(text, false).mark(), "WARN", "{text}");
            assert_eq!(of(text, true).mark(), "ok  ", "{text}");
        }
        for text in ["NoneType", "none", "nullable", "is_null", "object"] {
            assert_eq!(of(text, false).mark(), "ok  ", "{text}");
        }
        let text = "text \"None\" (this kind has no `content`: is None meant?)";
        assert_eq!(of("None", false).to_string(), text);
    }

    #[test]
    fn a_hand_over_is_told_with_what_its_route_needs() {
        let shown = verdict(Outcome::Reply(vec![Content::Transfer.into()]), 5).to_string();
        let needs = "(in the response to the push: set `may_transfer` on its route)";
        assert_eq!(shown, format!("transfer_customer_service {needs}"));
    }

    #[test]
    fn a_good_answer_is_told_with_what_becomes_of_it() {
        let long = "长".repeat(41);
        let three = Outcome::Reply(vec![Outgoing::text("a\nb"), Outgoing::text(long), Outgoing::text("c")]);
        assert_eq!(
            verdict(three, 2).to_string(),
            format!(
                "3 replies: text \"a\\nb\"; text \"{}\"…; text \"c\" (WeChat takes 2: the others are held until the user writes again)",
                "长".repeat(40)
            )
        );
        assert_eq!(
            verdict(Outcome::text("a"), 0).to_string(),
            "text \"a\" (not sent: WeChat allows no reply to this kind)"
        );
        let remembers = Outcome::Remember { replies: Vec::new(), memory: json!(1) };
        assert_eq!(verdict(remembers, 5).to_string(), "no reply, and a memory");
        assert_eq!(verdict(Outcome::NoReply, 5), TestVerdict::Nothing);
    }

    #[test]
    fn what_a_worker_puts_up_with_is_bad_here() {
        let remark = Some("has a PHP error beside the reply".to_owned());
        let tried = TrialResult { outcome: Outcome::text("a"), remark, answered: true };
        assert!(TestVerdict::of(tried, true, 5, None).is_bad());
        let large = json!("x".repeat(huixin_worker::MEMORY_MAX_BYTES));
        let text = verdict(Outcome::Remember { replies: Vec::new(), memory: large }, 5).to_string();
        assert!(text.starts_with("the memory has"), "{text}");
        let failed = Outcome::Retry { after: None, reason: "no".to_owned() };
        let unanswered =
            TestVerdict::of(TrialResult { outcome: failed, remark: None, answered: false }, true, 5, None);
        assert_eq!(unanswered, TestVerdict::Unanswered("no; a worker tries it again".to_owned()));
    }
}
