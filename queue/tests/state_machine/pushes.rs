//! Pushes that are kept open, as their receivers know them, and what is asked about them.
//!
//! Contract of the users, without which an engine may do anything: a push belongs to one lane, an offer comes with its replies
//! or they are recorded, a held answer brings all its parts, and no push stays open for longer than a claim stands.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use huixin_queue::{
    CLAIM_FOR, ClaimOutcome, HeldEffect, Lane, Leased, Memory, MessageId, PUSH_KEPT_FOR, PushAnswer, PushTry,
    Settlement,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::names::{IDS, LANES, PUSHES, lane, push};
use super::operation::{Operation, Which, long, memory, reason};

/// What comes of an answer that may go out in a response.
pub(crate) fn answering() -> impl Strategy<Value = Settlement> {
    let hold = (long(), answer(0), prop::option::of(reason())).prop_map(|(hold_for, answer, dies_of)| {
        let answer = Some(Box::new(PushAnswer { dies_of, ..answer }));
        Settlement::Hold { wakes: 0, hold_for, refused: false, reason: "nobody came".to_owned(), answer }
    });
    let offer = (0_u32..2).prop_flat_map(answer);
    prop_oneof![hold, offer.prop_map(|answer| Settlement::Offer { answer: answer.into() })]
}

/// An answer with all its parts but so many.
fn answer(left_out: u32) -> impl Strategy<Value = PushAnswer> {
    let part = Bytes::from_static(b"part");
    (any::<bool>(), memory(), 0_u32..3, 1_usize..3, any::<bool>()).prop_map(
        move |(replies, keep_for, sent, parts, resend)| PushAnswer {
            replies: replies.then(|| Bytes::from_static(b"replies")),
            memory: keep_for.map(|keep_for| Memory { bytes: Bytes::new(), keep_for }),
            sent,
            parts: vec![part.clone(); parts],
            total: sent + u32::try_from(parts).expect("they are few") + left_out,
            dies_of: None,
            resend,
        },
    )
}

/// Operations that seldom meet when they are made up one by one: a push, its message, an answer, and what a receiver does.
pub(crate) fn exchange() -> impl Strategy<Value = Vec<Operation>> {
    (0..LANES, 0..IDS, 0..PUSHES, open_for(), answering(), vec(of_lane(), 1..7)).prop_map(
        |(lane, id, push, open_for, settlement, then)| {
            let (late, age, unreadable) = (false, Duration::ZERO, false);
            let lease_for = Duration::from_secs(15);
            let begin = [
                Operation::Open { lane, push, open_for },
                Operation::Accept { id, lane, effect: HeldEffect::Leave, late, age, unreadable },
                Operation::Take { worker: 0, max: 4, classes: u8::MAX, suspect: true, lease_for },
                Operation::Settle { lease: Which::Of(lane), settlement },
                Operation::Claim { lane, nth: 0 },
            ];
            begin.into_iter().chain(then.into_iter().map(|then| then(lane))).collect()
        },
    )
}

/// What may come then.
fn of_lane() -> impl Strategy<Value = fn(u8) -> Operation> {
    const fn open(lane: u8, push: u8) -> Operation {
        Operation::Open { lane, push, open_for: Duration::from_secs(5) }
    }
    select::<fn(u8) -> Operation>(vec![
        |lane| Operation::Confirm { lane, nth: 0, written: true },
        |lane| Operation::Confirm { lane, nth: 0, written: true },
        |lane| Operation::Confirm { lane, nth: 0, written: false },
        |lane| Operation::Claim { lane, nth: 0 },
        |lane| Operation::Claim { lane, nth: 0 },
        |lane| Operation::Claim { lane, nth: 1 },
        |lane| open(lane, 0),
        |lane| open(lane, 1),
        |_| Operation::Jump { time: Duration::from_secs(1) },
        |_| Operation::Jump { time: CLAIM_FOR },
    ])
}

/// One by one.
pub(crate) fn responding() -> impl Strategy<Value = Operation> {
    let nth = || prop_oneof![3 => Just(0_u8), 1 => 1_u8..4];
    prop_oneof![
        4 => (0..LANES, 0..PUSHES, open_for())
            .prop_map(|(lane, push, open_for)| Operation::Open { lane, push, open_for }),
        5 => (0..LANES, nth()).prop_map(|(lane, nth)| Operation::Claim { lane, nth }),
        3 => (0..LANES, nth(), any::<bool>())
            .prop_map(|(lane, nth, written)| Operation::Confirm { lane, nth, written }),
        1 => (0..LANES).prop_map(|lane| Operation::Announce { lane }),
    ]
}

