//! The pretend WeChat from outside: real receivers, real HTTP, no sleeps.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

mod api;
mod control;
mod faults;
mod flood;
mod inspector;
mod knobs;
mod limits;
mod media;
mod menu;
mod messages;
mod page;
mod pushes;
mod quota;
mod responses;
mod support;
mod tokens;
mod transcript;
mod typing;
mod unanswered;
mod windows;
