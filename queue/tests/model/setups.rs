//! The set-ups: in CI each is explored to its last state, within seconds; the long form has larger ones.

use crate::rules::Settle::{Await, Bury, Complete, Hold, HoldAnswer, Offer, Release, Retry, Snooze};
use crate::rules::{Effect, PLAIN, Push, Setup, by, text, with};

/// Workers that stall, die and hear nothing.
pub(crate) const LEASES: Setup = Setup {
    name: "leases",
    pushes: &[text(0), text(0), text(1)],
    lanes: 2,
    workers: 2,
    settles: &[Complete, Retry, Release],
    failures_max: 1,
    lost_answers: true,
    crashes: true,
    ..PLAIN
};

/// Messages that kill their workers, and a store that is away now and then.
pub(crate) const POISON: Setup = Setup {
    name: "poison",
    pushes: &[text(0), text(1)],
    lanes: 2,
    workers: 2,
    hands: 2,
    settles: &[Complete, Release],
    preloaded: true,
    crashes: true,
    poison: true,
    gaps: true,
    ..PLAIN
};

/// Answers that WeChat refuses until the user writes again.
pub(crate) const HELD: Setup = Setup {
    name: "held",
    pushes: &[text(0), text(0), with(0, Effect::Wake), with(0, Effect::Bury)],
    workers: 2,
    settles: &[Complete, Hold, Snooze, Bury],
    held_max: 2,
    lost_answers: true,
    ..PLAIN
};

/// A lane's memory, and an answer that is sent again after a younger one.
pub(crate) const MEMORY: Setup = Setup {
    name: "memory",
    pushes: &[text(0), text(0), with(0, Effect::Wake), with(0, Effect::Bury)],
    settles: &[Complete, Hold],
    held_max: 1,
    records: true,
    lost_answers: true,
    ..PLAIN
};

/// Answers that come by call back.
pub(crate) const AWAITING: Setup = Setup {
    name: "awaiting",
    pushes: &[text(0), text(0)],
    workers: 2,
    settles: &[Complete, Await, Snooze, Bury],
    answers: true,
    records: true,
    lost_answers: true,
    ..PLAIN
};

/// Two receivers with spools, for one user.
pub(crate) const SPOOL: Setup = Setup {
    name: "spool",
    pushes: &[by(0, 0), by(0, 0), by(1, 0)],
    workers: 2,
    settles: &[Complete, Retry],
    failures_max: 1,
    spool: true,
    ..PLAIN
};

/// Operators who pause, resume, retry and drop.
pub(crate) const OPERATED: Setup = Setup {
    name: "operated",
    pushes: &[text(0), with(0, Effect::Unreadable), text(1)],
    lanes: 2,
    settles: &[Complete, Bury, Retry],
    failures_max: 1,
    lane_pauses: true,
    class_pauses: true,
    dead_letters: true,
    ..PLAIN
};

/// A store that comes back without its last writes.
pub(crate) const TAIL: Setup = Setup {
    name: "lost tail",
    pushes: &[text(0), text(0)],
    workers: 2,
    hands: 2,
    settles: &[Complete],
    preloaded: true,
    tail_loss: true,
    ..PLAIN
};

/// An embedded store that is opened again, with the workers in its process.
pub(crate) const REOPENED: Setup = Setup {
    name: "reopened",
    pushes: &[text(0), text(0)],
    workers: 2,
    settles: &[Complete, Snooze],
    restarts: true,
    lost_answers: true,
    poison: true,
    ..PLAIN
};

/// A store in which something can't be read.
pub(crate) const DAMAGED: Setup = Setup {
    name: "damaged",
    pushes: &[text(0), text(0), text(1)],
    lanes: 2,
    settles: &[Complete, Snooze],
    lost_answers: true,
    crashes: true,
    damage: true,
    ..PLAIN
};

/// Everything that meets in one lane.
pub(crate) const TOGETHER: Setup = Setup {
    name: "together",
    pushes: &[text(0), with(0, Effect::Wake)],
    workers: 2,
    settles: &[Complete, Hold, Await, Release],
    answers: true,
    held_max: 1,
    crashes: true,
    lane_pauses: true,
    gaps: true,
    ..PLAIN
};

/// Answers that go out in the response of a push if they are ready in time, and by a call otherwise.
pub(crate) const OFFERED: Setup = Setup {
    name: "offered",
    pushes: &[text(0)],
    workers: 2,
    settles: &[Complete, Offer],
    preloaded: true,
    crashes: true,
    tries: 2,
    parts: 2,
    sends: true,
    ..PLAIN
};

