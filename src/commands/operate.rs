//! `status`, `dead`, `lane`, `audit`: tables for people, JSON for programs.

use serde::Serialize;

use crate::cli::{Cli, DeadCommand, DeadFlags, LaneFlags, OutputFlag};
use crate::config::Role;
use crate::operator::{Letter, Operator};
use crate::parts;
use crate::report::Failure;
use huixin_queue::MessageId;

/// Letters asked for at once while all are walked over.
const PAGE: u64 = 500;
const REASON_WIDTH: usize = 60;

pub(super) async fn status(cli: &Cli, output: &OutputFlag) -> Result<(), Failure> {
    let status = operator(cli)?.status().await?;
    if output.json {
        return json(&status);
    }
    println!("queue    {}", status.queue);
    for (account, open) in &status.open {
        println!("open     {open:>8}  account `{account}`");
    }
    println!("running  {:>8}", status.running);
    println!("delayed  {:>8}", status.delayed);
    println!("dead     {:>8}", status.dead);
    if status.dead_uncounted > 0 {
        println!(
            "not kept {:>8}  pushes that can't be understood, beyond the 1,000 of an account",
            status.dead_uncounted
        );
    }
    if let Some(age) = status.next_age_ms {
        println!(
            "next in line has waited {}",
            humantime::format_duration(std::time::Duration::from_millis(age))
        );
    }
    Ok(())
}

pub(super) async fn dead(cli: &Cli, flags: &DeadFlags) -> Result<(), Failure> {
    let operator = operator(cli)?;
    match &flags.command {
        DeadCommand::List(list) => {
            let letters = matching(&operator, &list.filter, list.limit).await?;
            if list.output.json {
                return json(&letters);
            }
            for letter in &letters {
                let reason: String = letter.reason.chars().take(REASON_WIDTH).collect();
                println!(
                    "{}  {}  {:<10}  {:<12}  {reason}",
                    letter.id, letter.died_at, letter.account, letter.kind
                );
            }
            println!("{} shown", letters.len());
            Ok(())
        }
        DeadCommand::Show(show) => {
            let letter = one(&operator, &show.id).await?;
            if show.output.json {
                return json(&letter);
            }
            let Letter { id, account, user, kind, reason, accepted_at, died_at, failures, losses, body } =
                letter;
            println!(
                "id        {id}\naccount   {account}\nuser      {user}\nkind      {kind}\nreason    {reason}"
            );
            println!(
                "accepted  {accepted_at}\ndied      {died_at}\nfailures  {failures} before the last\nlosses    {losses}\n\n{body}"
            );
            Ok(())
        }
        DeadCommand::Retry(act) => {
            let done = each(&operator, act, "put back into their users' lanes", async |id| {
                operator.revive(id).await
            })
            .await?;
            println!("{done} put back");
            Ok(())
        }
        DeadCommand::Drop(act) => {
            let done =
                each(&operator, act, "removed for good", async |id| operator.drop_letter(id).await).await?;
            println!("{done} removed");
            Ok(())
        }
    }
}

pub(super) async fn lane(cli: &Cli, flags: &LaneFlags) -> Result<(), Failure> {
    let lane = operator(cli)?.lane(&flags.account, &flags.user).await?;
    if flags.output.json {
        return json(&lane);
    }
    let Some(lane) = lane else {
        println!("no message waits");
        return Ok(());
    };
    println!("{}{}", lane.state, lane.due_at.map(|due| format!(" until {due}")).unwrap_or_default());
    if let Some(error) = lane.last_error {
        println!("the last attempt failed: {error}");
    }
    for id in lane.waiting {
        println!("{id}");
    }
    Ok(())
}

pub(super) async fn audit(cli: &Cli, output: &OutputFlag) -> Result<(), Failure> {
    let found = operator(cli)?.audit().await?;
    if output.json {
        json(&found)?;
    } else {
        found.violations.iter().for_each(|violation| println!("{violation}"));
    }
    match found.violations.len() {
        0 if output.json => Ok(()),
        0 => {
            println!("every lane is in exactly one state");
            Ok(())
        }
        n => Err(Failure::failed(
            format!("{n} breaches of the queue's invariant"),
            "this is a bug: please report it",
        )),
    }
}

fn operator(cli: &Cli) -> Result<Operator, Failure> {
    // As a receiver, which needs the fewest credentials: these commands call nobody but the queue.
    let config = parts::config(cli, Role::Receiver)?;
    Operator::open(&config)
}

async fn one(operator: &Operator, id: &str) -> Result<Letter, Failure> {
    let id = MessageId::new(id).map_err(anyhow::Error::from)?;
    let none = || {
        Failure::failed(format!("there is no dead letter `{id}`"), "`huixin dead list` shows those there are")
    };
    operator.letter(&id).await?.ok_or_else(none)
}

/// The letters that match, walked over page by page.
async fn matching(
    operator: &Operator,
    filter: &crate::cli::LetterFilter,
    most: usize,
) -> Result<Vec<Letter>, Failure> {
    let mut found = Vec::new();
    let mut offset = 0;
    loop {
        let page = operator.letters(offset, PAGE).await?;
        let last = page.letters.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        offset += PAGE;
        found.extend(page.letters.into_iter().filter(|letter| {
            let account = filter.account.as_ref().is_none_or(|account| *account == letter.account);
            account && filter.reason.as_ref().is_none_or(|reason| letter.reason.contains(reason.as_str()))
        }));
        if last || found.len() >= most {
            found.truncate(most);
            return Ok(found);
        }
    }
}

/// Does something to one letter or to all that match; without `--yes` it only says to which.
async fn each(
    operator: &Operator,
    flags: &crate::cli::ActFlags,
    what: &str,
    act: impl AsyncFn(&MessageId) -> Result<bool, Failure>,
) -> Result<usize, Failure> {
    let letters = match &flags.id {
        Some(id) => vec![one(operator, id).await?],
        None => matching(operator, &flags.filter, usize::MAX).await?,
    };
    if !flags.yes {
        letters.iter().take(20).for_each(|letter| println!("{}  {}", letter.id, letter.reason));
        let message = format!("{} dead letters would be {what}, the first of them above", letters.len());
        return Err(Failure::failed(message, "say --yes to do it"));
    }
    let mut done = 0;
    for letter in letters {
        let id = MessageId::new(letter.id).map_err(anyhow::Error::from)?;
        // One that is gone by now was somebody else's doing.
        done += usize::from(act(&id).await?);
    }
    Ok(done)
}

pub(super) fn json(value: &impl Serialize) -> Result<(), Failure> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}