/// The shortest is too short for an offer.
fn open_for() -> impl Strategy<Value = Duration> {
    select(vec![200, 2_000, 5_000, 15_000]).prop_map(Duration::from_millis)
}

/// The texts of an answer that is made in a step. `is_recorded`: its replies are.
pub(crate) fn worded(answer: &PushAnswer, is_recorded: bool, reason: &str) -> PushAnswer {
    let mut answer = answer.clone();
    let replies = answer.replies.is_some() || !is_recorded;
    answer.replies = replies.then(|| format!("replies of {reason}").into());
    if let Some(memory) = answer.memory.as_mut().filter(|memory| !memory.keep_for.is_zero()) {
        memory.bytes = format!("memory of {reason}").into();
    }
    for (n, part) in answer.parts.iter_mut().enumerate() {
        *part = format!("part {n} of {reason}").into();
    }
    answer
}

/// What receivers have done and heard.
#[derive(Default)]
pub(crate) struct Pushes {
    tries: Vec<(u8, PushTry)>,
    /// When a push was last written, and when it was last asked about.
    known_us: HashMap<MessageId, (u64, u64)>,
    /// Until when a part of a lane is claimed.
    claimed_us: HashMap<Lane, u64>,
}

impl Pushes {
    /// The try that an operation names.
    pub(crate) fn find(&self, operation: &Operation) -> Option<&PushTry> {
        let (lane, nth) = operation.of_try()?;
        let mut of_lane = self.tries.iter().rev().filter(|(of, _)| *of == lane);
        of_lane.nth(usize::from(nth)).map(|(_, a_try)| a_try)
    }

    /// Whether the operation means something now. A push is remembered for some time after its last change. Whether a look at it
    /// that changes nothing makes that longer is left to the engine, so such a push is left alone.
    pub(crate) fn serves(&self, operation: &Operation, now_us: u64) -> bool {
        let id = match operation {
            Operation::Open { lane, push: n, .. } => push(*lane, *n, Duration::ZERO).id,
            Operation::Claim { .. } | Operation::Confirm { .. } => match self.find(operation) {
                Some(a_try) => a_try.id.clone(),
                None => return false,
            },
            _ => return true,
        };
        let is_over = |us: u64| us + us_of(PUSH_KEPT_FOR) <= now_us;
        self.known_us.get(&id).is_none_or(|&(changed_us, asked_us)| is_over(changed_us) == is_over(asked_us))
    }

    /// A push was opened.
    pub(crate) fn opened(&mut self, operation: &Operation, number: u32, now_us: u64) {
        let Operation::Open { lane, push: n, .. } = operation else { return };
        let id = push(*lane, *n, Duration::ZERO).id;
        self.known_us.insert(id.clone(), (now_us, now_us));
        self.tries.push((*lane, PushTry { id, number }));
    }

    /// A try was used; `outcome` is what its claim gave.
    pub(crate) fn asked(&mut self, operation: &Operation, outcome: Option<&ClaimOutcome>, now_us: u64) {
        let (Some(a_try), Some((of, _))) = (self.find(operation).cloned(), operation.of_try()) else {
            return;
        };
        let (changed_us, asked_us) = self.known_us.entry(a_try.id).or_default();
        *asked_us = now_us;
        if let Some(ClaimOutcome::Part { .. }) = outcome {
            *changed_us = now_us;
            self.claimed_us.insert(lane(of), now_us + us_of(CLAIM_FOR));
        }
        if let Operation::Confirm { .. } = operation {
            self.claimed_us.remove(&lane(of));
        }
    }

    /// Whether a message is given since the claim of its part ran out.
    pub(crate) fn ran_out(&mut self, given: &Leased, now_us: u64) -> bool {
        let claimed_us = self.claimed_us.remove(&given.lease.lane);
        claimed_us.is_some_and(|until_us| until_us <= now_us)
            && given.progress.sending == Some(given.progress.sent)
    }
}

fn us_of(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).expect("it is short")
}
