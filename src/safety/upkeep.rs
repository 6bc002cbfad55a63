//! Keeps the store within its limits while the process runs.
//!
//! Dead letters that are too old or too many go, the oldest first, into a file if the configuration names a folder. There is
//! no leader: whichever process finds some asks the queue for the turn of this round, so that two seldom write the same
//! letter. A letter goes only when it is in the file: a crash in between leaves it in both places.
//!
//! The log of a queue in a file begins anew when nobody reads any more what is in it. A program that keeps reading, such as a
//! `sqlite3` left open in a transaction, lets the log grow until the disk is full, and nothing else would report that.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::FutureExt as _;
use huixin_queue::{Queue, QueueError};
use metrics::{counter, gauge};
use tokio_util::sync::CancellationToken;

use super::{Warnings, archive};
use crate::config::{DeadConfig, JournalConfig};
use crate::one_line::one_line;

/// The pause between two rounds.
const EVERY: Duration = Duration::from_secs(10);
/// How long one may take.
const ROUND_MAX: Duration = Duration::from_secs(60);
/// The most batches of dead letters that go in one round.
const BATCHES_MAX: usize = 50;
/// The most calls that trim the journal in one round: each takes ten thousand records.
const TRIMS_MAX: usize = 200;
/// From this size on a log is a warning.
const LOG_MAX_BYTES: u64 = 256 << 20;

/// Looks after one queue.
pub struct Upkeep {
    queue: Arc<dyn Queue>,
    dead: DeadConfig,
    journal: Option<JournalConfig>,
    /// The log of a queue in a file.
    log: Option<PathBuf>,
    /// What was wrong in the last round, so that it is logged once.
    reported: Vec<&'static str>,
    warnings: Warnings,
}

impl Upkeep {
    /// One that has done nothing yet.
    pub fn new(queue: Arc<dyn Queue>, dead: DeadConfig, journal: Option<JournalConfig>) -> Self {
        let log = queue.place().strip_prefix("sqlite:").map(|file| PathBuf::from(format!("{file}-wal")));
        Self { queue, dead, journal, log, reported: Vec::new(), warnings: Warnings::default() }
    }

    /// A way to ask what is wrong.
    pub fn warnings(&self) -> Warnings {
        self.warnings.clone()
    }

