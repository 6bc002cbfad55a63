//! `status`, `lane`, `pause`, `resume`, `audit`: tables for people, JSON for programs.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use crate::cli::{Cli, LaneFlags, OutputFlag, PauseFlags, ResumeFlags, ScopeFlags};
use crate::config::{Config, DEFAULT_FILE, Role};
use crate::operator::{EVERYTHING, OperatorClient, Pausable, QueueStatus};
use crate::report::Failure;
use crate::wiring;

pub(super) async fn status(cli: &Cli, output: &OutputFlag) -> Result<(), Failure> {
    let status = OperatorClient::open(&config(cli)?)?.status().await?;
    if output.json {
        return json(&status);
    }
    println!("queue    {}", status.queue);
    for (account, open) in &status.open {
        println!("open     {open:>8}  of account `{account}`: not finished yet");
    }
    if status.open.is_empty() {
        println!("open     {:>8}  no message is open", 0);
    }
    let QueueStatus { running, delayed, held, dead, dead_uncounted, .. } = status;
    println!("running  {running:>8}  of these are with a worker");
    println!("delayed  {delayed:>8}  of these wait for their next attempt, or for an answer by call back");
    println!("held     {held:>8}  of these wait until their user writes again");
    println!("dead     {dead:>8}  letters: `huixin dead list` shows them");
    if dead_uncounted > 0 {
        println!("not kept {dead_uncounted:>8}  pushes that can't be understood, beyond 1,000 per account");
    }
    for paused in &status.paused {
        let why = if paused.reason.is_empty() { String::new() } else { format!(": {}", paused.reason) };
        println!("paused   {} since {}{why}", paused.what, paused.since);
    }
    for account in &status.cannot_send {
        println!(
            "can't {}: account `{}` until {}: {}",
            account.interface, account.account, account.until, account.reason
        );
        if !account.remedy.is_empty() {
            println!("  hint: {}", account.remedy);
        }
    }
    if let Some(age) = status.next_age_ms {
        let age = humantime::format_duration(std::time::Duration::from_millis(age));
        println!("next in line has waited {age}");
    }
    Ok(())
}

pub(super) async fn lane(cli: &Cli, flags: &LaneFlags) -> Result<(), Failure> {
    let config = config(cli)?;
    let operator = OperatorClient::open(&config)?;
    let lane = operator.lane(&flags.account, &flags.user).await?;
    if lane.is_none() {
        // Messages of an account that is no longer configured are shown too.
        known(&config, &operator.status().await?, &flags.account)?;
    }
    if flags.look.output.json {
        return json(&lane);
    }
    let Some(lane) = lane else {
        println!("no message of this user waits");
        return Ok(());
    };
    let until = lane.due_at.map(|due| format!(" until {due}")).unwrap_or_default();
    let paused = if lane.paused { "; the user is paused" } else { "" };
    println!("{}{until}: {}{paused}", lane.state, meaning(&lane.state));
    if let Some(error) = lane.last_error {
        println!("why: {error}");
    }
    lane.waiting.iter().for_each(|id| println!("{id}"));
    lane.held.iter().for_each(|id| println!("{id}  held until the user writes again"));
    Ok(())
}

/// What the state of a lane means.
pub(super) fn meaning(state: &str) -> &'static str {
    match state {
        "ready" => "the next free worker takes the first message",
        "leased" => "a worker has the first message",
        "delayed" => "the first message waits for its next attempt",
        "awaiting" => "the service has the first message, and answers it by call back",
        "parked" => "the first message waits until the pause ends",
        "idle" => "only held messages wait",
        _ => "a state of a newer version of Huixin",
    }
}

pub(super) async fn pause(cli: &Cli, flags: &PauseFlags) -> Result<(), Failure> {
    let what = pausable(&flags.scope);
    let config = config(cli)?;
    let operator = OperatorClient::open(&config)?;
    if let Some(account) = &what.account {
        known(&config, &operator.status().await?, account)?;
    }
    // Asked before: a lane that is paused is there, even without messages.
    let unseen = match (&what.account, &what.user) {
        (Some(account), Some(user)) if operator.lane(account, user).await?.is_none() => Some((account, user)),
        _ => None,
    };
    operator.pause(&what, &flags.reason).await?;
    println!("{} is paused: running messages finish, and no others start", name_of(&what));
    if let Some((account, user)) = unseen {
        println!(
            "no message of this user is open now: if the OpenID is mistyped, `huixin resume {account} {user}` undoes this"
        );
    }
    Ok(())
}

pub(super) async fn resume(cli: &Cli, flags: &ResumeFlags) -> Result<(), Failure> {
    let what = pausable(&flags.scope);
    let config = config(cli)?;
    let operator = OperatorClient::open(&config)?;
    if operator.resume(&what).await? {
        println!("{} is resumed", name_of(&what));
        return Ok(());
    }
    let status = operator.status().await?;
    what.account.iter().try_for_each(|account| known(&config, &status, account))?;
    let paused: Vec<_> = status.paused.iter().map(|paused| format!("`{}`", paused.what)).collect();
    let hint = match paused.as_slice() {
        [] => "nothing is paused".to_owned(),
        paused => format!("paused: {}", paused.join(", ")),
    };
    Err(Failure::failed(format!("{} is not paused", name_of(&what)), hint))
}

fn pausable(flags: &ScopeFlags) -> Pausable {
    Pausable { account: flags.account.clone(), user: flags.user.clone() }
}

fn name_of(what: &Pausable) -> String {
    match (&what.account, &what.user) {
        (Some(account), Some(user)) => format!("user `{user}` of account `{account}`"),
        (Some(account), None) => format!("account `{account}`"),
        (None, _) => "everything".to_owned(),
    }
}

pub(super) async fn audit(cli: &Cli, output: &OutputFlag) -> Result<(), Failure> {
    let found = OperatorClient::open(&config(cli)?)?.audit().await?;
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

/// Read as for a receiver, which needs the fewest credentials: these commands call only the queue. If a flag names the
/// queue, as for that of `huixin dev`, no file is needed.
pub(super) fn config(cli: &Cli) -> Result<Config, Failure> {
    let no_file = cli.global.config.is_none() && !Path::new(DEFAULT_FILE).exists();
    let by_flag = no_file && cli.command.overrides().queue_url.is_some();
    wiring::config(cli, if by_flag { Role::Dev } else { Role::Receiver })
}

/// Whether an account is configured here, or the queue has something of it: its processes may have another configuration.
///
/// # Errors
/// With the names of those that are known.
pub(super) fn known(config: &Config, status: &QueueStatus, account: &str) -> Result<(), Failure> {
    let paused = status.paused.iter().filter_map(|paused| {
        let name = paused.what.split('/').next()?;
        (paused.what != EVERYTHING).then_some(name)
    });
    let stopped = status.cannot_send.iter().map(|stopped| stopped.account.as_str());
    let here = config.accounts.keys().chain(status.open.keys()).map(String::as_str);
    let names: BTreeSet<&str> = here.chain(paused).chain(stopped).collect();
    if names.contains(account) {
        return Ok(());
    }
    let names = names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Err(Failure::failed(
        format!("no account `{account}` is configured here, and the queue has no message of it"),
        format!(
            "known accounts: {names}; for an account of another configuration, name its file with --config"
        ),
    ))
}

pub(super) fn json(value: &impl Serialize) -> Result<(), Failure> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}