/// Answers that go out in responses only, and wait for the next one.
pub(crate) const ANSWERS: Setup = Setup {
    name: "held answers",
    pushes: &[text(0), with(0, Effect::Fetch)],
    settles: &[HoldAnswer],
    held_max: 2,
    preloaded: true,
    tries: 2,
    parts: 2,
    resend: true,
    ..PLAIN
};

/// Held answers and offers of one user.
pub(crate) const MIXED: Setup = Setup {
    name: "offered and held",
    pushes: &[text(0), text(0), with(0, Effect::Fetch)],
    settles: &[HoldAnswer, Offer],
    held_max: 1,
    preloaded: true,
    tries: 1,
    parts: 1,
    ..PLAIN
};

/// The same of two users.
pub(crate) const TWO_USERS: Setup =
    Setup { name: "offered and held, two", pushes: &[text(0), text(1)], lanes: 2, ..MIXED };

/// A user who leaves, and an operator who pauses, while an answer is offered.
pub(crate) const LEFT: Setup = Setup {
    name: "offered, left",
    pushes: &[text(0), with(0, Effect::Bury)],
    settles: &[Complete, Offer, HoldAnswer],
    held_max: 1,
    class_pauses: true,
    tries: 1,
    parts: 1,
    sends: true,
    ..PLAIN
};

/// What CI explores.
pub(crate) const SHORT: &[&Setup] = &[
    &LEASES, &POISON, &HELD, &MEMORY, &AWAITING, &SPOOL, &OPERATED, &TAIL, &REOPENED, &DAMAGED, &TOGETHER,
    &OFFERED, &ANSWERS, &MIXED, &TWO_USERS, &LEFT,
];

const LEASES_LONG: Setup = Setup {
    name: "leases, long",
    pushes: &[text(0), text(0), text(1)],
    settles: &[Complete, Retry, Release, Bury],
    ..LEASES
};

const POISON_LONG: Setup = Setup { name: "poison, long", pushes: &[text(0), text(0), text(1)], ..POISON };

const HELD_LONG: Setup = Setup { name: "held, long", records: true, ..HELD };

const AWAITING_LONG: Setup = Setup {
    name: "awaiting, long",
    settles: &[Complete, Await, Snooze, Bury, Retry, Release],
    failures_max: 1,
    crashes: true,
    ..AWAITING
};

const SPOOL_LONG: Setup =
    Setup { name: "spool, long", pushes: &[by(0, 0), by(0, 0), by(1, 0), by(1, 0)], ..SPOOL };

const OPERATED_LONG: Setup = Setup { name: "operated, long", workers: 2, ..OPERATED };

const TAIL_LONG: Setup =
    Setup { name: "lost tail, long", settles: &[Complete, Retry], failures_max: 1, ..TAIL };

const REOPENED_LONG: Setup =
    Setup { name: "reopened, long", pushes: &[text(0), text(0), text(1)], lanes: 2, ..REOPENED };

const TOGETHER_LONG: Setup =
    Setup { name: "together, long", lost_answers: true, records: true, poison: true, ..TOGETHER };

/// Woken messages among late ones.
const SPOOL_HELD_LONG: Setup = Setup {
    name: "spool, held, long",
    pushes: &[
        by(0, 0),
        Push { effect: Effect::Wake, ..by(0, 0) },
        by(1, 0),
        Push { effect: Effect::Wake, ..by(1, 0) },
    ],
    workers: 1,
    settles: &[Complete, Hold],
    failures_max: 0,
    held_max: 2,
    ..SPOOL
};

const OFFERED_LONG: Setup = Setup { name: "offered, long", pushes: &[text(0), text(0)], ..OFFERED };

const ANSWERS_LONG: Setup =
    Setup { name: "held answers, long", pushes: &[text(0), text(0), with(0, Effect::Fetch)], ..ANSWERS };

/// Held answers that a later message wakes, and that count as sent when it isn't known.
const WOKEN_ANSWERS_LONG: Setup = Setup {
    name: "held answers, woken",
    pushes: &[text(0), with(0, Effect::Wake), with(0, Effect::Fetch)],
    preloaded: false,
    resend: false,
    ..ANSWERS
};

const MIXED_LONG: Setup =
    Setup { name: "offered and held, long", pushes: &[text(0), text(0), text(1)], ..TWO_USERS };

/// What the long form explores too.
pub(crate) const LONG: &[&Setup] = &[
    &LEASES_LONG,
    &POISON_LONG,
    &HELD_LONG,
    &AWAITING_LONG,
    &SPOOL_LONG,
    &SPOOL_HELD_LONG,
    &OPERATED_LONG,
    &TAIL_LONG,
    &REOPENED_LONG,
    &TOGETHER_LONG,
    &OFFERED_LONG,
    &ANSWERS_LONG,
    &WOKEN_ANSWERS_LONG,
    &MIXED_LONG,
];
