//! `[[route]]`: which handler answers which messages. The first route whose conditions all hold takes a message.
//!
//! What is parsed here is complete but raw: the worker makes handlers of it. Templates are checked by the function that
//! [`Config::load`](super::Config::load) was given, so that this crate's configuration knows no template language.

mod condition;
mod handler;
pub(super) mod names;
mod pattern;
mod responses;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use huixin_worker::{
    ANSWER_WITHIN_DEFAULT, AiLabel, Condition, HOLD_FOR_DEFAULT, MEMORY_FOR_DEFAULT, PATIENCE_DEFAULT,
    Rights, Unsure,
};

use super::Config;
use super::account::AccountConfig;
use super::database::DatabaseConfig;
use super::node::{Node, NodeTable, Value};
use super::problem::Mistake;
use super::reader::join;
use super::section::Section;
use super::shown::shown;
use super::value;

pub use handler::{HandlerConfig, HttpConfig, SqlConfig};

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
    /// What the user gets when the message goes there; a fixed text.
    pub failure_reply: Option<String>,
    /// What becomes of a send that WeChat may or may not have taken.
    pub unsure: Unsure,
    /// How long a message that fails may hold up what its user wrote after it.
    pub patience: Duration,
    /// How long an answer that can't be sent is held for the user's next message; none: by the kind of message.
    pub hold_for: Option<Duration>,
    /// Whether the user sees somebody typing while the handler runs.
    pub typing: bool,
    /// What the user gets, and after how long a run of the handler.
    pub notice: Option<(Duration, String)>,
    /// Whether the handler's texts are Markdown.
    pub markdown: bool,
    /// Whether and how users can see that a machine wrote the answers.
    pub ai_label: AiLabel,
    /// How many of its messages one worker has at its handler at once; none: see [`RouteConfig::at_once`].
    pub at_once: Option<usize>,
    /// How long an answer by call back is waited for.
    pub answer_within: Duration,
    /// Under which name the handler's memory of a user is kept; none: the route's.
    pub memory: Option<String>,
    /// How long it is kept after it was last written.
    pub memory_for: Duration,
    /// Whether an answer may hand its user over to a person, for which the push must be kept open.
    pub may_transfer: bool,
}

shown! {
    Unsure: |unsure| unsure.as_str();
    AiLabel: |label| match label {
        AiLabel::None => false.into(),
        AiLabel::WeChat => true.into(),
        AiLabel::Text(text) => toml::Value::from(text.as_str()),
    };
}

/// The keys of a route that may be tables.
const TABLES: [&str; 6] = ["match", "reply", "http", "sql", "chat", "command"];
const HOUR: Duration = Duration::from_secs(3600);
const PATIENCE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(86_400);
const HOLD_FOR: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(30 * 86_400);
/// How long before the end of a window the user learns that the answer comes later.
const LAST_CALL: Duration = Duration::from_secs(5);
const NOTICE_AFTER: Duration = Duration::from_secs(10);
const ATTEMPTS: u32 = huixin_worker::ATTEMPTS_DEFAULT;
const AT_ONCE: RangeInclusive<u32> = 1..=100_000;
const ANSWER_WITHIN: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(2 * 86_400);
const MEMORY_FOR: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(400 * 86_400);

pub(super) fn read_all(
    root: &mut Section<'_>,
    accounts: &BTreeMap<String, AccountConfig>,
    databases: &BTreeMap<String, DatabaseConfig>,
    rights: &Rights,
) -> Vec<RouteConfig> {
    let tables = root.hidden("route", tables).unwrap_or_default();
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
        let (reader, path) = (root.reader, format!("route[{shown}]"));
        let section = Section::new(reader, path.clone(), "route".to_owned(), Some(node.origin), table);
        let route = read(section, default_name, &mut names, accounts, databases);
        if let Some(route) = &route {
            responses::check(route, &path, reader, accounts);
            let by_api = responses::uses_api(&route.condition, accounts);
            if let Some((key, mistake)) = route.is_too_slow(rights).filter(|_| by_api) {
                let path = join(&path, &key);
                reader.doubt(path.clone(), reader.origin(&path).as_ref(), mistake);
            }
        }
        routes.extend(route);
    }
    routes
}

fn read(
    mut section: Section<'_>,
    default_name: String,
    names: &mut BTreeSet<String>,
    accounts: &BTreeMap<String, AccountConfig>,
    databases: &BTreeMap<String, DatabaseConfig>,
) -> Option<RouteConfig> {
    section.reader.page.borrow_mut().end_section();
    let name = section.parsed_or("name", default_name, |node| unique_name(node, names));
    names.insert(name.clone());
    let (condition, captures) = condition::read(section.section("match"), accounts);
    let handler = HandlerConfig::read(&mut section, &captures, databases);
    // Unless the route says otherwise, what a language model writes is Markdown, and labelled.
    let is_model = matches!(handler, Some(HandlerConfig::Chat(_)));
    let has_transfer = handler.as_ref().is_some_and(HandlerConfig::has_transfer);
    let label = if is_model { AiLabel::WeChat } else { AiLabel::None };
    Some(RouteConfig {
        name,
        condition,
        attempts: section.number("attempts", ATTEMPTS, 1..=100),
        failure_reply: section.text("failure_reply"),
        unsure: section.parsed_or("unsure", Unsure::default(), unsure),
        patience: section.duration("patience", PATIENCE_DEFAULT, PATIENCE),
        hold_for: section.parsed("hold_for", |node| value::duration(node, HOLD_FOR_DEFAULT, &HOLD_FOR)),
        typing: section.parsed_or("typing", true, value::boolean),
        notice: notice(&mut section),
        markdown: section.parsed_or("markdown", is_model, value::boolean),
        ai_label: section.parsed_or("ai_label", label, ai_label),
        at_once: section.parsed("at_once", |node| value::number(node, &AT_ONCE)).map(|n| n as usize),
        answer_within: section.duration("answer_within", ANSWER_WITHIN_DEFAULT, ANSWER_WITHIN),
        memory: section.parsed("memory", memory_name),
        memory_for: section.duration("memory_for", MEMORY_FOR_DEFAULT, MEMORY_FOR),
        may_transfer: section.parsed_or("may_transfer", has_transfer, value::boolean) || has_transfer,
        // Last, so that the other keys are read even if there is no handler.
        handler: handler?,
    })
}

