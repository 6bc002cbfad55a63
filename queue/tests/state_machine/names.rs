//! Names for what there are few of.

use std::time::Duration;

use huixin_queue::{Class, Lane, MessageId, OpenPush};

/// How many ids, lanes and classes there are.
pub(crate) const IDS: u8 = 40;
pub(crate) const LANES: u8 = 4;
pub(crate) const CLASSES: u8 = 2;
/// How many pushes each lane has.
pub(crate) const PUSHES: u8 = 3;
/// Those who keep pushes open.
pub(crate) const RECEIVERS: [&str; 2] = ["receiver 0", "receiver 1"];

pub(crate) fn id(n: u8) -> MessageId {
    MessageId::new(format!("m{n}")).expect("it is short")
}

pub(crate) fn lane(n: u8) -> Lane {
    Lane::new(format!("lane {n}")).expect("it is short")
}

pub(crate) fn class(n: u8) -> Class {
    Class::new(format!("class {n}")).expect("it is short")
}

/// The class of a lane: a user has one account.
pub(crate) fn class_of(lane: u8) -> Class {
    class(u8::from(lane == LANES - 1))
}

/// A push belongs to one lane.
pub(crate) fn push(lane: u8, n: u8, open_for: Duration) -> OpenPush {
    let id = MessageId::new(format!("push {n} of {lane}")).expect("it is short");
    OpenPush { id, receiver: RECEIVERS[usize::from(n) % RECEIVERS.len()].to_owned(), open_for }
}
