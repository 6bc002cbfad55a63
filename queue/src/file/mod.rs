//! One SQLite file of ours: locked, checked, and written by one thread that commits in groups.
//!
//! The embedded queue and the receiver's spool are different tables with the same promise: when a call returns, what it
//! wrote is synced to disk, and calls that come together share a sync. What makes the promise is here; a [`Format`] says
//! what is in the file. The thread owns the database (`writer`), commits in groups (`commit`), and runs the operations,
//! each a `job` with its `step`; what an error means, a `fault` says.

pub(crate) mod commit;
pub(crate) mod database;
pub(crate) mod fault;
pub(crate) mod job;
pub(crate) mod lock;
pub(crate) mod now;
mod shared;
pub(crate) mod writer;

use self::fault::Fault;
use self::job::Step;

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
    pub(crate) keep_house: fn(&Step<'_>, usize) -> Result<(), Fault>,
}
