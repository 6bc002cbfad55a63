//! The worker on real parts: a real queue, a pretend WeChat and real services over HTTP, in one process.
//!
//! Every test has an account, users and a queue of its own, so all of them run at the same time; `support` says what is
//! checked at the end of each. What depends on the queue runs on both engines.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

mod admission;
mod call_backs;
mod chat;
mod concurrency;
mod example;
mod failures;
mod holding;
mod http;
mod leases;
mod long;
mod media;
mod memory;
mod notices;
mod order;
mod outage;
mod paused;
mod policy;
mod replies;
mod respond;
mod resume;
mod sends;
#[cfg(feature = "sql")]
mod sql;
mod stopping;
mod supervision;
mod support;
mod unreadable;
mod unsure;
mod without_api;
mod witness;
