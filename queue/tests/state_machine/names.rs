//! Names for what there are few of.

use huixin_queue::{Class, Lane, MessageId};

/// How many ids, lanes and classes there are.
pub(crate) const IDS: u8 = 40;
pub(crate) const LANES: u8 = 4;
pub(crate) const CLASSES: u8 = 2;

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
