//! `forget`: removes all that is kept of a user, in the queue and in this machine's spool.
//!
//! A receiver's spool is a file that its process alone may write to, and what lies there is carried to the queue within seconds once
//! that is back. So entries of the user in the spool of a running receiver are a reason to wait, and no work for this command.

use std::time::Duration;

use huixin_queue::spool::{LaneEntries, lane_entries};

use super::operate::{config, known};
use crate::cli::{Cli, ForgetFlags};
use crate::config::{Config, QueueUrl, SpoolConfig};
use crate::operator::{KeptOfUser, OperatorClient, UserName};
use crate::report::{Failure, NotDone};
use crate::wiring;

/// After this, Redis has dropped what ends there by itself: the last takes of workers, and what went out in responses.
const ENDS_WITHIN: Duration = Duration::from_secs(60);

pub(super) async fn forget(cli: &Cli, flags: &ForgetFlags) -> Result<(), Failure> {
    let config = config(cli)?;
    let name = UserName { account: flags.account.clone(), user: flags.user.clone() };
    let operator = OperatorClient::open(&config)?;
    let kept = operator.kept(&name).await?;
    let spool = config.receiver.spool.as_ref().map(|spool| spooled(spool, &name)).transpose()?;
    let spool = spool.unwrap_or_default();
    let entries: u64 = spool.iter().map(|folder| folder.entries).sum();
    let nothing = KeptOfUser { open: 0, held: 0, dead: 0, journal: 0, paused: false };
    if kept == nothing && entries == 0 {
        known(&config, &operator.status().await?, &name.account)?;
    }
    show(&kept, entries);
    if let Some(busy) = spool.iter().find(|folder| folder.holder.is_some() && folder.entries > 0) {
        return Err(Failure::failed(
            format!("a running receiver has messages of this user in its spool `{}`", busy.folder.display()),
            "it carries them to the queue as soon as that is back: wait until `huixin spool status` shows none",
        ));
    }
    if !flags.yes {
        let text = "This, and what routes remember of the user, would be removed for good. Nothing is done yet: add --yes \
            to do it";
        return Err(NotDone(text.to_owned()).into());
    }
    if let Some(config) = &config.receiver.spool {
        forget_spooled(config, &spool, &name).await?;
    }
    let forgotten = operator.forget(&name).await?;
    let memory = if forgotten.memory { ", and what routes remembered" } else { "" };
    println!("removed{memory}");
    say_what_stays(&config, flags);
    if flags.compact { compact(&config, &operator).await } else { Ok(()) }
}

fn show(kept: &KeptOfUser, spooled: u64) {
    let KeptOfUser { open, held, dead, journal, paused } = kept;
    println!("open     {open:>6}  messages that wait or are with a worker");
    println!("held     {held:>6}  messages that wait until the user writes again");
    println!("dead     {dead:>6}  letters");
    println!("journal  {journal:>6}  records");
    println!("spool    {spooled:>6}  messages on this machine's disk");
    if *paused {
        println!("the user is paused");
    }
}

/// The user's entries in the spools of this machine.
fn spooled(spool: &SpoolConfig, name: &UserName) -> Result<Vec<LaneEntries>, Failure> {
    Ok(lane_entries(&spool.dir, &name.lane()?)?)
}

/// Removes them from the folders that nobody holds, and writes these anew.
async fn forget_spooled(config: &SpoolConfig, spool: &[LaneEntries], name: &UserName) -> Result<(), Failure> {
    let lane = name.lane()?;
    for free in spool.iter().filter(|folder| folder.holder.is_none()) {
        wiring::folders(config).open(&free.folder)?.forget_lane(&lane).await?;
    }
    Ok(())
}

fn say_what_stays(config: &Config, flags: &ForgetFlags) {
    if let Some(archive) = &config.queue.dead.archive {
        println!(
            "the archive of dead letters in `{}` isn't touched: remove the user's lines yourself",
            archive.display()
        );
    }
    if !flags.compact {
        println!("the store's disk still has what was removed, until it is written anew: --compact does it");
    }
}

async fn compact(config: &Config, operator: &OperatorClient) -> Result<(), Failure> {
    if let QueueUrl::Redis(_) = config.queue.url {
        println!("waiting {} s until Redis has dropped what ends by itself", ENDS_WITHIN.as_secs());
        tokio::time::sleep(ENDS_WITHIN).await;
    }
    let by_hand = "run `redis-cli BGREWRITEAOF` as a user who may; `forget --compact` can be repeated";
    let compaction = operator.compact().await.map_err(|failure| match config.queue.url {
        QueueUrl::Redis(_) => failure.with_hint(by_hand),
        QueueUrl::Sqlite(_) => failure,
    })?;
    match compaction.state.as_str() {
        "begun" => println!(
            "Redis writes its append-only file anew; `redis-cli INFO persistence` says when that is done \
             (aof_rewrite_in_progress:0). Snapshots and backups are yours to renew"
        ),
        "done" => println!("the file is written anew. Backups are yours to renew"),
        _ => println!("Redis keeps no append-only file. Snapshots and backups are yours to renew"),
    }
    Ok(())
}
