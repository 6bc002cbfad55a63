//! What users ask and what they are answered, so that each text names its message.

use std::fmt;
use std::time::Duration;

use crate::harness::{Asked, Name, Said};

/// A message: `3/7 2 1500` is message 7 of user 3, whose answer has two parts and takes 1,500 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) name: Name,
    pub(super) parts: usize,
    pub(super) takes_ms: u64,
}

/// One part of an answer: `3/7 1/2` is the first of two that answer message 7 of user 3.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Part {
    pub(super) name: Name,
    pub(super) index: usize,
    pub(super) of: usize,
}

impl Ask {
    pub(super) fn of(text: &str) -> Option<Self> {
        let name = Name::of(text)?;
        let mut rest = text.split_whitespace().skip(1);
        let (parts, takes_ms) = (rest.next()?.parse().ok()?, rest.next()?.parse().ok()?);
        Some(Self { name, parts, takes_ms })
    }

    /// The parts of its answer.
    pub(super) fn answer(self) -> impl Iterator<Item = Part> {
        (1..=self.parts).map(move |index| Part { name: self.name, index, of: self.parts })
    }

    /// How the business service answers a request: as it is asked, and what is no [`Ask`] with nothing at once.
    pub(super) fn said_to(asked: &Asked) -> (Duration, Said) {
        match Self::of(&asked.content) {
            Some(ask) => {
                let parts = ask.answer().map(|part| part.to_string()).collect();
                (Duration::from_millis(ask.takes_ms), Said::Parts(parts))
            }
            None => (Duration::ZERO, Said::Bare(204, "text/plain", "")),
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.name, self.parts, self.takes_ms)
    }
}

impl Part {
    /// The part that a text begins with. A link may follow.
    pub(super) fn of(text: &str) -> Option<Self> {
        let name = Name::of(text)?;
        let (index, of) = text.split_whitespace().nth(1)?.split_once('/')?;
        Some(Self { name, index: index.parse().ok()?, of: of.parse().ok()? })
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.name, self.index, self.of)
    }
}

#[test]
fn a_text_names_its_message_and_its_part() {
    let ask = Ask { name: Name { user: 3, number: 7 }, parts: 2, takes_ms: 1_500 };
    assert_eq!((ask.to_string().as_str(), Ask::of("3/7 2 1500")), ("3/7 2 1500", Some(ask)));
    let parts: Vec<Part> = ask.answer().collect();
    assert_eq!(format!("{parts:?}"), "[3/7 1/2, 3/7 2/2]");
    assert_eq!(Part::of("3/7 1/2\n<a href=\"weixin://\">more</a>"), Some(parts[0]));
    assert_eq!((Part::of("hello"), Ask::of("hello"), Part::of("3/7 2 1500")), (None, None, None));
}
