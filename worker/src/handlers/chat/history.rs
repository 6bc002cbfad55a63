//! The turns of a conversation: what is remembered of it, and what of that goes with the next question.
//!
//! A turn is a question and its answer; they come and go together, because endpoints want the roles to alternate. What is
//! remembered is what the next request would take: the last turns, within the budget.
//!
//! **The budget is an estimate.** No two models cut texts alike, and a tokenizer for each would be large and out of date.
//! One token for every character beyond ASCII and one for four of ASCII is close for Chinese and for English, and too
//! much rather than too little for other scripts; roles and separators are [`AROUND`] for each message. If it was too little
//! all the same, the endpoint says so, and the handler asks again with half of the turns.
//!
//! **A turn knows its message's id.** A message whose answer was recorded can still run again: when its sending failed for
//! good, and somebody retries the dead letter. Then its own turn is taken out first, so that it isn't there twice.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::handler::MEMORY_MAX_BYTES;

/// The shape in which turns are remembered.
const FORMAT: u64 = 1;
/// What a message costs besides its text, in tokens.
const AROUND: usize = 4;

/// A question and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Turn {
    /// The id of the message that asked.
    pub(super) id: String,
    /// The question.
    #[serde(rename = "q")]
    pub(super) question: String,
    /// What the model said.
    #[serde(rename = "a")]
    pub(super) answer: String,
}

/// The turns of a conversation, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct History {
    pub(super) turns: Vec<Turn>,
}

impl History {
    /// Reads what is remembered; `None` if that is no conversation, or one of a newer shape.
    pub(super) fn read(memory: &Value) -> Option<Self> {
        if memory.get("chat").and_then(Value::as_u64) != Some(FORMAT) {
            return None;
        }
        Some(Self { turns: Vec::deserialize(memory.get("turns")?).ok()? })
    }

    /// As it is remembered; `null` if there is nothing.
    pub(super) fn memory(&self) -> Value {
        if self.turns.is_empty() { Value::Null } else { json!({"chat": FORMAT, "turns": self.turns}) }
    }

    /// Takes out the turn of this message, if there is one.
    pub(super) fn forget(&mut self, id: &str) {
        self.turns.retain(|turn| turn.id != id);
    }

    /// Drops the oldest turns until at most `turns_max` are left, with at most `tokens_max` estimated tokens together. The
    /// youngest stays even if its text alone exceeds the budget: an answer that the user has just read is what they ask about
    /// next.
    pub(super) fn keep(&mut self, turns_max: usize, tokens_max: usize) {
        let mut first = true;
        let (mut tokens, mut bytes) = (0_usize, memory_bytes(&json!({"chat": FORMAT, "turns": []})));
        let fits = |turn: &&Turn| {
            tokens = tokens.saturating_add(turn.tokens());
            // And the comma.
            bytes = bytes.saturating_add(memory_bytes(&json!(turn)) + 1);
            let is_youngest = std::mem::take(&mut first);
            (is_youngest || tokens <= tokens_max) && bytes <= MEMORY_MAX_BYTES
        };
        let kept = self.turns.iter().rev().take(turns_max).take_while(fits).count();
        self.turns.drain(..self.turns.len() - kept);
    }

    /// Drops the older half of the turns, and says whether there was one to drop.
    pub(super) fn halve(&mut self) -> bool {
        let dropped = self.turns.len().div_ceil(2);
        self.turns.drain(..dropped);
        dropped > 0
    }

    /// Drops all turns, and says whether there was one.
    pub(super) fn clear(&mut self) -> bool {
        !std::mem::take(&mut self.turns).is_empty()
    }
}

impl Turn {
    fn tokens(&self) -> usize {
        tokens(&self.question) + tokens(&self.answer) + 2 * AROUND
    }
}

/// About how many tokens a text has.
fn tokens(text: &str) -> usize {
    let ascii = text.bytes().filter(u8::is_ascii).count();
    let others = text.chars().filter(|c| !c.is_ascii()).count();
    others + ascii.div_ceil(4)
}

