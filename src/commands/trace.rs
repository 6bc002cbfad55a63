//! `huixin trace`: what became of messages, as a table for people or JSON for programs.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use super::operate::{config, json, known, meaning};
use crate::cli::{BEIJING, Cli, TraceFlags};
use crate::operator::{EndedMessage, OperatorClient, TraceView, rfc3339};
use crate::receiver::remedy;
use crate::refused::{RefusedCount, shortened};
use crate::report::Failure;

pub(super) async fn trace(cli: &Cli, flags: &TraceFlags) -> Result<(), Failure> {
    let config = config(cli)?;
    let operator = OperatorClient::open(&config)?;
    let view = operator.trace(&flags.query()).await?;
    if let (true, Some(account)) = (view.ended.is_empty(), &flags.account) {
        // Messages of an account that is no longer configured are shown too.
        known(&config, &operator.status().await?, account)?;
    }
    if flags.look.output.json {
        return json(&view);
    }
    match (&flags.id, &view.ended[..]) {
        (Some(_), messages) => messages.iter().for_each(whole),
        (None, messages) => table(messages, flags.user.is_none()),
    }
    below(flags, &view);
    Ok(())
}

/// A line for each, with its user if they are not all the same one's.
fn table(messages: &[EndedMessage], with_user: bool) {
    if messages.is_empty() {
        return;
    }
    let user = |user: &str| if with_user { format!("{user:<28}  ") } else { String::new() };
    println!(
        "{:<19}  {}{:<20}  {:<10}  {:<12}  {:<23}  {:>8}  {:>8}  why",
        "came (in Beijing)",
        user("user"),
        "end",
        "kind",
        "route",
        "id",
        "queued",
        "handled"
    );
    for message in messages {
        let ms = |ms: Option<u64>| ms.map_or("-".to_owned(), |ms| format!("{ms} ms"));
        println!(
            "{:<19}  {}{:<20}  {:<10}  {:<12}  {:<23}  {:>8}  {:>8}  {}",
            in_beijing(&message.accepted_at),
            user(&message.user),
            message.end,
            message.kind,
            message.route.as_deref().unwrap_or("-"),
            message.id,
            ms(message.queueing_ms),
            ms(message.handling_ms),
            why(message)
        );
    }
}

/// All that is known of one.
fn whole(message: &EndedMessage) {
    let line = |name: &str, value: &str| {
        if !value.is_empty() {
            println!("{name:<10} {value}");
        }
    };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let ms = |ms: Option<u64>| ms.map(|ms| format!("{ms} ms")).unwrap_or_default();
    line("id", &message.id);
    line("msg id", &text(&message.msg_id));
    line("account", &message.account);
    line("user", &message.user);
    line("kind", &message.kind);
    line("route", &text(&message.route));
    line("came", &in_beijing(&message.accepted_at));
    line("queued", &ms(message.queueing_ms));
    line("handled", &ms(message.handling_ms));
    line("sent", &ms(message.sending_ms));
    line("ended", &in_beijing(&message.ended_at));
    line("end", &message.end);
    line("why", &why(message));
    line("attempts", &message.attempts.to_string());
    line("parts", &message.parts.to_string());
    line("worker", &text(&message.worker));
    if message.end == "dead" {
        line("more", &format!("huixin dead show {}", message.id));
    }
    println!();
}

/// What was refused at the door. Of one user's pushes only what may be theirs: where a message of theirs was found, another one's
/// refusal would look like its cause.
fn refused(flags: &TraceFlags, view: &TraceView) {
    let end = flags.user.as_ref().map(|user| shortened(user));
    let is_found = !view.ended.is_empty() || view.open.is_some();
    let names = |refused: &RefusedCount| end.as_ref().is_some_and(|end| refused.users.contains(end));
    let shown = view.refused.iter().filter(|refused| end.is_none() || names(refused) || !is_found);
    for (number, refused) in shown.enumerate() {
        if number == 0 {
            println!("\nrefused at the door, so never stored; of all users, by the hour:");
        }
        let RefusedCount { account, reason, count, first_at, last_at, users } = refused;
        let account = if account.is_empty() { "(no account)" } else { account };
        let (first, last) = (in_beijing(first_at), in_beijing(last_at));
        println!("{count:>6}  from {first} to {last}  {account}  {reason}");
        let whose = match &end {
            None => None,
            Some(end) if names(refused) => {
                Some(format!("one names a user whose OpenID ends in {end}: it came, and was turned away"))
            }
            Some(_) if users.is_empty() => {
                Some("their queries name no user: this one may be among them".to_owned())
            }
            Some(end) => Some(format!("of other users: no query names an OpenID that ends in {end}")),
        };
        if let Some(whose) = whose {
            println!("        {whose}");
        }
        if let Some(remedy) = remedy(reason) {
            println!("        do: {remedy}");
        }
    }
}

/// A time as those who look after users in China say it, and as this command takes it.
fn in_beijing(rfc3339: &str) -> String {
    let form = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let time = OffsetDateTime::parse(rfc3339, &Rfc3339).ok();
    time.and_then(|time| time.to_offset(BEIJING).format(&form).ok()).unwrap_or_else(|| rfc3339.to_owned())
}

/// What it died of, or what WeChat said last.
fn why(message: &EndedMessage) -> String {
    let rid = message.rid.as_ref().map(|rid| format!(", rid {rid}")).unwrap_or_default();
    match (&message.reason, message.code) {
        (Some(reason), _) => reason.clone(),
        (None, None) if message.end == "unmatched" => {
            "no route takes it: `huixin route test` says why; a last route without `match` takes all"
                .to_owned()
        }
        (None, Some(code)) => format!("WeChat refused a call with {code} before{rid}"),
        (None, None) => String::new(),
    }
}

/// What stands beside the ended messages.
fn below(flags: &TraceFlags, view: &TraceView) {
    match view.ended.len() {
        0 => println!("no such message has ended"),
        shown if view.more => println!("{shown} shown, and there may be more: give a time or --limit"),
        shown => println!("{shown} shown"),
    }
    if let Some(lane) = &view.open {
        println!("\nopen: {}: {}", lane.state, meaning(&lane.state));
        if let Some(error) = &lane.last_error {
            println!("why: {error}");
        }
        lane.waiting.iter().for_each(|id| println!("{id}"));
        lane.held.iter().for_each(|id| println!("{id}  held until the user writes again"));
    } else if flags.user.is_some() {
        println!("no message of this user is open");
    }
    refused(flags, view);
    match (&view.journal_since, flags.query().since_ms) {
        (None, _) => println!("\nthe journal is empty"),
        (Some(begin), Some(asked)) if rfc3339(asked * 1_000).as_str() < begin.as_str() => println!(
            "\nthe journal begins with what ended at {}: what ended between the time that you asked for and then isn't known",
            in_beijing(begin)
        ),
        (Some(begin), _) => println!("\nthe journal begins with what ended at {}", in_beijing(begin)),
    }
}
