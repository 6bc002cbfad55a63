//! The operations, and how they are made up.
//!
//! Names come from small sets, so that operations meet. What only a run can know is named by its place: a
//! lease by how recently it was given, a dead letter and a pause by where it stands in its list. So a smaller
//! case still means something. Old leases are used too: a settled or lost one is a call that was repeated, or
//! came late.

use std::time::Duration;

use huixin_queue::{HeldEffect, Right, Scope, Settlement};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::damage::DAMAGES;
use super::names::{IDS, LANES, class, lane};
use super::pushes::{answering, exchange, responding};

/// One operation on a queue, or one event beside it.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Accept {
        id: u8,
        lane: u8,
        effect: HeldEffect,
        late: bool,
        age: Duration,
        unreadable: bool,
    },
    Take {
        worker: u8,
        max: usize,
        classes: u8,
        suspect: bool,
        lease_for: Duration,
    },
    /// The same call, because its answer got lost.
    TakeAgain {
        worker: u8,
    },
    /// A call before the last one that gave something, over a connection that was given up.
    TakeLate {
        worker: u8,
    },
    Renew {
        leases: Vec<Which>,
        lease_for: Duration,
    },
    Record {
        lease: Which,
        replies: bool,
        memory: Option<Duration>,
        sent: u32,
        sending: Option<u32>,
    },
    /// A hold that names no waking message names those that came before the take.
    Settle {
        lease: Which,
        settlement: Settlement,
    },
    /// To the message of a lease, whatever became of it.
    AnswerLeased {
        lease: Which,
    },
    Answer {
        id: u8,
        lane: u8,
    },
    Open {
        lane: u8,
        push: u8,
        open_for: Duration,
    },
    /// By one of the lane's tries: 0 is the youngest.
    Claim {
        lane: u8,
        nth: u8,
    },
    Confirm {
        lane: u8,
        nth: u8,
        written: bool,
    },
    Announce {
        lane: u8,
    },
    Dead {
        limit: u64,
        lane: Option<u8>,
    },
    Revive {
        letters: Vec<usize>,
    },
    Drop {
        letters: Vec<usize>,
    },
    Pause {
        scope: Scope,
    },
    Resume {
        nth: usize,
    },
    Set {
        empty: bool,
        keep_for: Duration,
    },
    Get,
    /// By one who holds no lease.
    Beat,
    Limit {
        n: u32,
    },
    /// Workers die: the leases they had, confirmed or not, run out while the store serves.
    Die {
        confirmed: bool,
    },
    /// Time in which the store serves: in steps, each with a call that says so.
    Pass {
        time: Duration,
    },
    /// Time in which nothing happens: a gap, if it is long enough.
    Jump {
        time: Duration,
    },
    /// Somebody writes what can't be read among the keys or rows of a lane, or what stands for nothing.
    Damage {
        lane: u8,
        kind: u8,
    },
    /// What kills the engine: the process that has the file, or Redis or its scripts.
    Crash {
        hard: bool,
    },
}

/// A lease, by how recently it was given.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    /// Among those that the worker thinks it has.
    Open(u8),
    /// Among all that there ever were.
    Any(u8),
    /// The youngest of a lane.
    Of(u8),
}

/// Sequences of up to `longest`, where an exchange about a push counts as one.
pub(crate) fn sequences(longest: usize) -> impl Strategy<Value = Vec<Operation>> {
    let some = prop_oneof![20 => operation().prop_map(|operation| vec![operation]), 1 => exchange()];
    vec(some, 1..=longest).prop_map(|some| some.concat())
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        3 => accept(),
        4 => taking(),
        6 => settling(),
        2 => responding(),
        2 => operating(),
        2 => happening(),
    ]
}

fn taking() -> impl Strategy<Value = Operation> {
    let worker = || 0_u8..3;
    prop_oneof![
        18 => (worker(), 1_usize..4, 0_u8..4, prop::bool::weighted(0.7), lease_for()).prop_map(
            |(worker, max, classes, suspect, lease_for)| Operation::Take {
                worker,
                max,
                classes,
                suspect,
                lease_for,
            }
        ),
        2 => worker().prop_map(|worker| Operation::TakeAgain { worker }),
        1 => worker().prop_map(|worker| Operation::TakeLate { worker }),
        4 => (vec(lease(), 0..4), lease_for())
            .prop_map(|(leases, lease_for)| Operation::Renew { leases, lease_for }),
    ]
}

fn settling() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => record(),
        8 => settle(Just(Settlement::Complete)),
        6 => settle((short(), short(), reason()).prop_map(|(after, patience, reason)| {
            Settlement::Retry { after, patience, reason }
        })),
        3 => settle((short(), reason()).prop_map(|(after, reason)| Settlement::Snooze { after, reason })),
        4 => settle(Just(Settlement::Release)),
        4 => settle(reason().prop_map(|reason| Settlement::Bury { reason })),
        7 => settle((prop::bool::weighted(0.2), long(), any::<bool>(), reason()).prop_map(
            |(sees_all, hold_for, refused, reason)| {
                Settlement::Hold { wakes: if sees_all { u32::MAX } else { 0 }, hold_for, refused, reason, answer: None }
            },
        )),
        1 => settle(answering()),
        6 => settle(short().prop_map(|within| Settlement::Await { within })),
        9 => answered().prop_map(|lease| Operation::AnswerLeased { lease }),
        1 => (0..IDS, 0..LANES).prop_map(|(id, lane)| Operation::Answer { id, lane }),
    ]
}

fn settle(settlement: impl Strategy<Value = Settlement>) -> impl Strategy<Value = Operation> {
    (lease(), settlement).prop_map(|(lease, settlement)| Operation::Settle { lease, settlement })
}