fn memory_bytes(value: &Value) -> usize {
    value.to_string().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(n: usize) -> Turn {
        Turn { id: format!("m{n}"), question: format!("question {n}"), answer: format!("answer {n}") }
    }

    fn history(turns: impl IntoIterator<Item = usize>) -> History {
        History { turns: turns.into_iter().map(turn).collect() }
    }

    const ALL: (usize, usize) = (100, 1_000_000);

    #[test]
    fn what_is_remembered_is_read_again_and_anything_else_is_no_conversation() {
        let two = history(1..=2);
        assert_eq!(History::read(&two.memory()), Some(two));
        assert_eq!(History::default().memory(), Value::Null);
        for other in [
            json!({"n": 1}),
            json!("text"),
            json!(null),
            json!([]),
            json!({"chat": 2, "turns": []}),
            json!({"chat": 1}),
            json!({"chat": 1, "turns": [{"id": "m1", "q": "x"}]}),
            json!({"chat": 1, "turns": "x"}),
        ] {
            assert_eq!(History::read(&other), None, "{other}");
        }
    }

    #[test]
    fn the_oldest_turns_are_dropped_whole_until_the_rest_fits() {
        // "question 1" has 10 bytes, "answer 1" has 8: 3 and 2 tokens, and 4 around each.
        assert_eq!(turn(1).tokens(), 13);
        let rows = [
            ((3, ALL.1), vec![7, 8, 9]),
            ((ALL.0, 39), vec![7, 8, 9]),
            ((ALL.0, 38), vec![8, 9]),
            ((ALL.0, 12), vec![9]),
            ((0, ALL.1), vec![]),
            (ALL, (1..=9).collect()),
        ];
        for (limits, expected) in rows {
            let mut kept = history(1..=9);
            kept.keep(limits.0, limits.1);
            assert_eq!(kept, history(expected.clone()), "{limits:?}");
        }
    }

    #[test]
    fn a_large_turn_makes_room_for_no_older_one_behind_it() {
        let mut kept = history(1..=3);
        kept.turns[1].answer = "长".repeat(1000);
        kept.keep(ALL.0, 500);
        assert_eq!(kept, history([3]), "a gap in a conversation would mislead");
    }

    #[test]
    fn what_is_remembered_never_exceeds_what_may_be() {
        for letter in ["x", "\"", "长", "\u{1}"] {
            let mut kept = history(1..=9);
            for turn in &mut kept.turns {
                turn.answer = letter.repeat(40_000 / letter.len());
            }
            kept.keep(ALL.0, ALL.1);
            let size = kept.memory().to_string().len();
            assert!(size <= MEMORY_MAX_BYTES, "{letter:?}: {size}");
            assert!(!kept.turns.is_empty() && kept.turns.len() < 9, "{letter:?}: {}", kept.turns.len());
        }
        let mut small = history(1..=9);
        small.keep(ALL.0, ALL.1);
        assert_eq!(small.turns.len(), 9);
    }

    #[test]
    fn a_history_is_halved_until_nothing_is_left() {
        let mut left = history(1..=5);
        let mut lengths = Vec::new();
        while left.halve() {
            lengths.push(left.turns.len());
            assert!(left.turns.last().is_none_or(|turn| turn.id == "m5"), "the youngest stay");
        }
        assert_eq!(lengths, [2, 1, 0]);
    }

    #[test]
    fn a_message_that_runs_again_is_not_there_twice() {
        let mut again = history(1..=3);
        again.forget("m2");
        again.turns.push(turn(2));
        assert_eq!(again, history([1, 3, 2]));
    }

    #[test]
    fn tokens_are_estimated_by_script() {
        for (text, expected) in
            [("", 0), ("a", 1), ("word", 1), ("words", 2), ("你好", 2), ("你好 world", 4), ("😀", 1)]
        {
            assert_eq!(tokens(text), expected, "{text:?}");
        }
    }
}
