//! `spool` of `[receiver]`: where messages wait on disk while Redis is out of reach.

use std::path::PathBuf;
use std::time::Duration;

use super::node::Node;
use super::problem::Mistake;
use super::section::Section;
use super::{ByteSize, Config, QueueUrl, value};

/// Settings of the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolConfig {
    /// The directory, which has a folder for each receiver that runs at once.
    pub dir: PathBuf,
    /// How much one receiver's folder may hold.
    pub max_size: ByteSize,
    /// An older message might have been handled already, so it goes to the dead letters.
    pub max_age: Duration,
    /// What stays free on the disk.
    pub reserve: ByteSize,
}

const HOUR: Duration = Duration::from_secs(60 * 60);
/// How much longer than the oldest entry a duplicate must be known: for the last carrying, and for clocks that differ.
const MARGIN: Duration = Duration::from_secs(10 * 60);
const MIB: u32 = 1024;
const GIB: u32 = 1024 * MIB;

/// The spool of the section; none if it is `false`.
pub(super) fn read(receiver: &mut Section<'_>) -> Option<SpoolConfig> {
    let (is_wanted, section) = receiver.switched("spool");
    // Its keys are read in any case, so that they are known.
    let config = keys(section);
    is_wanted.then_some(config)
}

fn keys(mut section: Section<'_>) -> SpoolConfig {
    let folder = section.reader.folder;
    let dir = |node: &Node| value::text(node).map(|dir| folder.join(dir));
    SpoolConfig {
        dir: section.parsed_or("dir", folder.join("huixin-spool"), dir),
        max_size: section.size(
            "max_size",
            ByteSize::kib(GIB),
            ByteSize::kib(MIB)..=ByteSize::kib(1024 * GIB),
        ),
        max_age: section.duration("max_age", 5 * HOUR, Duration::from_secs(60)..=7 * 24 * HOUR),
        reserve: section.size(
            "reserve",
            ByteSize::kib(512 * MIB),
            ByteSize::kib(0)..=ByteSize::kib(1024 * GIB),
        ),
    }
}

/// What is wrong with the spool beside the queue's settings.
pub(super) fn mistake(config: &Config) -> Option<Mistake> {
    let spool = config.receiver.spool.as_ref()?;
    let window = config.queue.dedup_window;
    let on_redis = matches!(config.queue.url, QueueUrl::Redis(_));
    if !on_redis || spool.max_age + MARGIN < window {
        return None;
    }
    let [age, margin, window] = [spool.max_age, MARGIN, window].map(value::print_duration);
    Some(
        Mistake::new(format!(
            "must be more than {margin} below `queue.dedup_window`: it is {age}, that is {window}"
        ))
        .hint(
            "a message that waits longer could be handled twice: shorten this, or lengthen `queue.dedup_window`",
        ),
    )
}