    /// Goes on until `stop`. A round that panics ends nothing.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let round = AssertUnwindSafe(tokio::time::timeout(ROUND_MAX, self.run_once())).catch_unwind();
            if let Some(Err(_)) = stop.run_until_cancelled(round).await {
                tracing::error!("the upkeep of the queue panicked: this is a bug, please report it");
            }
            if stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
                return;
            }
        }
    }

    /// One round.
    pub async fn run_once(&mut self) {
        let mut wrong: Vec<_> = self.long_log().map(|text| ("log", text)).into_iter().collect();
        // First: the dead letters may have to wait for a folder of another machine.
        match self.trim_journal().await {
            Ok(too_large) => wrong.extend(too_large.map(|text| ("journal", text))),
            // Callers that need the queue report that it is away.
            Err(error) if error.is_outage() => tracing::debug!(%error, "the journal could not be trimmed"),
            Err(error) => wrong.push((
                "journal",
                format!("the journal can't be kept within its limits: {}", one_line(&error)),
            )),
        }
        match self.trim().await {
            Ok(()) => {}
            // Callers that need the queue report that it is away.
            Err(error) if error.is::<QueueError>() => {
                tracing::debug!(error = format!("{error:#}"), "the dead letters could not be checked");
            }
            Err(error) => {
                wrong.push(("archive", format!("{error:#}: dead letters beyond their limits stay")));
            }
        }
        for (_, new) in wrong.iter().filter(|(what, _)| !self.reported.contains(what)) {
            tracing::warn!(queue = self.queue.place(), "{new}");
        }
        self.reported = wrong.iter().map(|(what, _)| *what).collect();
        *self.warnings.lock() = wrong.into_iter().map(|(_, text)| text).collect();
    }

    fn long_log(&self) -> Option<String> {
        let log = self.log.as_ref()?;
        let bytes = std::fs::metadata(log).map_or(0, |about| about.len());
        #[allow(clippy::cast_precision_loss, reason = "a size is as good without its last bytes")]
        gauge!("huixin_queue_log_bytes").set(bytes as f64);
        (bytes >= LOG_MAX_BYTES).then(|| {
            format!(
                "the log `{}` has grown to {} MiB, because a program keeps a transaction on the queue's file open \
                    (`sqlite3`, a backup): stop that program",
                log.display(),
                bytes >> 20
            )
        })
    }

    /// Keeps the journal within its limits; the warning if it is far beyond. Without one, ends leave no records.
    async fn trim_journal(&self) -> Result<Option<String>, QueueError> {
        self.queue.keep_journal(self.journal.is_some()).await?;
        let (max_bytes, keep) = match &self.journal {
            Some(journal) => (journal.max_size.bytes(), journal.keep),
            None => (0, Duration::ZERO),
        };
        if !self.queue.limit("journal", 1, EVERY / 2).await?.is_zero() {
            return Ok(None);
        }
        let mut bytes = 0;
        for _ in 0..TRIMS_MAX {
            bytes = self.queue.trim_journal(max_bytes, keep).await?.bytes;
            if bytes <= max_bytes {
                break;
            }
        }
        let too_large = (bytes / 2 > max_bytes).then(|| {
            format!("the journal has {} MiB, more than `queue.journal.max_size`, and grows faster than it can be trimmed", bytes >> 20)
        });
        Ok(too_large)
    }

    /// Removes what is too old or too many.
    async fn trim(&self) -> anyhow::Result<()> {
        let DeadConfig { max_age, max, archive } = &self.dead;
        let mut removed = 0_u64;
        for batch in 0..BATCHES_MAX {
            let oldest = self.queue.oldest_dead(*max_age, *max).await?;
            let is_our_turn =
                async || Ok::<_, anyhow::Error>(self.queue.limit("upkeep", 1, EVERY).await?.is_zero());
            if oldest.is_empty() || (batch == 0 && !is_our_turn().await?) {
                break;
            }
            let ids: Vec<_> = oldest.iter().map(|letter| letter.id.clone()).collect();
            if let Some(folder) = archive.clone() {
                let shown = folder.display().to_string();
                let written = tokio::task::spawn_blocking(move || archive::append(&folder, &oldest)).await?;
                written.with_context(|| format!("`{shown}` (queue.dead.archive) can't be written"))?;
            }
            removed +=
                self.queue.drop_dead(&ids).await?.iter().map(|dropped| u64::from(*dropped)).sum::<u64>();
        }
        if removed > 0 {
            counter!("huixin_queue_dead_removed_total").increment(removed);
            let to = archive.as_ref().map(|folder| folder.display().to_string());
            tracing::warn!(removed, to, "the oldest dead letters are removed: too old or too many");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, read_to_string};

    use huixin_queue::testing::conformance::message;
    use huixin_queue::{DeadFilter, NewMessage};
    use metrics::set_default_local_recorder;
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    fn upkeep(folder: &std::path::Path, max: u64, archive: Option<PathBuf>) -> Upkeep {
        let file = folder.join("queue.db");
        let queue = crate::wiring::sqlite(&file, Duration::from_secs(3600)).expect("the queue opens");
        Upkeep::new(queue, DeadConfig { max_age: Duration::from_secs(3600), max, archive }, None)
    }

    async fn die(upkeep: &Upkeep, letters: u64) {
        for n in 0..letters {
            let dead_reason = Some("for the test".to_owned());
            let dead = NewMessage { dead_reason, ..message("lane", &format!("m{n}")) };
            upkeep.queue.accept(dead).await.expect("accept");
        }
    }

    async fn left(upkeep: &Upkeep) -> Vec<String> {
        let page = upkeep.queue.dead(&DeadFilter::default(), None, 100).await.expect("dead");
        page.letters.iter().map(|letter| letter.id.to_string()).collect()
    }

    #[tokio::test]
    async fn the_oldest_dead_letters_go_into_the_archive() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = folder.path().join("archive");
        let mut upkeep = upkeep(folder.path(), 10, Some(archive.clone()));
        die(&upkeep, 7).await;
        upkeep.run_once().await;
        assert_eq!((left(&upkeep).await.len(), upkeep.warnings().all()), (7, Vec::new()));
        let recorder = PrometheusBuilder::new().build_recorder();
        let _recording = set_default_local_recorder(&recorder);
        die(&upkeep, 13).await;
        upkeep.run_once().await;
        assert_eq!(left(&upkeep).await, ["m12", "m11", "m10", "m9", "m8", "m7", "m6", "m5", "m4", "m3"]);
        assert_eq!(upkeep.warnings().all(), [""; 0]);
        let shown = recorder.handle().render();
        assert!(shown.contains("huixin_queue_dead_removed_total 3\n"), "{shown}");
        let file =
            std::fs::read_dir(&archive).expect("it is there").next().expect("one file").expect("it is read");
        let lines = read_to_string(file.path()).expect("it is text");
        let letters: Vec<crate::operator::LetterView> =
            lines.lines().map(|line| serde_json::from_str(line).expect("a line is a letter")).collect();
        assert_eq!(letters.iter().map(|letter| letter.id.as_str()).collect::<Vec<_>>(), ["m0", "m1", "m2"]);
        assert_eq!(letters[0].reason, "for the test");
    }

    #[tokio::test]
    async fn letters_that_can_not_be_archived_stay_and_that_is_a_warning() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = folder.path().join("no folder");
        File::create(&archive).expect("a file");
        let mut upkeep = upkeep(folder.path(), 2, Some(archive));
        die(&upkeep, 5).await;
        upkeep.run_once().await;
        assert_eq!(left(&upkeep).await.len(), 5);
        let warnings = upkeep.warnings().all();
        assert!(warnings.iter().any(|warning| warning.contains("queue.dead.archive")), "{warnings:?}");
    }

    #[tokio::test]
    async fn a_log_that_a_forgotten_reader_lets_grow_is_a_warning() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut upkeep = upkeep(folder.path(), 1_000, None);
        upkeep.run_once().await;
        assert_eq!(upkeep.warnings().all(), [""; 0]);
        assert!(upkeep.log.as_ref().is_some_and(|log| log.exists()), "it has a log: {:?}", upkeep.log);
        // Sparse, so that it costs nothing.
        let long = folder.path().join("long");
        File::create(&long).and_then(|file| file.set_len(300 << 20)).expect("a long file");
        upkeep.log = Some(long);
        upkeep.run_once().await;
        assert!(upkeep.warnings().all()[0].contains("300 MiB"), "{:?}", upkeep.warnings().all());
    }
}
