//! What a Redis server says about itself, and the risks in that.

use std::collections::BTreeMap;
use std::time::Duration;

use super::risks::{Finding, Risk};

/// Clocks that differ by more are a risk.
const SKEW_MAX: Duration = Duration::from_secs(1);
/// So much of the memory limit may be in use, in percent.
const MEMORY_MAX_PERCENT: u64 = 80;

/// What earlier looks found.
#[derive(Default)]
pub(super) struct Compared {
    /// Whether syncing the append-only file was slow within the last minutes.
    pub(super) is_slow: bool,
    /// Whether the queue's identity has changed or is gone.
    pub(super) is_exchanged: bool,
}

/// What the server said.
pub(super) struct ServerInfo {
    /// The text of `INFO`, or why there is none.
    pub(super) info: Result<String, String>,
    /// Its settings, or why there are none.
    pub(super) config: Result<BTreeMap<String, String>, String>,
    /// Its clock minus this machine's, in microseconds.
    pub(super) skew_us: i64,
    pub(super) compared: Compared,
}

/// A field of `INFO`.
pub(super) fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = info.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(key, _)| *key == name).map(|(_, value)| value.trim())
}

/// A field of `INFO` that is a number; 0 if there is none.
pub(super) fn number(info: &str, name: &str) -> u64 {
    field(info, name).and_then(|value| value.parse().ok()).unwrap_or(0)
}

impl ServerInfo {
    /// All that is wrong, the gravest first.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let looked_for = [
            (Risk::OldVersion, self.old_version()),
            (Risk::NoAof, self.no_aof()),
            (Risk::NoFsync, self.no_fsync()),
            (Risk::NoFsyncOnRewrite, self.no_fsync_on_rewrite()),
            (Risk::Eviction, self.eviction()),
            (Risk::Exchanged, self.exchanged()),
            (Risk::SlowFsync, self.slow_fsync()),
            (Risk::AofWrite, self.aof_write()),
            (Risk::AofRewrite, self.aof_rewrite()),
            (Risk::Snapshot, self.snapshot()),
            (Risk::Memory, self.memory()),
            (Risk::Replica, self.replica()),
            (Risk::ClockSkew, self.clock_skew()),
            (Risk::Cluster, self.cluster()),
            (Risk::Unread, self.unread()),
        ];
        let found = looked_for.into_iter().filter_map(|(risk, problem)| Some((risk, problem?)));
        found.map(|(risk, problem)| Finding { risk, problem }).collect()
    }

    fn field(&self, name: &str) -> Option<&str> {
        field(self.info.as_deref().unwrap_or_default(), name)
    }

    fn number(&self, name: &str) -> u64 {
        number(self.info.as_deref().unwrap_or_default(), name)
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.field(name) == Some(value)
    }

    fn setting(&self, name: &str) -> Option<&str> {
        self.config.as_ref().ok()?.get(name).map(String::as_str)
    }

    fn old_version(&self) -> Option<String> {
        // A Valkey says `redis_version:7.2.4` for compatibility, whatever its own is.
        let version = self.field("redis_version")?;
        let major: u32 = version.split('.').next()?.parse().ok()?;
        (major < 7)
            .then(|| format!("it is older than 7.0 ({version}): its scripts can't do what the queue needs"))
    }

    fn no_aof(&self) -> Option<String> {
        when(
            self.is("aof_enabled", "0"),
            "it has no append-only file, so a crash loses everything since its last snapshot",
        )
    }

    fn no_fsync(&self) -> Option<String> {
        // Without the file it doesn't matter how it would be synced.
        let file = !self.is("aof_enabled", "0");
        when(
            file && self.setting("appendfsync") == Some("no"),
            "it never syncs its append-only file, so a power cut loses many seconds",
        )
    }

    fn no_fsync_on_rewrite(&self) -> Option<String> {
        // A file that is never synced is worse.
        let synced = !self.is("aof_enabled", "0") && self.setting("appendfsync") != Some("no");
        when(
            synced && self.setting("no-appendfsync-on-rewrite") == Some("yes"),
            "it does not sync its append-only file while it writes a new one, so a power cut then loses many seconds",
        )
    }

    fn exchanged(&self) -> Option<String> {
        when(
            self.compared.is_exchanged,
            "it was emptied, or is not the one that this process started with: what was stored before is lost or elsewhere",
        )
    }

    fn slow_fsync(&self) -> Option<String> {
        when(
            self.compared.is_slow,
            "syncing its append-only file is slow, and until then new data may be in memory only: if it is killed then, \
             messages that were acked are lost",
        )
    }

    fn eviction(&self) -> Option<String> {
        let policy = self.field("maxmemory_policy")?;
        // Without a limit nothing is evicted.
        (policy != "noeviction" && self.number("maxmemory") > 0).then(|| {
            format!("it evicts keys when memory is short ({policy}), whole lanes of messages among them")
        })
    }

    fn aof_write(&self) -> Option<String> {
        when(
            self.is("aof_last_write_status", "err"),
            "it can't write its append-only file, and takes no messages until it can",
        )
    }

    fn aof_rewrite(&self) -> Option<String> {
        when(
            self.is("aof_last_bgrewrite_status", "err"),
            "it can't rewrite its append-only file, which grows until the disk is full",
        )
    }

    fn snapshot(&self) -> Option<String> {
        // A setting that can't be read counts as the default: a failed snapshot stops writes.
        let harmless =
            self.setting("save") == Some("") || self.setting("stop-writes-on-bgsave-error") == Some("no");
        when(
            self.is("rdb_last_bgsave_status", "err") && !harmless,
            "its last snapshot failed, and it takes no messages until one succeeds",
        )
    }

    fn memory(&self) -> Option<String> {
        let percent = self.number("used_memory").saturating_mul(100).checked_div(self.number("maxmemory"))?;
        (percent >= MEMORY_MAX_PERCENT).then(|| {
            format!("it uses {percent} % of its memory limit; when that is full it takes no messages")
        })
    }

    fn replica(&self) -> Option<String> {
        when(self.is("role", "slave"), "it is a replica, which takes no messages")
    }

    fn clock_skew(&self) -> Option<String> {
        let skew = Duration::from_micros(self.skew_us.unsigned_abs());
        let side = if self.skew_us > 0 { "ahead of" } else { "behind" };
        let seconds = skew.as_secs_f64();
        (skew > SKEW_MAX).then(|| {
            format!(
                "its clock is {seconds:.1} s {side} this machine's, and reply windows may be off by as much"
            )
        })
    }

    fn cluster(&self) -> Option<String> {
        when(
            self.is("cluster_enabled", "1"),
            "it is a cluster node; the queue is on one node, and is not followed to another",
        )
    }

    fn unread(&self) -> Option<String> {
        let mut unread = Vec::new();
        if let Err(reason) = &self.info {
            unread.push(format!("anything by INFO ({reason})"));
        } else {
            for (name, what) in [
                ("redis_version", "its version"),
                ("aof_enabled", "whether it has an append-only file"),
                ("maxmemory_policy", "whether it evicts"),
            ] {
                if self.field(name).is_none() {
                    unread.push(what.to_owned());
                }
            }
        }
        if !self.is("aof_enabled", "0") && self.setting("appendfsync").is_none() {
            let reason = self.config.as_ref().err().map(|reason| format!(" ({reason})")).unwrap_or_default();
            unread.push(format!("whether it syncs its append-only file{reason}"));
        }
        (!unread.is_empty()).then(|| format!("it does not report {}", unread.join(", ")))
    }
}

