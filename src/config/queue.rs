//! `[queue]`: where messages wait.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use huixin_queue::redis::Risk;
use url::Url;

use super::node::Node;
use super::problem::{Mistake, nearest};
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
}

/// Limits of the dead letters: what is beyond goes, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadConfig {
    /// How old one may be.
    pub max_age: Duration,
    /// How many there may be.
    pub max: u64,
    /// The folder of the files that those go to that have to go; none: they are gone.
    pub archive: Option<PathBuf>,
}

/// An engine and its place. Prints without the password.
#[derive(Clone, PartialEq, Eq)]
pub enum QueueUrl {
    /// A Redis server: `redis://`, `rediss://`, or `redis+unix://` for one at a socket of this machine.
    Redis(Url),
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
    // What an ack waits for: there is one thing yet.
    section.parsed_or("durability", "local".to_owned(), durability);
    let config = QueueConfig {
        url,
        prefix,
        accept_risk: section.parsed_or("accept_risk", Vec::new(), risks),
        dedup_window: section.duration("dedup_window", 6 * HOUR, MINUTE..=7 * DAY),
        dead: dead(section.section("dead")),
    };
    section.finish();
    config
}

fn dead(mut section: Section<'_>) -> DeadConfig {
    let config = DeadConfig {
        max_age: section.duration("max_age", 30 * DAY, HOUR..=3650 * DAY),
        max: section.number("max", 100_000, 1_000..=10_000_000).into(),
        archive: section.path("archive"),
    };
    section.finish();
    config
}

impl QueueUrl {
    fn parse(node: &Node, folder: &Path) -> Result<Self, Mistake> {
        let text = value::text(node)?;
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path {
                "" => Err(Mistake::new("names no file").hint("write it like \"sqlite:huixin.db\"")),
                path => Ok(Self::Sqlite(folder.join(path))),
            };
        }
        let forms = "write \"redis://HOST:6379/0\", \"rediss://…\" for TLS, or \"sqlite:huixin.db\"";
        // The text isn't repeated: it may hold a password.
        let url = value::whole_url(&text, "a queue URL", forms)?;
        match url.scheme() {
            "redis" | "rediss" if url.host().is_none() => Err(Mistake::new("names no host").hint(forms)),
            "redis" | "rediss" => Ok(Self::Redis(url)),
            "redis+unix" if url.host().is_some() || url.path().len() < 2 => {
                Err(Mistake::new("names no socket").hint("write \"redis+unix:///run/redis/redis.sock\""))
            }
            "redis+unix" => Ok(Self::Redis(url)),
            scheme if text.contains("://") => {
                Err(Mistake::new(format!("has the unknown scheme `{scheme}`")).hint(forms))
            }
            // What stands before the colon may be a user, or a part of a password.
            _ => Err(Mistake::new("has no scheme").hint(forms)),
        }
    }
}

impl fmt::Display for QueueUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redis(url) => f.write_str(super::mask::masked(url).as_str()),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}

impl fmt::Debug for QueueUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn prefix(node: &Node) -> Result<String, Mistake> {
    let text = value::text(node)?;
    // Braces would change which part of a key Redis Cluster hashes.
    let good = text.len() <= 64 && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:".contains(c));
    if good {
        Ok(text)
    } else {
        Err(Mistake::new("must be at most 64 of the characters A-Z a-z 0-9 _ - . :"))
    }
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
    let known = || Risk::acceptable().map(Risk::name);
    let accepted = value::texts(node)?.into_iter().map(|name| {
        Risk::acceptable().find(|risk| risk.name() == name).ok_or_else(|| {
            let hint = nearest(&name, known(), 0.6).map_or_else(
                || format!("known risks: {}", known().collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            Mistake::new(format!("names the unknown risk `{name}`")).hint(hint)
        })
    });
    accepted.collect()
}
