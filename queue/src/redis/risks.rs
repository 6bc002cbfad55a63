//! What would make a Redis lose messages: read from the server, told by name.
//!
//! Debian's default configuration has no append-only file and loses everything at a `kill -9`; a cache's eviction policy
//! throws lanes away when memory is short. Most of it is read from `INFO`, because hosted services often forbid
//! `CONFIG`; what only `CONFIG` knows is left out where that is forbidden.

use super::RedisQueue;
use crate::QueueError;

/// Something about a Redis that can lose messages. Its names are those of the configuration's `accept_risk`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Risk {
    /// There is no append-only file.
    NoAof,
    /// The append-only file is never synced.
    NoFsync,
    /// Keys are evicted when memory is short.
    Eviction,
    /// The server is older than 7.0.
    OldVersion,
}

impl Risk {
    /// The name that accepts it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoAof => "no_aof",
            Self::NoFsync => "appendfsync_no",
            Self::Eviction => "eviction",
            Self::OldVersion => "old_version",
        }
    }

    /// What is wrong, in a sentence.
    pub fn problem(self) -> &'static str {
        match self {
            Self::NoAof => "it has no append-only file, so a crash loses everything since its last snapshot",
            Self::NoFsync => "it never syncs its append-only file, so a power cut loses many seconds",
            Self::Eviction => "it evicts keys when memory is short, whole lanes of messages among them",
            Self::OldVersion => "it is older than 7.0, and its scripts can't do what the queue needs",
        }
    }

    /// What mends it: the command for the server at `place`, and the lines of its configuration.
    pub fn remedy(self, place: &str) -> String {
        let setting = match self {
            Self::NoAof => "appendonly yes",
            Self::NoFsync => "appendfsync everysec",
            Self::Eviction => "maxmemory-policy noeviction",
            Self::OldVersion => return "use Redis 7.0 or newer, or Valkey".to_owned(),
        };
        format!("run `redis-cli -u {place} CONFIG SET {setting}`, and write `{setting}` into redis.conf")
    }
}

impl RedisQueue {
    /// Reads what would lose messages. Empty is safe, as far as can be read.
    ///
    /// # Errors
    /// When Redis can't be reached or used.
    pub async fn risks(&self) -> Result<Vec<Risk>, QueueError> {
        let link = &self.core.link;
        let info: String = link.query(&redis::cmd("INFO")).await?;
        let mut risks = risks_in(&info);
        // Forbidden at many hosts: then only INFO counts.
        let fsync = link.query::<Vec<String>>(redis::cmd("CONFIG").arg("GET").arg("appendfsync")).await;
        match fsync {
            Ok(setting) if setting.get(1).is_some_and(|value| value == "no") => risks.push(Risk::NoFsync),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(queue = self.core.place, %error, "CONFIG can't be read: appendfsync is not checked");
            }
        }
        Ok(risks)
    }
}

fn risks_in(info: &str) -> Vec<Risk> {
    let field =
        |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let mut risks = Vec::new();
    // A Valkey says `redis_version:7.2.4` for compatibility, whatever its own is.
    let major = field("redis_version").and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    if major.is_some_and(|major| major < 7) {
        risks.push(Risk::OldVersion);
    }
    if field("aof_enabled") == Some("0") {
        risks.push(Risk::NoAof);
    }
    if field("maxmemory_policy").is_some_and(|policy| policy != "noeviction")
        && field("maxmemory") != Some("0")
    {
        risks.push(Risk::Eviction);
    }
    risks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn risks_are_read_from_what_the_server_tells() {
        let safe = "redis_version:7.0.15\r\naof_enabled:1\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n";
        assert_eq!(risks_in(safe), []);
        assert_eq!(risks_in(&safe.replace("aof_enabled:1", "aof_enabled:0")), [Risk::NoAof]);
        assert_eq!(risks_in(&safe.replace("7.0.15", "6.2.1")), [Risk::OldVersion]);
        let cache = safe.replace("noeviction", "allkeys-lru");
        assert_eq!(risks_in(&cache), [], "without a limit nothing is evicted");
        assert_eq!(risks_in(&cache.replace("maxmemory:0", "maxmemory:1000")), [Risk::Eviction]);
        assert_eq!(risks_in(""), [], "what can't be read is no risk");
    }
}
