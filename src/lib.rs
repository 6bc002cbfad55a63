//! Huixin: ack fast, reply later.
//!
//! The tree is a message's journey: [`receiver`] checks what WeChat pushes and stores it in a
//! [`huixin_queue::Queue`]; a [`huixin_worker::Worker`] takes it, runs its handler, and answers through
//! [`huixin_wechat::Client`]. This package joins them into one command: [`cli`] and [`config`] say what to start,
//! [`wiring`] makes it, [`commands`] runs it, [`call_backs`] takes in what services answer later, [`admin`] shows it, [`traces`] shows each message's way,
//! [`operator`] looks after its queue, [`safety`] after its Redis, and [`report`] tells people what went wrong.

pub mod admin;
pub mod call_backs;
pub mod cli;
pub mod commands;
pub mod config;
pub mod logging;
mod low_priority;
mod one_line;
pub mod open_files;
pub mod operator;
pub mod receiver;
mod refused;
pub mod report;
pub mod safety;
pub mod serve;
pub mod shutdown;
pub mod traces;
pub mod wiring;

#[cfg(test)]
mod tests;
