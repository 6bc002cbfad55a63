//! What makes a Redis lose messages or stop taking them: each risk by name, with its remedy.
//!
//! Debian's default configuration has no append-only file and loses everything at a `kill -9`; a cache's eviction policy
//! throws lanes away when memory is short. Such a Redis is refused, unless the configuration names the risk: then somebody
//! knows of it. A risk that may pass by itself, or that loses nothing acked, is only a warning. [`super::inspector`] finds
//! the risks.

/// Which Redis can be used: a hint for people whose Redis can't.
pub(super) const EDITIONS: &str = "use a single Redis (7.0 or newer) or Valkey that runs Lua scripts and is not a \
    cluster node; from a managed service choose the edition with one primary, with or without replicas: not the cluster, \
    serverless or proxy edition";

/// Something about a Redis that loses messages, stops the queue, or may soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Risk {
    /// The server is older than 7.0.
    OldVersion,
    /// There is no append-only file.
    NoAof,
    /// The append-only file is never synced.
    NoFsync,
    /// The append-only file is not synced while a new one is written.
    NoFsyncOnRewrite,
    /// Keys are evicted when memory is short.
    Eviction,
    /// It was emptied, or is another server than the process began with.
    Exchanged,
    /// Syncing the append-only file takes so long that writing it is put off.
    SlowFsync,
    /// The append-only file can't be written.
    AofWrite,
    /// The append-only file can't be rewritten.
    AofRewrite,
    /// A snapshot failed, and without one nothing is written.
    Snapshot,
    /// The memory is nearly used up.
    Memory,
    /// The server is a replica.
    Replica,
    /// The server's clock isn't this machine's.
    ClockSkew,
    /// The server is a node of a cluster.
    Cluster,
    /// The server refuses a part of these questions.
    Unread,
}

/// What a risk means for a process that is to use the Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gravity {
    /// It can't work: refused, whatever the configuration says.
    Unusable,
    /// It would lose messages: refused unless the configuration's `accept_risk` names it.
    Unsafe,
    /// Messages were lost, or are elsewhere. The process goes on, and somebody must act.
    Alarm,
    /// Somebody should know.
    Warning,
}

/// A risk as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub risk: Risk,
    /// What is wrong, as a part of a sentence about the Redis: `it has no …`. It has figures in it, so it changes.
    pub problem: String,
}

impl Risk {
    /// All there are.
    pub const ALL: [Self; 15] = [
        Self::OldVersion,
        Self::NoAof,
        Self::NoFsync,
        Self::NoFsyncOnRewrite,
        Self::Eviction,
        Self::Exchanged,
        Self::SlowFsync,
        Self::AofWrite,
        Self::AofRewrite,
        Self::Snapshot,
        Self::Memory,
        Self::Replica,
        Self::ClockSkew,
        Self::Cluster,
        Self::Unread,
    ];

    /// Those that the configuration's `accept_risk` may name.
    pub fn acceptable() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|risk| risk.gravity() == Gravity::Unsafe)
    }

    /// Its name in configuration, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::OldVersion => "old_version",
            Self::NoAof => "no_aof",
            Self::NoFsync => "appendfsync_no",
            Self::NoFsyncOnRewrite => "no_fsync_on_rewrite",
            Self::Eviction => "eviction",
            Self::Exchanged => "exchanged",
            Self::SlowFsync => "slow_fsync",
            Self::AofWrite => "aof_write",
            Self::AofRewrite => "aof_rewrite",
            Self::Snapshot => "snapshot",
            Self::Memory => "memory",
            Self::Replica => "replica",
            Self::ClockSkew => "clock",
            Self::Cluster => "cluster",
            Self::Unread => "unread",
        }
    }

    /// What it means for a process that is to use the Redis.
    pub fn gravity(self) -> Gravity {
        match self {
            Self::OldVersion | Self::Cluster => Gravity::Unusable,
            Self::NoAof | Self::NoFsync | Self::NoFsyncOnRewrite | Self::Eviction => Gravity::Unsafe,
            Self::Exchanged => Gravity::Alarm,
            // A slow fsync too: a disk is slow for a while, and a process that ended because of that would lose more.
            _ => Gravity::Warning,
        }
    }

    /// The setting of Redis that mends it, as in `redis.conf`, if one does.
    pub fn setting(self) -> Option<&'static str> {
        match self {
            Self::NoAof => Some("appendonly yes"),
            Self::NoFsync => Some("appendfsync everysec"),
            Self::NoFsyncOnRewrite => Some("no-appendfsync-on-rewrite no"),
            Self::Eviction => Some("maxmemory-policy noeviction"),
            _ => None,
        }
    }

    /// What mends it, in one line. `cli` is how to call `redis-cli` for this server.
    pub fn remedy(self, cli: &str) -> String {
        let text = match self {
            Self::NoAof | Self::NoFsync | Self::NoFsyncOnRewrite | Self::Eviction => {
                let setting = self.setting().unwrap_or_default();
                return format!(
                    "run `{cli} CONFIG SET {setting}` and `{cli} CONFIG REWRITE`, or write `{setting}` into redis.conf"
                );
            }
            Self::Snapshot => {
                return format!(
                    "fix what Redis's log names, or turn off snapshots, since the append-only file suffices: \
                     `{cli} CONFIG SET save \"\"`"
                );
            }
            Self::OldVersion => "use Redis 7.0 or newer, or Valkey",
            Self::AofWrite => "free space on Redis's disk; its log says what failed",
            Self::AofRewrite => {
                "Redis's log says what failed: often too little memory to fork (vm.overcommit_memory = 1) or disk space"
            }
            Self::Memory => "raise `maxmemory`, or start more workers; `huixin status` shows what fills it",
            Self::Replica => "set `queue.url` to the master's address",
            Self::ClockSkew => "synchronize the clocks of both machines with NTP",
            Self::Cluster => EDITIONS,
            Self::Exchanged => {
                "find out what happened, and restore its files if you can; \
                 then restart the processes to accept it as it is"
            }
            Self::SlowFsync => "give Redis a faster disk, or one that nothing else writes to",
            Self::Unread => {
                "allow the user INFO and `CONFIG GET`, or check yourself that it meets docs/redis.md"
            }
        };
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_risk_has_a_name_of_its_own_and_a_remedy() {
        let names: BTreeSet<_> = Risk::ALL.iter().map(|risk| risk.name()).collect();
        assert_eq!(names.len(), Risk::ALL.len());
        for risk in Risk::ALL {
            let remedy = risk.remedy("redis-cli -u redis://host");
            assert!(!remedy.is_empty(), "{risk:?}");
            assert_eq!(
                risk.setting().is_some(),
                risk.gravity() == Gravity::Unsafe,
                "{risk:?}: what can be accepted can also be mended"
            );
        }
    }

    #[test]
    fn the_names_that_a_configuration_may_accept_are_these() {
        let names: Vec<_> = Risk::acceptable().map(Risk::name).collect();
        assert_eq!(names, ["no_aof", "appendfsync_no", "no_fsync_on_rewrite", "eviction"]);
    }
}
