//! The protocol as others use it. One program, since each links the whole crate, and its tests run at the same time.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod api;
mod authentication;
mod body;
mod dedup;
mod forms;
mod message;
mod outgoing;
mod policy;
mod pushes;
mod seeds;
mod signature;
mod written;
mod xml;
