//! Rules of the house that no compiler checks.

#![allow(clippy::unwrap_used, reason = "a rule that can't be checked has failed")]

mod compose;
mod config;
mod dependencies;
mod examples;
mod languages;
mod names;
mod prose;
mod repository;
mod shell;
mod words;
