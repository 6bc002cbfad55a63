//! Which of a user's pushes a message to them answers.
//!
//! WeChat's API doesn't say: a send names the user and nothing else. Where the worker is known (see
//! [`Backstage`](crate::Backstage)) it has said which push it handles, and a user's pushes are handled one at a time. Elsewhere
//! it is the one push that has no answer yet, or, when all have one, the last that got one. When several have none, nothing is
//! claimed: a wrong time beside an answer is worse than none.

use std::collections::VecDeque;

/// How many pushes without an answer are remembered.
const MAX_OPEN: usize = 64;

/// The pushes of one user that may be answered.
#[derive(Debug, Default)]
pub(crate) struct AskedPushes {
    /// Those without an answer, the oldest first.
    open: VecDeque<String>,
    /// The last that got one.
    answered: Option<String>,
    /// The one that is handled now, as its worker says.
    handled: Option<String>,
}

impl AskedPushes {
    /// A push that may be answered.
    pub(crate) fn ask(&mut self, msg_id: &str) {
        if self.open.len() >= MAX_OPEN {
            self.open.pop_front();
        }
        self.open.push_back(msg_id.to_owned());
    }

    /// A worker begins to handle it.
    pub(crate) fn begin(&mut self, msg_id: &str) {
        self.handled = Some(msg_id.to_owned());
    }

    /// A worker has let it go; another may have been begun since.
    pub(crate) fn end(&mut self, msg_id: &str) {
        if self.handled.as_deref() == Some(msg_id) {
            self.handled = None;
        }
    }

    /// The push that a call for its user is about, if that is known.
    pub(crate) fn subject(&self) -> Option<&str> {
        let known = match self.open.len() {
            0 => self.answered.as_deref(),
            1 => self.open.front().map(String::as_str),
            _ => None,
        };
        self.handled.as_deref().or(known)
    }

    /// A message is shown to the user. Gives the push that it answers, if that is known.
    pub(crate) fn answer(&mut self) -> Option<String> {
        let subject = self.subject().map(str::to_owned);
        match &subject {
            Some(msg_id) => self.answered_by_response(msg_id),
            None => {
                self.open.clear();
                self.answered = None;
            }
        }
        subject
    }

    /// The response to this push is shown to the user.
    pub(crate) fn answered_by_response(&mut self, msg_id: &str) {
        self.open.retain(|open| open != msg_id);
        self.answered = Some(msg_id.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_belongs_to_the_one_push_without_one_or_to_the_last_that_got_one() {
        let mut asked = AskedPushes::default();
        assert_eq!(asked.answer(), None);
        asked.ask("1");
        assert_eq!([asked.answer(), asked.answer()], ["1", "1"].map(|id| Some(id.to_owned())));
        asked.ask("2");
        assert_eq!(asked.answer().as_deref(), Some("2"));
    }

    #[test]
    fn of_several_none_is_claimed_unless_a_worker_has_said_which_it_handles() {
        let mut asked = AskedPushes::default();
        for id in ["1", "2"] {
            asked.ask(id);
        }
        asked.begin("1");
        assert_eq!(asked.subject(), Some("1"));
        assert_eq!(asked.answer().as_deref(), Some("1"));
        asked.end("1");
        asked.ask("3");
        assert_eq!(asked.subject(), None);
        assert_eq!(asked.answer(), None);
        asked.ask("4");
        assert_eq!(asked.answer().as_deref(), Some("4"), "the others are given up");
    }

    #[test]
    fn it_remembers_a_bounded_number() {
        let mut asked = AskedPushes::default();
        (0..3 * MAX_OPEN).for_each(|n| asked.ask(&n.to_string()));
        assert_eq!(asked.open.len(), MAX_OPEN);
    }
}