fn when(is_so: bool, problem: &str) -> Option<String> {
    is_so.then(|| problem.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAFE: &str = "# Server\r\nredis_version:7.0.15\r\nrole:master\r\ncluster_enabled:0\r\n\
        aof_enabled:1\r\naof_last_write_status:ok\r\naof_last_bgrewrite_status:ok\r\nrdb_last_bgsave_status:ok\r\n\
        used_memory:1000\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n";

    fn server(info: &str) -> ServerInfo {
        let settings =
            [("appendfsync", "everysec"), ("save", "3600 1"), ("stop-writes-on-bgsave-error", "yes")];
        let config = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let compared = Compared::default();
        ServerInfo { info: Ok(info.to_owned()), config: Ok(config.into()), skew_us: 0, compared }
    }

    fn set(name: &str, value: &str) -> ServerInfo {
        let mut server_info = server(SAFE);
        server_info.config.as_mut().expect("it has some").insert(name.to_owned(), value.to_owned());
        server_info
    }

    fn risks(server_info: &ServerInfo) -> Vec<Risk> {
        server_info.findings().into_iter().map(|finding| finding.risk).collect()
    }

    fn with(changes: &[(&str, &str)]) -> String {
        let mut info = SAFE.to_owned();
        for (before, after) in changes {
            assert!(info.contains(before), "{before}");
            info = info.replace(before, after);
        }
        info
    }

    #[test]
    fn a_safe_server_has_no_risk() {
        assert_eq!(server(SAFE).findings(), []);
        // A Valkey, and versions of two digits.
        for version in ["7.2.4", "7.0.0", "8.0.1", "10.1.0"] {
            assert_eq!(risks(&server(&with(&[("7.0.15", version)]))), [], "{version}");
        }
    }

    #[test]
    fn risks_are_read_from_what_the_server_tells() {
        let cases: [(&[(&str, &str)], Risk); 11] = [
            (&[("7.0.15", "6.2.14")], Risk::OldVersion),
            (&[("7.0.15", "3.2.1")], Risk::OldVersion),
            (&[("aof_enabled:1", "aof_enabled:0")], Risk::NoAof),
            (&[("noeviction", "allkeys-lru"), ("maxmemory:0", "maxmemory:100000")], Risk::Eviction),
            (&[("noeviction", "volatile-ttl"), ("maxmemory:0", "maxmemory:100000")], Risk::Eviction),
            (&[("aof_last_write_status:ok", "aof_last_write_status:err")], Risk::AofWrite),
            (&[("bgrewrite_status:ok", "bgrewrite_status:err")], Risk::AofRewrite),
            (&[("bgsave_status:ok", "bgsave_status:err")], Risk::Snapshot),
            (&[("maxmemory:0", "maxmemory:1250")], Risk::Memory),
            (&[("role:master", "role:slave")], Risk::Replica),
            (&[("cluster_enabled:0", "cluster_enabled:1")], Risk::Cluster),
        ];
        for (changes, risk) in cases {
            assert_eq!(risks(&server(&with(changes))), [risk], "{changes:?}");
        }
        assert_eq!(risks(&set("appendfsync", "no")), [Risk::NoFsync]);
        assert_eq!(risks(&set("no-appendfsync-on-rewrite", "yes")), [Risk::NoFsyncOnRewrite]);
        let slow = Compared { is_slow: true, ..Compared::default() };
        assert_eq!(risks(&ServerInfo { compared: slow, ..server(SAFE) }), [Risk::SlowFsync]);
        let exchanged = Compared { is_exchanged: true, ..Compared::default() };
        assert_eq!(risks(&ServerInfo { compared: exchanged, ..server(SAFE) }), [Risk::Exchanged]);
        for skew_us in [1_000_001, -1_000_001] {
            assert_eq!(risks(&ServerInfo { skew_us, ..server(SAFE) }), [Risk::ClockSkew]);
        }
    }

    #[test]
    fn what_only_looks_like_a_risk_is_none() {
        let evicts_nothing = with(&[("noeviction", "allkeys-lru")]);
        assert_eq!(risks(&server(&evicts_nothing)), [], "without a limit nothing is evicted");
        assert_eq!(risks(&server(&with(&[("maxmemory:0", "maxmemory:1300")]))), [], "76 % of the memory");
        assert_eq!(risks(&ServerInfo { skew_us: 999_999, ..server(SAFE) }), []);
        let no_file = with(&[("aof_enabled:1", "aof_enabled:0")]);
        let never_synced = ServerInfo { info: Ok(no_file), ..set("appendfsync", "no") };
        assert_eq!(risks(&never_synced), [Risk::NoAof], "there is nothing to sync");
        let failed = with(&[("bgsave_status:ok", "bgsave_status:err")]);
        for (name, value) in [("save", ""), ("stop-writes-on-bgsave-error", "no")] {
            let server_info = ServerInfo { info: Ok(failed.clone()), ..set(name, value) };
            assert_eq!(risks(&server_info), [], "{name} {value}: it stops nothing");
        }
    }

    #[test]
    fn what_can_not_be_read_is_a_warning_that_says_what() {
        let forbidden = "NOPERM".to_owned();
        let server_info = ServerInfo { config: Err(forbidden.clone()), ..server(SAFE) };
        let [unread] = &server_info.findings()[..] else { panic!("{:?}", server_info.findings()) };
        assert_eq!(unread.risk, Risk::Unread);
        assert_eq!(unread.problem, "it does not report whether it syncs its append-only file (NOPERM)");
        assert_eq!(
            risks(&ServerInfo { info: Err(forbidden.clone()), config: Err(forbidden.clone()), ..server("") }),
            [Risk::Unread]
        );
        let empty = server("").findings();
        assert!(empty[0].problem.contains("its version") && empty[0].problem.contains("evicts"), "{empty:?}");
        // Then a failed snapshot counts as one that stops writes.
        let failed = with(&[("bgsave_status:ok", "bgsave_status:err")]);
        assert_eq!(
            risks(&ServerInfo { config: Err(forbidden), ..server(&failed) }),
            [Risk::Snapshot, Risk::Unread]
        );
    }
}
