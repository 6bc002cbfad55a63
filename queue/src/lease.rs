//! Leases: who may settle a message.
//!
//! Every take hands out a token made of a counter and the worker's random incarnation. The counter alone would repeat after a
//! store came back without its last writes; the incarnation alone would not tell two takes of one worker apart. On Redis the
//! token also has the number of the worker's call, which never goes back while the worker lives. A settling call carries the
//! token and fails with [`LeaseLost`](crate::QueueError::LeaseLost) unless it is the current one; the comparison is inside
//! the same atomic step as the change.

use std::fmt;

use bytes::Bytes;

use crate::{Lane, MessageId};

/// A worker process, as the queue knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WorkerId {
    name: String,
    incarnation: String,
}

impl WorkerId {
    /// A worker called `name` (for people: host and process) with a fresh random incarnation.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), incarnation: format!("{:016x}", rand::random::<u64>()) }
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A name that no other process, and no earlier run of this one, has.
    pub fn incarnation(&self) -> &str {
        &self.incarnation
    }
}

/// The right to settle one message, until it is lost.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The lane whose head is leased.
    pub lane: Lane,
    /// The message at its head.
    pub id: MessageId,
    /// The token that proves it.
    pub token: Token,
    /// What its holder has to say of the message, for the [journal](crate::Journal). Empty when it is taken.
    pub note: Bytes,
}

/// A fencing token: opaque, never the same twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Token(String);

impl Token {
    pub(crate) fn new(counter: u64, incarnation: &str) -> Self {
        Self(format!("{counter}.{incarnation}"))
    }

    pub(crate) fn from_stored(stored: String) -> Self {
        Self(stored)
    }

    /// The token as the store keeps it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What became of a lease whose holder asked for its renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// It runs from now for the time asked.
    Kept,
    /// Somebody else may have the message: stop.
    Lost,
}
