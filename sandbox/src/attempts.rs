//! Which try of a send this is: how often the very same body has come since one was last answered with success.
//!
//! WeChat's API has no name for a message, so the body is the only thing that two tries have in common. A body that was
//! accepted and answered is settled. If it comes again, somebody wants to say the same once more, and it counts from one. A
//! body whose answer was lost is not settled, and neither is one that was refused or met a fault.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
};

/// How many bodies are remembered.
const MAX_REMEMBERED: usize = 16_384;

/// The tries of bodies that are not settled.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    hashing: RandomState,
    tries: HashMap<u64, u32>,
    /// In the order they first came. It may name settled ones, and is pruned with the others.
    order: VecDeque<u64>,
}

impl Attempts {
    /// Counts a try of this body, and gives which it is, from 1.
    pub(crate) fn begin(&mut self, body: &[u8]) -> u32 {
        let key = self.hashing.hash_one(body);
        while self.order.len() >= MAX_REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.tries.remove(&oldest);
            }
        }
        let tries = self.tries.entry(key).or_insert_with(|| {
            self.order.push_back(key);
            0
        });
        *tries = tries.saturating_add(1);
        *tries
    }

    /// It was accepted, and the caller knows.
    pub(crate) fn settle(&mut self, body: &[u8]) {
        self.tries.remove(&self.hashing.hash_one(body));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_counted_until_one_is_answered() {
        let mut attempts = Attempts::default();
        assert_eq!([attempts.begin(b"a"), attempts.begin(b"b"), attempts.begin(b"a")], [1, 1, 2]);
        attempts.settle(b"a");
        assert_eq!([attempts.begin(b"a"), attempts.begin(b"b")], [1, 2]);
    }

    #[test]
    fn it_remembers_a_bounded_number_of_bodies() {
        let mut attempts = Attempts::default();
        for n in 0..2 * MAX_REMEMBERED {
            attempts.begin(&n.to_le_bytes());
            if n % 3 == 0 {
                attempts.settle(&n.to_le_bytes());
            }
        }
        assert!(attempts.tries.len() <= MAX_REMEMBERED && attempts.order.len() <= MAX_REMEMBERED);
    }
}
