//! Rules of the house that no compiler checks.

mod config;
