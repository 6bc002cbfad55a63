//! Where messages are kept: the queue, its journal and dead letters, the memory of duplicates, the spool.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use huixin_queue::prelude::*;
use huixin_queue::redis::{Finding, Gravity, Inspector, KnownIds};
use huixin_queue::spool::free_bytes;
use huixin_queue::{Counts, JournalSize, QueueError};

use super::facts::{Facts, about, unresolved};
use crate::config::{Config, MaskedUrl, QueueUrl};
use crate::one_line::{is_unresolved, one_line};
use crate::safety;
use crate::wiring;

const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);
/// What Redis needs to know an id, as measured.
const SEEN_BYTES: u64 = 90;

/// The queue, what it keeps, and what stands in for it.
pub(super) async fn check(config: &Config, facts: &mut Facts) {
    let known_ids = queue(config, facts).await;
    if let QueueUrl::Redis(_) = config.queue.url {
        duplicates(config, known_ids, facts);
        spool(config, facts);
    }
    if let Some(archive) = &config.queue.dead.archive {
        match writable(archive) {
            Ok(_) => {
                facts
                    .good(format!("dead letters: those beyond the limits are written to `{}`", archive.display()));
            }
            Err(error) => facts.bad(
                format!("dead letters: `{}` can't be written: {}", archive.display(), one_line(&error)),
                Some("correct `queue.dead.archive`, or leave it out: then letters beyond the limits are removed for good"),
            ),
        }
    }
}

/// How the queue is; for one on Redis, also how many ids it remembers.
async fn queue(config: &Config, facts: &mut Facts) -> Option<KnownIds> {
    match &config.queue.url {
        QueueUrl::Redis(MaskedUrl(url)) => return redis(config, url, facts).await,
        // A check makes nothing.
        QueueUrl::Sqlite(path) if !path.exists() => {
            match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                Some(folder) if !folder.is_dir() => {
                    facts.bad(
                        format!("queue: the folder `{}` does not exist", folder.display()),
                        Some("create it, or correct `queue.url`"),
                    );
                }
                _ => facts.good(format!("queue: `sqlite:{}`, created by the first start", path.display())),
            }
        }
        QueueUrl::Sqlite(path) => match wiring::sqlite(path, config.queue.dedup_window) {
            Ok(queue) => {
                counted(config, queue.place(), queue.counts().await, facts);
                journal(config, &queue.trim_journal(u64::MAX, Duration::MAX).await, facts);
            }
            Err(QueueError::InUse { owner, .. }) => {
                facts.good(format!("queue: `sqlite:{}`, in use: {owner}", path.display()));
            }
            Err(error) => facts.bad(format!("queue: {}", one_line(&error)), error.hint()),
        },
    }
    None
}

/// How far back `huixin trace` reaches. Asked without limits, so that nothing is taken away.
fn journal(config: &Config, size: &Result<JournalSize, QueueError>, facts: &mut Facts) {
    let Some(limits) = &config.queue.journal else {
        return facts.good("journal: none is kept, so `huixin trace` knows nothing".to_owned());
    };
    // What is wrong with the queue is said already.
    let &Ok(JournalSize { records, bytes, oldest_ms }) = size else { return };
    let most = limits.max_size;
    let Some(oldest) = oldest_ms.map(|ms| UNIX_EPOCH + Duration::from_millis(ms)).filter(|_| bytes > 0)
    else {
        return facts.good(format!(
            "journal: empty; it keeps {most}, and {} at most",
            humantime::format_duration(limits.keep)
        ));
    };
    let since = oldest.elapsed().unwrap_or_default();
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    let reach = since.as_secs_f64().max(1.0) * most.bytes() as f64 / bytes as f64;
    let reach = limits.keep.min(Duration::try_from_secs_f64(reach).unwrap_or(limits.keep));
    let reach = humantime::format_duration(Duration::from_secs(reach.as_secs() / 60 * 60));
    facts.good(format!("journal: {records} messages; at the rate so far {most} reach {reach} back"));
}

fn counted(config: &Config, place: &str, counts: Result<Counts, QueueError>, facts: &mut Facts) {
    match counts {
        Ok(counts) => {
            let (open, dead) = (counts.open_total(), counts.dead);
            facts.good(format!("queue: `{place}`, {open} open (not finished yet), {dead} dead"));
            if let Some(too_many) = safety::dead_too_many(dead, &config.queue.dead) {
                facts.doubtful(format!("dead letters: {too_many}"), None);
            }
        }
        Err(error) => facts.bad(format!("queue: {}", one_line(&error)), error.hint()),
    }
}

