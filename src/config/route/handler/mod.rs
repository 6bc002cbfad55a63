//! What answers a route's messages: exactly one of the handlers; each has a file here for its table.

mod chat;
mod http;
mod sql;

use std::collections::BTreeMap;
use std::time::Duration;

use huixin_worker::handlers::ChatSettings;
use serde_json::Value as Json;

use super::super::database::DatabaseConfig;
use super::super::problem::Mistake;
use super::super::reply;
use super::super::section::Section;
use super::names::{Added, CaptureNames, TemplateNames};

pub use http::HttpConfig;
pub use sql::SqlConfig;

/// What answers a message.
#[derive(Clone, Debug)]
pub enum HandlerConfig {
    /// A fixed reply, which keeps to the schema of [`huixin_worker::reply`]; its texts and addresses are templates.
    Reply(Json),
    /// A service that is called.
    Http(HttpConfig),
    /// A look-up in a database.
    Sql(SqlConfig),
    /// A language model.
    Chat(Box<ChatSettings>),
}

const KEYS: [&str; 4] = ["reply", "http", "sql", "chat"];
const LATER: [&str; 1] = ["command"];

impl HandlerConfig {
    /// Reads the one that a route has, whose patterns have these captures.
    pub(super) fn read(
        route: &mut Section<'_>,
        captures: &CaptureNames,
        databases: &BTreeMap<String, DatabaseConfig>,
    ) -> Option<Self> {
        let given = KEYS.into_iter().filter(|key| route.has(key)).count();
        let later = LATER.into_iter().any(|key| route.has(key));
        let wrong = match given {
            0 if !later => Some("has no handler"),
            0 | 1 => None,
            _ => Some("has more than one handler"),
        };
        if let Some(wrong) = wrong {
            let (last, others) = KEYS.split_last().expect("there are handlers");
            let others = others.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
            let hint = format!("give it exactly one of {others} or `{last}`");
            route.mistake("", None, Mistake::new(wrong).hint(hint));
        }
        route.expects(&KEYS);
        let (folder, check_template) = (route.reader.folder, route.reader.check_template);
        let names = TemplateNames { captures, added: Added::Only(&[]) };
        let reply =
            route.parsed("reply", |node| reply::read(node, folder, check_template, names)).map(Self::Reply);
        let http = if route.has("http") { http::read(route.section("http")).map(Self::Http) } else { None };
        let sql = if route.has("sql") {
            sql::read(route.section("sql"), databases, captures).map(Self::Sql)
        } else {
            None
        };
        let chat = if route.has("chat") { chat::read(route.section("chat"), names) } else { None };
        route.unavailable(&LATER, "");
        reply.or(http).or(sql).or(chat.map(|chat| Self::Chat(Box::new(chat))))
    }

    /// How long one attempt may take at most, by its `timeout`.
    pub fn timeout(&self) -> Option<Duration> {
        match self {
            Self::Reply(_) => None,
            Self::Http(http) => Some(http.timeout),
            Self::Sql(sql) => Some(sql.timeout),
            Self::Chat(settings) => Some(settings.timeout),
        }
    }

    /// Whether it may keep a message for long.
    pub fn is_slow(&self) -> bool {
        !matches!(self, Self::Reply(_))
    }

    /// Whether a language model writes its texts: unless the route says otherwise they are Markdown, and labelled.
    pub(super) fn is_model(&self) -> bool {
        matches!(self, Self::Chat(_))
    }

    /// Its key in a route.
    pub(crate) fn key(&self) -> &'static str {
        match self {
            Self::Reply(_) => "reply",
            Self::Http(_) => "http",
            Self::Sql(_) => "sql",
            Self::Chat(_) => "chat",
        }
    }
}