impl RouteConfig {
    /// How many of its messages a worker with this configuration has at its handler at once; none: as many as come. By default
    /// a look-up has as many as its database has connections, since a message that waits for one loses its time; another slow
    /// handler leaves a quarter of the permits to other routes, if there are any.
    pub fn at_once(&self, config: &Config) -> Option<usize> {
        let (permits, routes) = (config.worker.concurrency, config.routes.len());
        let default = match &self.handler {
            HandlerConfig::Sql(sql) => {
                config.databases.get(&sql.database).map(|database| database.pool as usize)
            }
            handler if handler.timeout().is_some() && routes > 1 => Some((permits - permits / 4).max(1)),
            _ => None,
        };
        self.at_once.or(default)
    }
}

/// `true`: WeChat's own; `false`: none; a text.
fn ai_label(node: &Node) -> Result<AiLabel, Mistake> {
    match node.typed().value {
        Value::Boolean(true) => Ok(AiLabel::WeChat),
        Value::Boolean(false) => Ok(AiLabel::None),
        _ => value::text(node).map(AiLabel::Text).map_err(|mistake| {
            mistake.hint("write `true` for WeChat's own line, a text for another, or `false` for none")
        }),
    }
}

impl RouteConfig {
    /// The doubt about a route whose answers may come too late for the messages that it takes: they are then held until the
    /// user writes.
    fn is_too_slow(&self, rights: &Rights) -> Option<(String, Mistake)> {
        let event = self.condition.event.as_deref().map(str::to_ascii_lowercase);
        let is_event = self.condition.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("event"));
        let window = match event.as_deref() {
            Some("click" | "scancode_push" | "scancode_waitmsg") => rights.click.window,
            Some("scan") => rights.scan.window,
            Some("subscribe") => rights.subscribe.window,
            None if is_event => rights.click.window,
            _ => return None,
        };
        let timeout = self.handler.timeout().filter(|timeout| *timeout + LAST_CALL >= window)?;
        let (key, shown) = (format!("{}.timeout", self.handler.key()), humantime::format_duration);
        let mistake = Mistake::new(format!(
            "is {}, but WeChat allows replies to these messages for {}: a later one waits until the user writes again",
            shown(timeout),
            shown(window)
        ));
        Some((key, mistake.hint(format!("make it shorter, like {}", shown(window * 3 / 4)))))
    }
}

fn memory_name(node: &Node) -> Result<String, Mistake> {
    let name = value::text(node)?;
    match name.chars().count() {
        1..=64 => Ok(name),
        _ => Err(Mistake::new("must have 1 to 64 characters")),
    }
}

fn unsure(node: &Node) -> Result<Unsure, Mistake> {
    let text = value::text(node)?;
    let all = [Unsure::Resend, Unsure::Hold, Unsure::Drop];
    all.into_iter().find(|unsure| unsure.as_str() == text).ok_or_else(|| {
        Mistake::new(format!("is unknown: `{text}`")).hint("write \"resend\", \"hold\" or \"drop\"")
    })
}

/// `notice` and `notice_after`, which has a default; `notice_after` alone would tell nothing.
fn notice(section: &mut Section<'_>) -> Option<(Duration, String)> {
    let text = section.text("notice");
    let alone = text.is_none() && section.has("notice_after");
    if alone && !section.has("notice") {
        let mistake =
            Mistake::new("is given without `notice`").hint("add the text, like notice = \"请稍候\"");
        section.mistake("notice_after", None, mistake);
    }
    let range = Duration::from_millis(10)..=HOUR;
    let after = section.hidden("notice_after", |node| value::duration(node, NOTICE_AFTER, &range));
    let notice = (after.unwrap_or(NOTICE_AFTER), text?);
    section.show("notice_after", &notice.0);
    Some(notice)
}

fn tables(node: &Node) -> Result<Vec<Node>, Mistake> {
    match &node.value {
        Value::Array(items) => Ok(items.clone()),
        Value::Table(table) => Err(Mistake::new("must be a list of tables").hint(brackets(table))),
        _ => Err(value::wrong_type("a list of tables", node).hint("begin each route with `[[route]]`")),
    }
}

/// How a route begins, for somebody who wrote `[route]`, or `[route.lookup]` as accounts have it.
fn brackets(table: &NodeTable) -> String {
    let mut routes = table.iter().filter(|(key, _)| !TABLES.contains(&key.as_str()));
    match routes.next() {
        Some((name, Node { value: Value::Table(_), .. })) => {
            format!("write `[[route]]` for `[route.{name}]`, and below it name = \"{name}\"")
        }
        _ => "write `[[route]]` for `[route]`: two pairs of brackets".to_owned(),
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
