//! End to end: real processes, a real Redis, a pretend WeChat, a real browser. Each module is a family of behaviour.

#[allow(dead_code, reason = "the worker's tests use the rest of it")]
#[path = "../../worker/tests/it/support/database.rs"]
mod database;
mod harness;

mod bad_input;
mod chaos;
mod cli;
mod crash;
mod delivery;
mod door;
mod example;
mod fairness;
mod full_redis;
mod hostile;
mod leases;
mod operate;
mod outage;
mod page;
mod poison;
mod readme;
mod safety;
mod samples;
mod secrets;
mod spool;
mod stop;
mod takeover;
mod ten_thousand;
mod thousand;
mod tls;