pub(crate) fn reason() -> impl Strategy<Value = String> {
    (0_u8..4).prop_map(|n| format!("reason {n}"))
}

fn operating() -> impl Strategy<Value = Operation> {
    let letters = || vec(0_usize..6, 1..4);
    prop_oneof![
        1 => (0_u64..4, prop::option::of(0..LANES)).prop_map(|(limit, lane)| Operation::Dead { limit, lane }),
        3 => letters().prop_map(|letters| Operation::Revive { letters }),
        1 => letters().prop_map(|letters| Operation::Drop { letters }),
        2 => scope().prop_map(|scope| Operation::Pause { scope }),
        5 => (0_usize..2).prop_map(|nth| Operation::Resume { nth }),
        1 => (any::<bool>(), long()).prop_map(|(empty, keep_for)| Operation::Set { empty, keep_for }),
        1 => Just(Operation::Get),
        1 => Just(Operation::Beat),
        1 => (0_u32..4).prop_map(|n| Operation::Limit { n }),
    ]
}

fn happening() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => any::<bool>().prop_map(|confirmed| Operation::Die { confirmed }),
        6 => seconds(&[1, 5, 15, 31]).prop_map(|time| Operation::Pass { time }),
        4 => seconds(&[1, 7, 8, 15, 20, 60, 3_600]).prop_map(|time| Operation::Jump { time }),
        // More than the dedup window.
        1 => seconds(&[7 * 3_600]).prop_map(|time| Operation::Jump { time }),
        3 => (0..LANES, 0..DAMAGES).prop_map(|(lane, kind)| Operation::Damage { lane, kind }),
        1 => prop::bool::weighted(0.05).prop_map(|hard| Operation::Crash { hard }),
    ]
}

fn lease() -> impl Strategy<Value = Which> {
    prop_oneof![
        8 => (0_u8..3).prop_map(Which::Open),
        2 => (0_u8..8).prop_map(Which::Any),
    ]
}

/// Also what has failed, and waits.
fn answered() -> impl Strategy<Value = Which> {
    prop_oneof![
        1 => (0_u8..3).prop_map(Which::Open),
        2 => (0_u8..4).prop_map(Which::Any),
    ]
}

fn accept() -> impl Strategy<Value = Operation> {
    let effect = prop_oneof![
        3 => Just(HeldEffect::Leave),
        4 => (1_u32..6, any::<u64>()).prop_map(|(sends, until_s)| HeldEffect::Wake(Right { sends, until_s })),
        1 => Just(HeldEffect::Bury),
    ];
    // Times of arrival repeat, and aren't in the order in which messages come.
    let age = seconds(&[0, 0, 1, 2, 30]);
    (0..IDS, 0..LANES, effect, prop::bool::weighted(0.3), age, prop::bool::weighted(0.05)).prop_map(
        |(id, lane, effect, late, age, unreadable)| Operation::Accept {
            id,
            lane,
            effect,
            late,
            age,
            unreadable,
        },
    )
}

fn record() -> impl Strategy<Value = Operation> {
    (lease(), any::<bool>(), memory(), 0_u32..4, prop::option::of(0_u32..4)).prop_map(
        |(lease, replies, memory, sent, sending)| Operation::Record { lease, replies, memory, sent, sending },
    )
}

/// For how long a memory is kept, if there is one.
pub(crate) fn memory() -> impl Strategy<Value = Option<Duration>> {
    prop::option::of(prop_oneof![Just(Duration::ZERO), long()])
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        1 => Just(Scope::All),
        2 => (0_u8..2).prop_map(|n| Scope::Class(class(n))),
        5 => (0..LANES).prop_map(|n| Scope::Lane(lane(n))),
    ]
}

/// Mostly the same.
fn lease_for() -> impl Strategy<Value = Duration> {
    seconds(&[15, 15, 15, 15, 15, 4, 60])
}

/// A delay, sometimes none.
fn short() -> impl Strategy<Value = Duration> {
    seconds(&[0, 1, 5, 30])
}

/// How long something is kept. Redis lets keys expire by its own clock, which a test can't stop: never within
/// a case.
pub(crate) fn long() -> impl Strategy<Value = Duration> {
    seconds(&[60, 600, 86_400])
}

fn seconds(choices: &'static [u64]) -> impl Strategy<Value = Duration> {
    select(choices).prop_map(Duration::from_secs)
}

impl Operation {
    /// The lease that it needs.
    pub(crate) fn lease(&self) -> Option<Which> {
        match self {
            Self::Record { lease, .. } | Self::AnswerLeased { lease } => Some(*lease),
            _ => self.settled(),
        }
    }

    /// The lane and the try of a push that it needs.
    pub(crate) fn of_try(&self) -> Option<(u8, u8)> {
        match *self {
            Self::Claim { lane, nth } | Self::Confirm { lane, nth, .. } => Some((lane, nth)),
            _ => None,
        }
    }

    /// Whether it may bring news for a receiver.
    pub(crate) fn brings_news(&self) -> bool {
        let Self::Settle { settlement, .. } = self else { return matches!(self, Self::Announce { .. }) };
        matches!(settlement, Settlement::Offer { .. } | Settlement::Hold { answer: Some(_), .. })
    }

    /// Whether it is a take.
    pub(crate) fn takes(&self) -> bool {
        matches!(self, Self::Take { .. } | Self::TakeAgain { .. } | Self::TakeLate { .. })
    }

    /// Whether its caller is done with its message afterwards.
    pub(crate) fn settles(&self) -> bool {
        self.settled().is_some()
    }

    fn settled(&self) -> Option<Which> {
        match self {
            Self::Settle { lease, .. } => Some(*lease),
            _ => None,
        }
    }
}
