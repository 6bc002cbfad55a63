//! `journal` of `[queue]`: how much is remembered of what became of messages.

use std::time::Duration;

use super::ByteSize;
use super::section::Section;

/// Limits of the journal: what is beyond goes, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalConfig {
    /// How much it may take in the queue's store.
    pub max_size: ByteSize,
    /// How old a record may be.
    pub keep: Duration,
}

const HOUR: Duration = Duration::from_secs(60 * 60);
const MIB: u32 = 1024;

/// The journal of the section; none if it is `false`.
pub(super) fn read(queue: &mut Section<'_>) -> Option<JournalConfig> {
    let (is_wanted, mut section) = queue.switched("journal");
    let sizes = ByteSize::kib(MIB)..=ByteSize::kib(64 * 1024 * MIB);
    let config = JournalConfig {
        max_size: section.size("max_size", ByteSize::kib(128 * MIB), sizes),
        keep: section.duration("keep", 7 * 24 * HOUR, HOUR..=366 * 24 * HOUR),
    };
    is_wanted.then_some(config)
}
