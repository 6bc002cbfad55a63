//! Rules of the house that no compiler checks.

#![allow(clippy::unwrap_used, reason = "a rule that can't be checked has failed")]

mod circles;
mod compose;
mod config;
mod dependencies;
mod examples;
mod functions;
mod languages;
mod metrics;
mod module;
mod modules;
mod names;
mod prose;
mod repository;
mod shell;
mod words;
