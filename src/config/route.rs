//! `[[route]]`: which handler answers which messages. The first route whose conditions all hold takes a message.
//!
//! What is parsed here is complete but raw: the worker makes handlers of it. Templates are checked by the function that
//! [`Config::load`](super::Config::load) was given, so that this crate's configuration knows no template language.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use huixin_wechat::Secret;
use huixin_worker::{HOLD_FOR_DEFAULT, Unsure};
use regex::Regex;
use serde_json::Value as Json;
use url::Url;

use super::account::AccountConfig;
use super::node::{Node, Value};
use super::problem::{Mistake, nearest};
use super::section::Section;
use super::{reply, secrets, value};

/// One route.
#[derive(Clone, Debug)]
pub struct RouteConfig {
    /// Its name, unique; `route 1` and so on by position if it was given none.
    pub name: String,
    /// What a message must be for this route to take it.
    pub condition: Condition,
    /// What answers it.
    pub handler: HandlerConfig,
    /// How often the handler is tried in all before the message goes to the dead letters.
    pub attempts: u32,
    /// What the user is told when the message goes there; a fixed text.
    pub failure_reply: Option<String>,
    /// What becomes of a send of which it isn't known whether WeChat took it.
    pub unsure: Unsure,
    /// How long an answer that can't be sent is held for the user's next message; none: by the kind of message.
    pub hold_for: Option<Duration>,
    /// Whether the user sees somebody typing while the handler runs.
    pub typing: bool,
    /// What the user is told when the handler has run for so long.
    pub notice: Option<(Duration, String)>,
    /// Whether the handler's texts are Markdown.
    pub markdown: bool,
}

/// Conditions, all of which must hold; without any, the route takes every message that is no event.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    /// The name of an account; always one that is configured.
    pub account: Option<String>,
    /// `text`, `image`, …, `event`: WeChat's `MsgType`, as written in the file.
    pub type_: Option<String>,
    /// `subscribe`, `CLICK`, …: WeChat's `Event`, as written in the file.
    pub event: Option<String>,
    /// WeChat's `EventKey`.
    pub event_key: Option<String>,
    /// A pattern that is found in the text.
    pub text: Option<Regex>,
}

/// What answers a message. Prints without the password of a URL.
#[derive(Clone)]
pub enum HandlerConfig {
    /// A fixed reply, which keeps to the schema of [`huixin_worker::reply`]; its texts and addresses are templates.
    Reply(Json),
    /// A service that is called.
    Http {
        /// Where the message is posted to.
        url: Url,
        /// How long one attempt may take.
        timeout: Duration,
        /// The secret that signs calls by the Standard Webhooks scheme, `whsec_` included if it was given.
        secret: Option<Secret>,
    },
}

const HOUR: Duration = Duration::from_secs(3600);
const HOLD_FOR: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(30 * 86_400);
const NOTICE_AFTER: Duration = Duration::from_secs(10);
const ATTEMPTS: u32 = huixin_worker::ATTEMPTS_DEFAULT;
const URL_EXAMPLE: &str = "http://127.0.0.1:9000/answer";
const HANDLERS: &str = "`reply` or `http`";

pub(super) fn read_all(
    root: &mut Section<'_>,
    accounts: &BTreeMap<String, AccountConfig>,
) -> Vec<RouteConfig> {
    let tables = root.parsed("route", tables).unwrap_or_default();
    let mut names = BTreeSet::new();
    let mut routes = Vec::new();
    for (index, node) in tables.into_iter().enumerate() {
        let Value::Table(table) = node.value else {
            root.mistake("route", Some(&node.origin), value::wrong_type("a list of tables", &node));
            continue;
        };
        let default_name = format!("route {}", index + 1);
        let shown =
            table.get("name").and_then(Node::as_text).map_or_else(|| (index + 1).to_string(), str::to_owned);
        let section = root.below(format!("route[{shown}]"), "route".to_owned(), Some(node.origin), table);
        routes.extend(read(section, default_name, &mut names, accounts));
    }
    routes
}

