//! End to end: real processes, a real Redis, a pretend WeChat, a real browser. Each module is a family of behaviour.

#[allow(dead_code, reason = "the worker's tests use the rest of it")]
#[path = "../../worker/tests/it/support/database.rs"]
mod database;
mod harness;

mod answers;
mod api;
mod backends;
mod bad_input;
mod chaos;
mod cli;
mod conversation;
mod crash;
mod delivery;
mod examples;
mod fairness;
mod full_redis;
mod handler_test;
mod hostile;
mod init;
mod inspector;
mod leases;
mod loading;
mod lookups;
mod metrics;
mod operate;
mod operations;
mod outage;
mod page;
mod patience;
mod poison;
mod push_answers;
mod push_checks;
mod push_load;
mod readme;
mod routes;
mod safety;
mod samples;
mod scenarios;
mod secrets;
mod slow_disk;
mod slow_route;
mod spool;
mod stop;
mod takeover;
mod ten_thousand;
mod thousand;
mod tls;
mod trace;
mod traces;
mod webhooks;
