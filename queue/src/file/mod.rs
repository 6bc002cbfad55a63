//! One SQLite file of ours: locked, checked, and written by one thread that commits in groups.
//!
//! The embedded queue and the receiver's spool are different tables with the same promise: when a call returns, what it wrote
//! is synced to disk, and calls that come together share a sync. This module keeps the promise; a [`Format`] says what is in
//! the file. The thread owns the database (`writer`), takes calls in their turn (`lines`), commits in groups (`commit`), and
//! runs the operations (`work`). `step_error` says what an error means.

pub(crate) mod commit;
pub(crate) mod database;
mod lines;
pub(crate) mod lock;
pub(crate) mod now;
mod shared;
pub(crate) mod step_error;
pub(crate) mod work;
pub(crate) mod writer;

use self::step_error::StepError;
use self::work::Step;

/// What is in a file.
pub(crate) struct Format {
    /// What it is, for people: `queue`, `spool`.
    pub(crate) noun: &'static str,
    /// SQLite's mark of whose file it is.
    pub(crate) application_id: i64,
    /// The format this version writes. Another one is refused.
    pub(crate) number: u8,
    /// What makes the tables. One of them is `meta`, with one row and the column `last_us`.
    pub(crate) schema: &'static str,
    /// What goes with every commit of so many changes.
    pub(crate) keep_house: fn(&Step<'_>, usize) -> Result<(), StepError>,
}