fn read(
    mut section: Section<'_>,
    default_name: String,
    names: &mut BTreeSet<String>,
    accounts: &BTreeMap<String, AccountConfig>,
) -> Option<RouteConfig> {
    let name = section.parsed("name", |node| unique_name(node, names)).unwrap_or(default_name);
    names.insert(name.clone());
    let condition = condition(section.section("match"), accounts);
    let given: Vec<&str> = ["reply", "http"].into_iter().filter(|key| section.has(key)).collect();
    let later = ["sql", "chat", "command"].into_iter().any(|key| section.has(key));
    match given[..] {
        [] if !later => {
            let mistake = Mistake::new("has no handler").hint(format!("give it exactly one of {HANDLERS}"));
            section.mistake("", None, mistake);
        }
        [_, _, ..] => {
            let mistake = Mistake::new("has more than one handler");
            section.mistake("", None, mistake.hint(format!("give it exactly one of {HANDLERS}")));
        }
        _ => {}
    }
    let (folder, check_template) = (section.reader.folder, section.reader.check_template);
    let reply =
        section.parsed("reply", |node| reply::read(node, folder, check_template)).map(HandlerConfig::Reply);
    let http = if section.has("http") { http(section.section("http")) } else { None };
    let attempts = section.number("attempts", ATTEMPTS, 1..=100);
    let failure_reply = section.text("failure_reply");
    let unsure = section.parsed("unsure", unsure).unwrap_or_default();
    let hold_for = section.parsed("hold_for", |node| value::duration(node, HOLD_FOR_DEFAULT, &HOLD_FOR));
    let typing = section.parsed("typing", value::boolean).unwrap_or(true);
    let notice = notice(&mut section);
    let markdown = section.parsed("markdown", value::boolean).unwrap_or(false);
    section.unavailable(&["sql", "chat", "command", "on_failure"], "");
    section.finish();
    let handler = reply.or(http)?;
    Some(RouteConfig {
        name,
        condition,
        handler,
        attempts,
        failure_reply,
        unsure,
        hold_for,
        typing,
        notice,
        markdown,
    })
}

fn unsure(node: &Node) -> Result<Unsure, Mistake> {
    let text = value::text(node)?;
    let all = [Unsure::Resend, Unsure::Hold, Unsure::Drop];
    all.into_iter().find(|unsure| unsure.as_str() == text).ok_or_else(|| {
        Mistake::new(format!("is unknown: `{text}`")).hint("write \"resend\", \"hold\" or \"drop\"")
    })
}

/// `notice` and `notice_after`, which has a default; alone it would tell nothing.
fn notice(section: &mut Section<'_>) -> Option<(Duration, String)> {
    let text = section.text("notice");
    let alone = text.is_none() && section.has("notice_after");
    if alone && !section.has("notice") {
        let mistake =
            Mistake::new("is given without `notice`").hint("add the text, like notice = \"请稍候\"");
        section.mistake("notice_after", None, mistake);
    }
    let after = section.duration("notice_after", NOTICE_AFTER, Duration::from_millis(10)..=HOUR);
    text.map(|text| (after, text))
}

fn condition(mut section: Section<'_>, accounts: &BTreeMap<String, AccountConfig>) -> Condition {
    let condition = Condition {
        account: section.parsed("account", |node| known_account(node, accounts)),
        type_: section.text("type"),
        event: section.text("event"),
        event_key: section.text("event_key"),
        text: section.parsed("text", pattern),
    };
    let of_events = condition.event.is_some()
        || condition.type_.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("event"));
    if condition.event_key.is_some() && !of_events {
        let mistake =
            Mistake::new("can never hold: a route without `event` takes no events, and only they have keys");
        section.mistake("event_key", None, mistake.hint("add the event, like event = \"CLICK\""));
    }
    if condition.text.is_some() && of_events {
        let mistake = Mistake::new("can never hold: events have no text");
        section.mistake("text", None, mistake.hint("make two routes of it"));
    }
    section.finish();
    condition
}

