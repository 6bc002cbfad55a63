//! `[queue]`: where messages wait.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use huixin_queue::redis::Risk;

use super::journal::{self, JournalConfig};
use super::mask::MaskedUrl;
use super::node::Node;
use super::problem::Mistake;
use super::section::Section;
use super::shown::shown;
use super::value;

/// Settings of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueConfig {
    /// The engine and its place.
    pub url: QueueUrl,
    /// What every Redis key begins with, so that several installations share a Redis.
    pub prefix: String,
    /// Risks of the Redis that are accepted, by their names.
    pub accept_risk: Vec<Risk>,
    /// How long a message that was handled is still known as a duplicate.
    pub dedup_window: Duration,
    /// How long and how many dead letters are kept.
    pub dead: DeadConfig,
    /// How much is remembered of what became of messages; none: nothing.
    pub journal: Option<JournalConfig>,
}

/// Limits of the dead letters: what is beyond goes, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadConfig {
    /// How old one may be.
    pub max_age: Duration,
    /// How many there may be.
    pub max: u64,
    /// The folder with the files for letters beyond the limits; none: they are gone.
    pub archive: Option<PathBuf>,
}

/// An engine and its place. Prints without the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueUrl {
    /// A Redis server: `redis://`, `rediss://`, or `redis+unix://` for one at a socket of this machine.
    Redis(MaskedUrl),
    /// An SQLite file.
    Sqlite(PathBuf),
}

shown! {
    QueueUrl: |url| url.to_string();
    Risk: |risk| risk.name();
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn read(mut section: Section<'_>) -> QueueConfig {
    let folder = section.reader.folder;
    let file = QueueUrl::Sqlite(folder.join("huixin.db"));
    let url = section.parsed_or("url", file, |node| QueueUrl::parse(node, folder));
    let prefix = section.parsed_or("prefix", "huixin".to_owned(), prefix);
    // What an ack waits for: there is only one choice yet.
    section.parsed_or("durability", "local".to_owned(), durability);
    QueueConfig {
        url,
        prefix,
        accept_risk: section.parsed_or("accept_risk", Vec::new(), risks),
        dedup_window: section.duration("dedup_window", 6 * HOUR, MINUTE..=7 * DAY),
        dead: dead(section.section("dead")),
        journal: journal::read(&mut section),
    }
}

fn dead(mut section: Section<'_>) -> DeadConfig {
    DeadConfig {
        max_age: section.duration("max_age", 30 * DAY, HOUR..=3650 * DAY),
        max: section.number("max", 100_000, 1_000..=10_000_000).into(),
        archive: section.path("archive"),
    }
}

impl QueueUrl {
    fn parse(node: &Node, folder: &Path) -> Result<Self, Mistake> {
        let text = value::text(node)?;
        if let Some(path) = value::sqlite_path(&text, folder, "huixin.db")? {
            return Ok(Self::Sqlite(path));
        }
        let forms = "write \"redis://HOST:6379/0\", \"rediss://…\" for TLS, or \"sqlite:huixin.db\"";
        // The text isn't repeated: it may hold a password.
        let url = value::whole_url(&text, "a queue URL", forms)?;
        match url.scheme() {
            "redis" | "rediss" if url.host().is_none() => Err(Mistake::new("names no host").hint(forms)),
            "redis+unix" if url.host().is_some() || url.path().len() < 2 => {
                Err(Mistake::new("names no socket").hint("write \"redis+unix:///run/redis/redis.sock\""))
            }
            "redis" | "rediss" | "redis+unix" => Ok(Self::Redis(MaskedUrl(url))),
            scheme => Err(value::unknown_scheme(&text, scheme, forms)),
        }
    }
}

impl fmt::Display for QueueUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redis(url) => f.write_str(super::mask::masked(&url.0).as_str()),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}

fn prefix(node: &Node) -> Result<String, Mistake> {
    let text = value::text(node)?;
    // Braces would change which part of a key Redis Cluster hashes.
    let good = text.len() <= 64 && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:".contains(c));
    let wrong = || Mistake::new("must be at most 64 of the characters A-Z a-z 0-9 _ - . :");
    good.then_some(text).ok_or_else(wrong)
}

fn durability(node: &Node) -> Result<String, Mistake> {
    let text = value::text(node)?;
    let replicas = text.strip_prefix("wait:").map(str::parse::<u32>);
    match (text.as_str(), replicas) {
        ("local", _) => Ok(text),
        (_, Some(Ok(_))) => Err(Mistake::new(format!("is `{text}`, which is not available in this version"))
            .hint("write \"local\"")),
        _ => Err(Mistake::new(format!("is unknown: `{text}`")).hint("write \"local\"")),
    }
}

fn risks(node: &Node) -> Result<Vec<Risk>, Mistake> {
    let accepted = value::texts(node)?.into_iter().map(|name| {
        let unknown = || Mistake::unknown("risk", &name, Risk::acceptable().map(Risk::name));
        Risk::acceptable().find(|risk| risk.name() == name).ok_or_else(unknown)
    });
    accepted.collect()
}
