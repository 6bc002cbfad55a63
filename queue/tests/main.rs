//! The engines and the spool, on real stores. One program, since each links the whole crate, and its tests run at the same time.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

mod forgotten;
mod format;
mod redis;
mod scale;
mod spool;
mod sqlite;
mod state_machine;
