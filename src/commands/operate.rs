//! `status`, `lane`, `pause`, `resume`, `audit`: tables for people, JSON for programs.

use serde::Serialize;

use crate::cli::{Cli, LaneFlags, OutputFlag, PauseFlags, ResumeFlags, ScopeFlags};
use crate::config::Role;
use crate::operator::{Operator, Pausable};
use crate::parts;
use crate::report::Failure;

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
    println!("held     {:>8}", status.held);
    println!("aside    {:>8}", status.aside);
    println!("dead     {:>8}", status.dead);
    if status.dead_uncounted > 0 {
        println!(
            "not kept {:>8}  pushes that can't be understood, beyond the 1,000 of an account",
            status.dead_uncounted
        );
    }
    for paused in &status.paused {
        let why = if paused.reason.is_empty() { String::new() } else { format!(": {}", paused.reason) };
        println!("paused   {} since {}{why}", paused.what, paused.since);
    }
    for account in &status.cannot_send {
        println!("can't send: account `{}` until {}: {}", account.account, account.until, account.reason);
        if !account.remedy.is_empty() {
            println!("  hint: {}", account.remedy);
        }
    }
    if let Some(age) = status.next_age_ms {
        println!(
            "next in line has waited {}",
            humantime::format_duration(std::time::Duration::from_millis(age))
        );
    }
    Ok(())
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
    let paused = if lane.paused { ", paused" } else { "" };
    println!("{}{}{paused}", lane.state, lane.due_at.map(|due| format!(" until {due}")).unwrap_or_default());
    if let Some(error) = lane.last_error {
        println!("the last attempt failed: {error}");
    }
    lane.waiting.iter().for_each(|id| println!("{id}"));
    lane.held.iter().for_each(|id| println!("{id}  held until the user writes again"));
    lane.aside.iter().for_each(|id| println!("{id}  aside until its next attempt, the others go on"));
    Ok(())
}

pub(super) async fn pause(cli: &Cli, flags: &PauseFlags) -> Result<(), Failure> {
    let what = pausable(&flags.scope);
    operator(cli)?.pause(&what, &flags.reason).await?;
    println!("{} is paused: what runs ends, and nothing more is begun", told(&what));
    Ok(())
}

pub(super) async fn resume(cli: &Cli, flags: &ResumeFlags) -> Result<(), Failure> {
    let what = pausable(&flags.scope);
    match operator(cli)?.resume(&what).await? {
        true => println!("{} goes on", told(&what)),
        false => println!("{} was not paused", told(&what)),
    }
    Ok(())
}

fn pausable(flags: &ScopeFlags) -> Pausable {
    Pausable { account: flags.account.clone(), user: flags.user.clone() }
}

fn told(what: &Pausable) -> String {
    match (&what.account, &what.user) {
        (Some(account), Some(user)) => format!("user `{user}` of account `{account}`"),
        (Some(account), None) => format!("account `{account}`"),
        (None, _) => "everything".to_owned(),
    }
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

pub(super) fn operator(cli: &Cli) -> Result<Operator, Failure> {
    // As a receiver, which needs the fewest credentials: these commands call nobody but the queue.
    let config = parts::config(cli, Role::Receiver)?;
    Operator::open(&config)
}

pub(super) fn json(value: &impl Serialize) -> Result<(), Failure> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}
