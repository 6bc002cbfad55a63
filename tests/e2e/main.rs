//! End to end: real processes, a real Redis, a pretend WeChat, a real browser. Each module is a family of behaviour.

mod harness;

mod bad_input;
mod cli;
mod crash;
mod door;
mod example;
mod hostile;
mod operate;
mod outage;
mod page;
mod readme;
mod samples;
mod secrets;
mod spool;
mod stop;
mod thousand;
mod tls;
