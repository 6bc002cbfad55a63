//! What is recorded of an answer before its first part is sent.
//!
//! With it, a worker that takes over goes on with the next part instead of running minutes of work again. The failure
//! reply is recorded the same way, with the reason the message dies of, so that the user hears of it once and the message
//! is buried afterwards, by any worker.

use bytes::Bytes;
use huixin_wechat::{Content, Outgoing};
use serde::{Deserialize, Serialize};

use crate::stored_json::{self, Unreadable};
use crate::text;

/// Rises with every change that an earlier worker couldn't read, including a new kind of part. An answer with this number that
/// can't be read counts as damaged.
const FORMAT: u8 = 2;

/// The lowest format whose readers know all these parts, so that earlier workers can go on with what they know. 2:
/// [`Content::Transfer`].
pub(crate) fn format_of(parts: &[Outgoing]) -> u8 {
    if parts.iter().any(|part| part.content == Content::Transfer) { 2 } else { 1 }
}

/// A recorded answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answer {
    format: u8,
    /// What to send, in order. Empty only where there is nothing to say and something to remember.
    pub(crate) parts: Vec<Outgoing>,
    #[serde(flatten)]
    pub(crate) before: Before,
    /// Why the message dies once the parts are sent.
    pub(crate) dies_of: Option<String>,
    /// It was held: what its own message allowed is spent.
    #[serde(default)]
    pub(crate) was_held: bool,
}

/// The failures and waits of a message before its answer was recorded: later ones come from its sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {
    /// Failed attempts.
    pub(crate) failures: u32,
    /// Waits without an attempt, mostly for a place at its handler.
    #[serde(default)]
    pub(crate) snoozes: u32,
}

impl Answer {
    pub(crate) fn new(parts: Vec<Outgoing>, before: Before) -> Self {
        Self { format: format_of(&parts), parts, before, dies_of: None, was_held: false }
    }

    /// What the user gets before the message dies; `None` if the text is empty.
    pub(crate) fn last_words(text: &str, max_bytes: usize, before: Before, reason: String) -> Option<Self> {
        let parts = text::fit(vec![Outgoing::text(text)], false, max_bytes);
        (!parts.is_empty()).then(|| Self { dies_of: Some(reason), ..Self::new(parts, before) })
    }

    pub(crate) fn encode(&self) -> Bytes {
        stored_json::write(self)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        stored_json::read(bytes, FORMAT)
    }
}

#[cfg(test)]
mod tests {
    use huixin_wechat::Media;

    use super::*;

    #[test]
    fn an_answer_reads_back_as_it_was_recorded() {
        let answer = Answer::new(
            vec![Outgoing::text("你好 😀"), Content::Image { media: Media::Id("m".into()) }.into()],
            Before { failures: 2, snoozes: 3 },
        );
        assert_eq!(Answer::decode(&answer.encode()), Ok(answer));
        let last = Answer::last_words("sorry", 100, Before::default(), "the service is away".into()).unwrap();
        assert_eq!(Answer::last_words(" ", 100, Before::default(), String::new()), None);
        assert_eq!(Answer::decode(&last.encode()), Ok(last));
        assert_eq!(Answer::decode(b"{\"format\":9,\"parts\":[\"x\"]}"), Err(Unreadable::Newer));
        // As written by versions that didn't count the waits.
        let earlier = Answer::decode(br#"{"format":1,"parts":[],"failures":2,"dies_of":null}"#);
        assert_eq!(earlier.map(|answer| answer.before), Ok(Before { failures: 2, snoozes: 0 }));
    }

    #[test]
    fn an_answer_has_the_lowest_format_that_can_hold_its_parts() {
        let format = |parts| {
            let written: serde_json::Value =
                serde_json::from_slice(&Answer::new(parts, Before::default()).encode()).unwrap();
            written["format"].clone()
        };
        assert_eq!(format(vec![Outgoing::text("a")]), 1);
        assert_eq!(format(vec![Outgoing::text("a"), Content::Transfer.into()]), 2);
        let handed_over = Answer::new(vec![Content::Transfer.into()], Before::default());
        assert_eq!(Answer::decode(&handed_over.encode()), Ok(handed_over));
    }
}
