//! Fencing tokens: a new one, and the same ones under lower numbers.

use arrayvec::ArrayVec;

use crate::mutants::Mutant;
use crate::rules::Rules;
use crate::state::{State, Token};

impl State {
    /// A token that nobody has. Tokens are only compared, so the model takes the lowest number that is in use nowhere, which
    /// keeps the states few. Where the store loses its tail, the model must count as an engine does, so that a number can
    /// come twice.
    pub(crate) fn fresh_token(&self, rules: &Rules, worker: u8) -> Token {
        if rules.setup.tail_loss {
            let incarnation = if rules.is(Mutant::TokenWithoutIncarnation) { 0 } else { worker };
            let call = if rules.is(Mutant::TokenWithoutCall) { 0 } else { self.worker(worker).call };
            return Token { number: self.store.counter + 1, incarnation, call };
        }
        let lanes = self.store.lanes.iter().filter_map(|lane| lane.token);
        let hands = self.workers.iter().flat_map(|worker| worker.hands.iter().map(|hand| hand.token));
        let batches = self.store.batches.iter().flatten().map(|batch| batch.token);
        let used: ArrayVec<u8, 16> = lanes.chain(hands).chain(batches).map(|token| token.number).collect();
        let number = (1..).find(|number| !used.contains(number)).expect("there are few tokens");
        Token { number, incarnation: 0, call: 0 }
    }

    /// Gives tokens the lowest numbers, in the order in which they are found. They are only compared, so states that differ
    /// in the numbers alone are the same state. Where a repeated token must be noticed, the numbers stay.
    pub(crate) fn renumber_tokens(&mut self, rules: &Rules) {
        if rules.setup.tail_loss {
            return;
        }
        let mut known: ArrayVec<u8, 16> = ArrayVec::new();
        let mut renumber = |token: &mut Token| {
            let at = known.iter().position(|&number| number == token.number).unwrap_or_else(|| {
                known.push(token.number);
                known.len() - 1
            });
            token.number = u8::try_from(at + 1).expect("there are few tokens");
        };
        self.store.lanes.iter_mut().filter_map(|lane| lane.token.as_mut()).for_each(&mut renumber);
        for hand in self.workers.iter_mut().flat_map(|worker| &mut worker.hands) {
            renumber(&mut hand.token);
        }
        self.store.batches.iter_mut().flatten().for_each(|batch| renumber(&mut batch.token));
    }
}