fn http(mut section: Section<'_>) -> Option<HandlerConfig> {
    if !section.has("url") && section.origin.is_some() {
        let mistake = Mistake::new("is missing").hint(format!("write it like \"{URL_EXAMPLE}\""));
        section.mistake("url", None, mistake);
    }
    let url = section.parsed("url", |node| value::http_url(node, URL_EXAMPLE));
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let timeout = section.duration("timeout", minutes(2), Duration::from_millis(10)..=minutes(24 * 60));
    let secret = secrets::read(&mut section, "secret", "secret_file");
    if secret.as_ref().is_some_and(|secret| !is_webhook_secret(secret)) {
        let mistake =
            Mistake::new("is not a Standard Webhooks secret: `whsec_` and base64 of 24 to 64 bytes");
        section.mistake("secret", None, mistake.hint("make one: echo whsec_$(openssl rand -base64 32)"));
    }
    if section.has("attempts") {
        let mistake =
            Mistake::new("is not a key of the handler").hint("write `attempts` in the route, beside `http`");
        let origin = section.take("attempts").map(|node| node.origin);
        section.mistake("attempts", origin.as_ref(), mistake);
    }
    section.finish();
    Some(HandlerConfig::Http { url: url?, timeout, secret })
}

impl fmt::Debug for HandlerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(reply) => f.debug_tuple("Reply").field(reply).finish(),
            Self::Http { url, timeout, secret } => {
                let url = super::print::masked(url);
                f.debug_struct("Http")
                    .field("url", &url.as_str())
                    .field("timeout", timeout)
                    .field("secret", secret)
                    .finish()
            }
        }
    }
}

fn tables(node: &Node) -> Result<Vec<Node>, Mistake> {
    match &node.value {
        Value::Array(items) => Ok(items.clone()),
        Value::Table(_) => {
            Err(Mistake::new("must be a list of tables").hint("write `[[route]]` with two brackets"))
        }
        _ => Err(value::wrong_type("a list of tables", node).hint("begin each route with `[[route]]`")),
    }
}

fn unique_name(node: &Node, names: &BTreeSet<String>) -> Result<String, Mistake> {
    let name = value::text(node)?;
    if names.contains(&name) {
        return Err(
            Mistake::new(format!("is used twice: `{name}`")).hint("give every route a name of its own")
        );
    }
    if name.chars().count() > 64 {
        return Err(Mistake::new("is longer than 64 characters"));
    }
    Ok(name)
}

fn known_account(node: &Node, accounts: &BTreeMap<String, AccountConfig>) -> Result<String, Mistake> {
    let name = value::text(node)?;
    if accounts.contains_key(&name) {
        return Ok(name);
    }
    let names = || accounts.keys().map(String::as_str);
    let hint = nearest(&name, names(), 0.5).map_or_else(
        || format!("known accounts: {}", names().collect::<Vec<_>>().join(", ")),
        |near| format!("did you mean `{near}`?"),
    );
    Err(Mistake::new(format!("names the unknown account `{name}`")).hint(hint))
}

fn pattern(node: &Node) -> Result<Regex, Mistake> {
    Regex::new(&value::text(node)?).map_err(|error| {
        // The whole text draws the pattern over several lines; its last one says what is wrong.
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default();
        let why = last.strip_prefix("error: ").unwrap_or(last);
        Mistake::new(format!("is not a regular expression: {why}"))
            .hint("single quotes keep backslashes as they are: text = '^\\d+$'")
    })
}

fn is_webhook_secret(secret: &Secret) -> bool {
    let text = secret.expose();
    let text = text.strip_prefix("whsec_").unwrap_or(text);
    let digits = text.trim_end_matches('=');
    let base64 = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    text.len().is_multiple_of(4)
        && text.len() - digits.len() <= 2
        && (24..=64).contains(&(digits.len() * 3 / 4))
        && digits.chars().all(base64)
}
