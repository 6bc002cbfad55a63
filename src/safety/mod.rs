//! What is done about a Redis that would lose messages: it is refused at the start, and watched afterwards.
//!
//! Beside it, for a queue on either engine: metrics show how it stands, what stands still is noticed, and dead letters are kept
//! within their limits.
//!
//! What counts as a risk, and how it is found, is the queue's business ([`huixin_queue::redis::Risk`]); this module
//! says what a person hears about it. A person who accepts a risk names it in the configuration; then it is only
//! logged.

mod archive;
mod gauges;
mod look;
mod standstill;
mod upkeep;
mod watch;

use huixin_queue::redis::{Finding, Gravity, Inspector, Risk};

pub use gauges::describe;
pub use look::{QueueWatch, dead_too_many};
pub use upkeep::Upkeep;
pub use watch::{WATCH_EVERY, Warnings, Watch};

use crate::report::Failure;

/// Why a process may not use this Redis, with all that mends it; `None` if it may.
pub fn refusal(inspector: &Inspector, findings: &[Finding], accepted: &[Risk]) -> Option<Failure> {
    let refused: Vec<_> = findings.iter().filter(|finding| is_grave(finding.risk, accepted)).collect();
    let unusable = refused.iter().any(|finding| finding.risk.gravity() == Gravity::Unusable);
    let verdict = if unusable { "can't be used" } else { "would lose messages" };
    let problems: Vec<_> = refused.iter().map(|finding| finding.problem.as_str()).collect();
    let message = format!("the Redis at `{}` {verdict}: {}", inspector.place(), problems.join("; "));
    let risks: Vec<_> = refused.iter().map(|finding| finding.risk).collect();
    (!risks.is_empty()).then(|| Failure::config(message, hint(inspector.cli(), &risks)))
}

/// Whether the risk is one that a process is refused for at its start.
fn is_grave(risk: Risk, accepted: &[Risk]) -> bool {
    match risk.gravity() {
        Gravity::Unusable => true,
        Gravity::Unsafe => !accepted.contains(&risk),
        Gravity::Alarm | Gravity::Warning => false,
    }
}

/// The commands for the running server, the lines for its file, and how to accept what can be accepted.
fn hint(cli: &str, risks: &[Risk]) -> String {
    let (settings, others): (Vec<Risk>, Vec<Risk>) = risks.iter().partition(|risk| risk.setting().is_some());
    let mut text: Vec<String> = others.iter().map(|risk| risk.remedy(cli)).collect();
    if !settings.is_empty() {
        let lines: Vec<_> = settings.iter().filter_map(|risk| risk.setting()).collect();
        let names: Vec<_> = settings.iter().map(|risk| format!("\"{}\"", risk.name())).collect();
        text.push(format!(
            "fix the running server, and its file:\n    {cli} CONFIG SET {}\n    {cli} CONFIG REWRITE\n  \
             or write into redis.conf, and restart it:\n    {}\n  \
             or accept the risk with `accept_risk = [{}]` under [queue]",
            lines.join(" "),
            lines.join("\n    "),
            names.join(", "),
        ));
    }
    text.join("\n  ")
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn refused(risks: &[Risk], accepted: &[Risk]) -> Option<String> {
        let inspector = Inspector::open("redis://:s3cret@127.0.0.1:6379/0").unwrap();
        let finding =
            |risk: &Risk| Finding { risk: *risk, problem: format!("it has the problem {}", risk.name()) };
        let findings: Vec<_> = risks.iter().map(finding).collect();
        refusal(&inspector, &findings, accepted).map(|failure| failure.render())
    }

    #[test]
    fn all_risks_are_told_at_once_with_everything_that_mends_them() {
        assert_snapshot!(refused(&[Risk::NoAof, Risk::Eviction, Risk::Memory], &[]).unwrap(), @r#"
        error: the Redis at `redis://127.0.0.1:6379/0` would lose messages: it has the problem no_aof; it has the problem eviction

        hint: fix the running server, and its file:
            redis-cli -u redis://127.0.0.1:6379/0 --askpass CONFIG SET appendonly yes maxmemory-policy noeviction
            redis-cli -u redis://127.0.0.1:6379/0 --askpass CONFIG REWRITE
          or write into redis.conf, and restart it:
            appendonly yes
            maxmemory-policy noeviction
          or accept the risk with `accept_risk = ["no_aof", "eviction"]` under [queue]
        "#);
        assert_snapshot!(refused(&[Risk::OldVersion, Risk::NoAof], &[Risk::NoAof]).unwrap(), @"
        error: the Redis at `redis://127.0.0.1:6379/0` can't be used: it has the problem old_version

        hint: use Redis 7.0 or newer, or Valkey
        ");
    }

    #[test]
    fn what_is_accepted_or_only_a_warning_is_not_refused() {
        assert_eq!(refused(&[Risk::NoAof, Risk::Eviction], &[Risk::Eviction, Risk::NoAof]), None);
        assert_eq!(refused(&[Risk::Replica, Risk::Unread], &[]), None);
        assert_eq!(refused(&[], &[]), None);
    }

    #[test]
    fn a_server_that_can_not_work_is_refused_whatever_is_accepted() {
        assert!(refused(&[Risk::OldVersion], &Risk::ALL).is_some());
    }
}
