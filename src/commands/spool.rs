//! `spool status|drain`: what waits on this machine's disk, and what to do about it when no receiver runs.

use std::sync::Arc;
use std::time::Duration;

use huixin_queue::spool::{FolderView, SpoolCounts, look};
use serde::Serialize;

use crate::cli::{Cli, OutputFlag, SpoolCommand};
use crate::config::{Config, Role, SpoolConfig};
use crate::one_line::one_line;
use crate::report::Failure;
use crate::{receiver, wiring};

/// What `spool status --json` prints.
#[derive(Debug, Serialize)]
struct SpoolStatus {
    /// The directory.
    dir: String,
    /// Its folders, one for each receiver that ran at once.
    folders: Vec<Folder>,
}

/// One folder.
#[derive(Debug, Serialize)]
struct Folder {
    /// Its path.
    folder: String,
    /// Who holds it; null: nobody.
    holder: Option<String>,
    /// Entries to be drained, and those that the queue took less than two seconds ago.
    entries: u64,
    /// What they take of `max_size`, in bytes.
    bytes: u64,
    /// How long the oldest has been there.
    oldest_age_ms: Option<u64>,
    /// How many entries the queue refuses for their own sake.
    quarantined: u64,
    /// The first 100 of these.
    quarantined_entries: Vec<QuarantinedView>,
    /// Why it can't be read; null: it can.
    problem: Option<String>,
}

/// An entry that the queue refuses because of the entry itself.
#[derive(Debug, Serialize)]
struct QuarantinedView {
    /// The message's id.
    id: String,
    /// The account's name.
    account: String,
    /// When it came.
    accepted_at: String,
    /// Why it is refused.
    reason: String,
}

pub(super) async fn spool(cli: &Cli, command: &SpoolCommand) -> Result<(), Failure> {
    let config = wiring::config(cli, Role::Receiver)?;
    let Some(spool) = &config.receiver.spool else {
        return Err(Failure::config(
            "there is no spool: `receiver.spool` is false",
            "remove that line to have a spool",
        ));
    };
    match command {
        SpoolCommand::Status(output) => status(spool, output),
        SpoolCommand::Drain(_) => drain(&config, spool).await,
    }
}

fn status(spool: &SpoolConfig, output: &OutputFlag) -> Result<(), Failure> {
    let folders: Vec<_> = look(&spool.dir)?.into_iter().map(Folder::of).collect();
    let status = SpoolStatus { dir: spool.dir.display().to_string(), folders };
    if output.json {
        return super::operate::json(&status);
    }
    for folder in &status.folders {
        println!("{}  {}", folder.folder, folder.holder.as_deref().unwrap_or("no process has it open"));
        if let Some(problem) = &folder.problem {
            println!("  can't be read: {problem}");
            continue;
        }
        let age = folder.oldest_age_ms.map(|ms| Duration::from_secs(ms / 1000));
        let age = age.map(|age| format!(", the oldest for {}", humantime::format_duration(age)));
        println!("  {} entries, {} bytes{}", folder.entries, folder.bytes, age.unwrap_or_default());
        if folder.quarantined > 0 {
            println!("  {} quarantined", folder.quarantined);
        }
        for QuarantinedView { id, account, accepted_at, reason } in &folder.quarantined_entries {
            println!("    {id}  {accepted_at}  {account:<10}  {reason}");
        }
    }
    if status.folders.is_empty() {
        println!("nothing was ever spooled in {}", status.dir);
    }
    Ok(())
}

/// Drains the folders that nobody holds. A running receiver drains its own.
async fn drain(config: &Config, spool: &SpoolConfig) -> Result<(), Failure> {
    // Refused if it would lose messages, as a receiver refuses it.
    let queue = wiring::shared_queue(&config.queue, "spool drain").await?;
    let folders = wiring::folders(spool);
    let mut drained = 0;
    for abandoned in folders.adopt_all()? {
        let folder = abandoned.folder().display().to_string();
        let entries = receiver::drain_all(queue.clone(), Arc::new(abandoned), spool.max_age).await?;
        println!("{folder}: {entries} drained into {}", queue.place());
        drained += entries;
    }
    let held = look(&spool.dir)?.iter().filter(|view| view.holder.is_some()).count();
    match (drained, held) {
        (_, 1..) => println!("{held} held by running receivers, which drain them themselves"),
        (0, 0) => println!("nothing to drain in {}", spool.dir.display()),
        _ => {}
    }
    Ok(())
}

impl Folder {
    fn of(view: FolderView) -> Self {
        let (counts, quarantined, problem) = match view.content {
            Ok((counts, quarantined)) => (counts, quarantined, None),
            Err(error) => (SpoolCounts::default(), Vec::new(), Some(one_line(&error))),
        };
        let quarantined_entries = quarantined.into_iter().map(|entry| QuarantinedView {
            id: entry.id.to_string(),
            account: entry.class.to_string(),
            accepted_at: crate::operator::rfc3339(entry.arrived_us),
            reason: entry.reason,
        });
        Self {
            folder: view.folder.display().to_string(),
            holder: view.holder,
            entries: counts.entries,
            bytes: counts.bytes,
            oldest_age_ms: counts.oldest.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
            quarantined: counts.quarantined,
            quarantined_entries: quarantined_entries.collect(),
            problem,
        }
    }
}
