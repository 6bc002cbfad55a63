//! `route test`: which route takes a message, and why those before it don't.
//!
//! It asks the conditions that a worker asks, in the same order, and calls nobody: no queue, no service, no WeChat. It
//! reads no secret either, so that a configuration can be tried where there are none.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Context as _;
use huixin_wechat::{Element, Message};
use huixin_worker::Captures;
use serde::Serialize;

use super::operate::json;
use crate::cli::{Cli, RouteCommand, RouteTestFlags};
use crate::config::{ByteSize, Config, Role};
use crate::report::{ExitCode, Failure};
use crate::wiring;

/// What `route test --json` prints. Every name is always there; `docs/routes.md` describes it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Tested<'a> {
    /// The name of the account that the message comes to.
    account: &'a str,
    /// The sender's OpenID; empty if the push has none.
    user: &'a str,
    /// `MsgType` as pushed; empty if the push has none.
    #[serde(rename = "type")]
    type_: &'a str,
    /// `Event` as pushed; null if it is no event.
    event: Option<&'a str>,
    /// `EventKey`; null if it is no event, or has none.
    key: Option<&'a str>,
    /// The name of the route that takes it; null: none does.
    route: Option<&'a str>,
    /// That route's handler, by its key in the configuration; null if there is no such route.
    handler: Option<&'static str>,
    /// What its pattern captured, by number and name; empty without one.
    captures: Captures,
    /// The routes before it, or all if none takes it, in their order.
    passed_by: Vec<PassedBy<'a>>,
}

/// A route that doesn't take the message.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct PassedBy<'a> {
    /// Its name.
    route: &'a str,
    /// The key under `match` that doesn't hold; `type` if it has neither that nor `event`, and the message is an event.
    condition: &'static str,
    /// What is wrong with it, for people: the words may change.
    why: String,
}

pub(super) fn route(cli: &Cli, command: &RouteCommand) -> Result<(), Failure> {
    let RouteCommand::Test(flags) = command;
    let config = wiring::config(cli, Role::RouteTest)?;
    let account = account(&config, flags.account.as_deref())?;
    let message = message(flags, config.receiver.max_body)?;
    let tested = Tested::of(&config, account, &message);
    match flags.output.json {
        true => json(&tested)?,
        false => tested.print(),
    }
    tested.conclude(message.is_event())
}

/// The account of this name, or the only one.
fn account<'a>(config: &'a Config, named: Option<&str>) -> Result<&'a str, Failure> {
    let names = || config.accounts.keys().map(String::as_str);
    let all = || names().collect::<Vec<_>>().join(", ");
    match named {
        Some(named) => names().find(|name| *name == named).ok_or_else(|| {
            Failure::failed(format!("there is no account `{named}`"), format!("known accounts: {}", all()))
        }),
        None if config.accounts.len() == 1 => {
            Ok(names().next().expect("there is one account when their number is 1"))
        }
        None => Err(Failure::failed(
            "several accounts are configured, and a route may be for one of them",
            format!("name one with --account: {}", all()),
        )),
    }
}

fn message(flags: &RouteTestFlags, max_body: ByteSize) -> Result<Message, Failure> {
    match (&flags.message.text, &flags.message.xml) {
        (Some(text), _) => Ok(text_message(&flags.user, text)),
        (None, Some(file)) => pushed(file, max_body),
        (None, None) => unreachable!("the command line has one of --text and --xml"),
    }
}

fn text_message(user: &str, text: &str) -> Message {
    let mut tree = Element::new("xml");
    tree.push(Element::leaf("FromUserName", user))
        .push(Element::leaf("MsgType", "text"))
        .push(Element::leaf("Content", text));
    Message::from_tree(tree)
}

/// The push in a file, or on standard input.
fn pushed(file: &Path, max_body: ByteSize) -> Result<Message, Failure> {
    let stdin = file == Path::new("-");
    let name = if stdin { "standard input".to_owned() } else { format!("`{}`", file.display()) };
    let mut body = Vec::new();
    let mut input: Box<dyn Read> = match stdin {
        true => Box::new(std::io::stdin().lock()),
        false => Box::new(File::open(file).with_context(|| format!("cannot read {name}"))?),
    };
    let most = max_body.bytes();
    input
        .by_ref()
        .take(most.saturating_add(1))
        .read_to_end(&mut body)
        .with_context(|| format!("cannot read {name}"))?;
    if body.len() as u64 > most {
        return Err(Failure::failed(
            format!("{name} has more than the {max_body} of `receiver.max_body`"),
            "a receiver refuses it too; raise `max_body` if WeChat's pushes are that large",
        ));
    }
    let message = Message::parse(&body).with_context(|| format!("{name} is not a push of WeChat's"));
    let message = message.map_err(|error| {
        let hint =
            "give the body as WeChat posts it: <xml> with <MsgType> and so on inside, or the same as JSON";
        Failure::from(error).with_hint(hint)
    })?;
    if message.msg_type().is_empty() && message.tree.get("Encrypt").is_some() {
        return Err(Failure::failed(
            format!("{name} is an encrypted push, which this command can't decrypt"),
            "give the decrypted body, which `huixin dead show ID --json` has under `body`",
        ));
    }
    Ok(message)
}

impl<'a> Tested<'a> {
    fn of(config: &'a Config, account: &'a str, message: &'a Message) -> Self {
        let mut tested = Self {
            account,
            user: &message.from,
            type_: message.msg_type(),
            event: message.event(),
            key: message.event_key(),
            route: None,
            handler: None,
            captures: Captures::new(),
            passed_by: Vec::new(),
        };
        for route in &config.routes {
            match route.condition.explain(account, message) {
                Ok(captures) => {
                    let handler = route.handler.key();
                    return Self { route: Some(&route.name), handler: Some(handler), captures, ..tested };
                }
                Err(mismatch) => tested.passed_by.push(PassedBy {
                    route: &route.name,
                    condition: mismatch.condition(),
                    why: mismatch.to_string(),
                }),
            }
        }
        tested
    }

    /// A line for each route that was asked, and one for each capture.
    fn print(&self) {
        let names = self.passed_by.iter().map(|passed| passed.route).chain(self.route);
        let width = names.map(|name| name.chars().count()).max().unwrap_or_default();
        for PassedBy { route, why, .. } in &self.passed_by {
            println!("no   {route:<width$}  {why}");
        }
        let (Some(route), Some(handler)) = (self.route, self.handler) else { return };
        println!("yes  {route:<width$}  takes it, for `{handler}` to answer");
        for (name, value) in &self.captures {
            println!("     {name} = {value:?}");
        }
    }

    fn conclude(&self, is_event: bool) -> Result<(), Failure> {
        if self.route.is_some() {
            return Ok(());
        }
        let hint = match is_event {
            true => "a last route with match = { type = \"event\" } takes every other event",
            false => "a last route without `match` takes every other message",
        };
        let none = "no route takes it: it ends without a reply";
        Err(Failure { code: ExitCode::NoRoute, ..Failure::failed(none, hint) })
    }
}