async fn redis(config: &Config, url: &url::Url, facts: &mut Facts) -> Option<KnownIds> {
    let queue = match wiring::redis_queue(&config.queue, url) {
        Ok(queue) => queue,
        Err(error) => {
            facts.bad(format!("queue: {}", one_line(&error)), error.hint());
            return None;
        }
    };
    let mut known_ids = None;
    let asked = async {
        let inspector = Inspector::open(url.as_str())?;
        // The server first: what is wrong with it may be why the queue can't be asked.
        let findings = inspector.inspect().await?;
        let counts = async {
            queue.probe().await?;
            // Damaged ones are what `huixin audit` names.
            known_ids = queue.known_ids().await.ok();
            queue.counts().await
        };
        let counts = counts.await;
        let size = queue.trim_journal(u64::MAX, Duration::MAX).await;
        Ok::<_, QueueError>((inspector, findings, counts, size))
    };
    match tokio::time::timeout(QUEUE_TIMEOUT, asked).await {
        Ok(Ok((inspector, findings, counts, size))) => {
            counted(config, queue.place(), counts, facts);
            journal(config, &size, facts);
            inspected(config, &inspector, findings, facts);
        }
        Ok(Err(error)) if is_unresolved(&one_line(&error)) => {
            let problem = format!("queue: {}", unresolved(url.host_str()));
            facts.bad(problem, Some("check the spelling of `queue.url`, and that this machine has DNS"));
        }
        Ok(Err(error)) => {
            let hint = error.hint().unwrap_or("start Redis, or correct `queue.url`").to_owned();
            facts.bad(format!("queue: {}", one_line(&error)), Some(&hint));
        }
        Err(_) => {
            facts.bad(format!("queue: `{}` does not answer within {QUEUE_TIMEOUT:?}", queue.place()), None);
        }
    }
    known_ids
}

/// What is wrong with a Redis, by how bad it is.
fn inspected(config: &Config, inspector: &Inspector, findings: Vec<Finding>, facts: &mut Facts) {
    for Finding { risk, problem } in findings {
        let (text, hint) = (format!("queue: {problem}"), risk.remedy(inspector.cli()));
        match risk.gravity() {
            Gravity::Alarm | Gravity::Warning => facts.doubtful(text, Some(&hint)),
            _ if config.queue.accept_risk.contains(&risk) => {
                facts.doubtful(format!("{text} (accepted)"), None);
            }
            _ => facts.bad(text, Some(&hint)),
        }
    }
}

/// What the memory of duplicates costs Redis: now, which is at the rate of the last hours, and at a high rate.
fn duplicates(config: &Config, known_ids: Option<KnownIds>, facts: &mut Facts) {
    let window = config.queue.dedup_window;
    let now = known_ids.map_or(String::new(), |KnownIds { count, since_us, now_us }| {
        let since = Duration::from_micros(now_us.saturating_sub(since_us)).max(Duration::from_secs(1));
        #[allow(clippy::cast_precision_loss, reason = "it is rounded anyway")]
        let rate = count as f64 / since.as_secs_f64();
        format!(" {count} ids now ({rate:.2} messages a second) take about {};", about(count * SEEN_BYTES))
    });
    facts.good(format!(
        "duplicates: known for {};{now} at 100 messages a second it is at most {} of Redis's memory",
        humantime::format_duration(window),
        // Those of one window more may not be dropped yet.
        about(2 * window.as_secs() * 100 * SEEN_BYTES)
    ));
}

/// Whether a folder can be written to, and how much is free there. A check makes nothing: for a folder that isn't there yet it
/// looks at the one that will hold it.
fn writable(folder: &Path) -> std::io::Result<u64> {
    // The last ancestor of a relative path is empty and means here.
    let here =
        |folder: &Path| if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() };
    let there = folder.ancestors().map(here).find(|folder| folder.is_dir());
    let there = there.unwrap_or_else(|| folder.to_owned());
    tempfile::tempfile_in(&there).and_then(|_| free_bytes(&there))
}

/// What stands in for Redis while it is away.
fn spool(config: &Config, facts: &mut Facts) {
    let Some(spool) = &config.receiver.spool else {
        return facts.good("spool: none, so pushes are refused while Redis is unavailable".to_owned());
    };
    let dir = spool.dir.display();
    match writable(&spool.dir) {
        Ok(free) if free < spool.reserve.bytes() => facts.bad(
            format!("spool: the disk of `{dir}` has {} free, less than the reserve", about(free)),
            Some("free space on it, or give `receiver.spool` another `dir` or a smaller `reserve`"),
        ),
        Ok(free) => facts.good(format!(
            "spool: `{dir}` can be written, and takes up to {}; the disk has {} free",
            spool.max_size,
            about(free)
        )),
        Err(error) => facts.bad(
            format!("spool: `{dir}` can't be written: {}", one_line(&error)),
            Some("correct `receiver.spool.dir`, or set `spool = false` under [receiver]"),
        ),
    }
}
