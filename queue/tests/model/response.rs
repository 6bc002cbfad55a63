//! What is known of open pushes, and of the answers that may go out in their responses.
//!
//! The receivers' side is as small as it can be. A receiver that dies, or whose client leaves, needs no step: nobody has to go
//! on. News need none either: a receiver may look at any moment.
//!
//! Assumed: WeChat tries a push again only if no response has reached it; the last try's may or may not. A claim outlasts the
//! offer that it was made of, and a push is remembered for as long as it is tried. A mutant shows what the first is for.

use crate::rules::Rules;
use crate::state::{Lane, Message, Set, State};

/// The most pushes that are kept open in a set-up, and tries of one.
pub(crate) const PUSHES: usize = 3;
pub(crate) const TRIES: usize = 2;

/// A part of a message's answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Part {
    pub(crate) message: Message,
    pub(crate) no: u8,
}

/// A try of a push: its push, which has its message's number, and its own number, from 1.
pub(crate) type PushTry = (Message, u8);

/// What the store knows of a push.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct OpenPush {
    pub(crate) tries: u8,
    /// The part that was given to a try of it, unless that certainly wasn't written.
    pub(crate) given: Option<Part>,
}

/// What the store knows of a message's answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) sent: u8,
    /// Whether the next part was announced: it may be out.
    pub(crate) sending: bool,
    /// It may go out in a response: it is offered, or held with its parts.
    pub(crate) response: Option<Response>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Response {
    /// Whether it is offered until an end that hasn't passed.
    pub(crate) offered: bool,
    pub(crate) claim: Option<Claim>,
}

/// A part that was given to a try, and its writing isn't confirmed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Claim {
    pub(crate) by: PushTry,
    /// Whether its end has passed.
    pub(crate) over: bool,
}

/// How far a try has come at its receiver.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) enum Try {
    #[default]
    Waits,
    Has(Part),
    Wrote,
    /// Whatever was claimed for it, it is certain that nothing was written.
    Unwritten,
    Over,
}

/// What becomes of a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    Arrives,
    /// The receiver has written it, and WeChat doesn't get it.
    Lost,
    Unwritten,
}

/// What became of a message's parts, and of a push, by what callers heard and users saw.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Shown {
    /// Parts that are in a written response, or were sent by a call.
    pub(crate) written: Set,
    /// Parts that the user has seen.
    pub(crate) seen: Set,
    /// Parts that were counted as unsure.
    pub(crate) unsure: Set,
    /// What a try of the push got, unless that was undone.
    pub(crate) given: Option<Part>,
}

impl State {
    /// Makes room for what is only there if pushes are kept open: other set-ups don't pay for it.
    pub(crate) fn prepare_responses(&mut self, rules: &Rules) {
        for _ in 0..if rules.setup.tries > 0 { rules.messages() } else { 0 } {
            self.store.pushes.push(OpenPush::default());
            self.store.answers.push(Answer::default());
            self.tries.push(Default::default());
            self.history.shown.push(Shown::default());
        }
    }

    /// The same state, if it has less of what nobody will look at again.
    pub(crate) fn forget_responses(&mut self) {
        for (message, answer) in (0..).zip(&mut self.store.answers) {
            if self.store.dead.has(message) || self.history.gone.has(message) {
                *answer = Answer::default();
            }
        }
    }

    pub(crate) fn answer_of(&self, message: Message) -> Answer {
        self.store.answers.get(usize::from(message)).copied().unwrap_or_default()
    }

    pub(crate) fn answer_mut(&mut self, message: Message) -> Option<&mut Answer> {
        self.store.answers.get_mut(usize::from(message))
    }

    /// The message whose next part is claimed by this try.
    pub(crate) fn claimed_by(&self, lane: u8, by: PushTry) -> Option<Message> {
        self.find_claim(lane, |claim| claim.by == by)
    }

    pub(crate) fn find_claim(&self, lane: u8, is_it: impl Fn(Claim) -> bool) -> Option<Message> {
        let claim = |message: Message| self.answer_of(message).response?.claim;
        self.lane(lane).answering().find(|&message| claim(message).is_some_and(&is_it))
    }

    pub(crate) fn try_of(&self, (push, number): PushTry) -> Try {
        self.tries[usize::from(push)][usize::from(number) - 1]
    }

    pub(crate) fn try_mut(&mut self, (push, number): PushTry) -> &mut Try {
        &mut self.tries[usize::from(push)][usize::from(number) - 1]
    }
}

impl Lane {
    /// The messages whose answers may go out: the held ones in their order, then the current one.
    pub(crate) fn answering(&self) -> impl Iterator<Item = Message> {
        self.held.iter().copied().chain(self.current())
    }
}
