//! `[worker]`: how handlers run.

use std::time::Duration;

use super::section::Section;

/// Settings of the worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerConfig {
    /// How many messages are handled at once.
    pub concurrency: usize,
    /// How long a message stays with a worker that has died, before another takes it.
    pub lease: Duration,
    /// How long a worker that stops lets running handlers go on.
    pub grace: Duration,
}

pub(super) fn read(mut section: Section<'_>) -> WorkerConfig {
    let seconds = Duration::from_secs;
    WorkerConfig {
        concurrency: section.number("concurrency", 256, 1..=100_000) as usize,
        lease: section.duration("lease", seconds(15), seconds(1)..=seconds(600)),
        grace: section.duration("grace", seconds(25), seconds(0)..=seconds(3600)),
    }
}
