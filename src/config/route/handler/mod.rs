//! What answers a route's messages: exactly one of the handlers; each has a file here for its table.

mod chat;
mod http;
mod sql;

use std::collections::BTreeMap;
use std::time::Duration;

use huixin_worker::handlers::ChatSettings;
use huixin_worker::reply::has_transfer;
use serde_json::Value as Json;

use super::super::database::DatabaseConfig;
use super::super::problem::Mistake;
use super::super::reply;
use super::super::section::Section;
use super::names::{Added, CaptureNames, TemplateNames};

pub use http::HttpConfig;
pub use sql::SqlConfig;

/// What answers a message.
#[derive(Clone, Debug, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
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
const LATER: &str = "command";

impl HandlerConfig {
    /// Reads the handler of a route whose patterns have these captures.
    pub(super) fn read(
        route: &mut Section<'_>,
        captures: &CaptureNames,
        databases: &BTreeMap<String, DatabaseConfig>,
    ) -> Option<Self> {
        let given = KEYS.into_iter().filter(|key| route.has(key)).count();
        let wrong = match given {
            0 if !route.has(LATER) => Some("has no handler"),
            0 | 1 => None,
            _ => Some("has more than one handler"),
        };
        if let Some(wrong) = wrong {
            let hint = "give it exactly one of `reply`, `http`, `sql` or `chat`";
            route.mistake("", None, Mistake::new(wrong).hint(hint));
        }
        route.expects(&KEYS);
        let folder = route.reader.folder;
        let names = TemplateNames { captures, added: Added::Only(&[]) };
        let reply = route.parsed("reply", |node| reply::read(node, folder, names)).map(Self::Reply);
        let mut table = |key| route.has(key).then(|| route.section(key));
        let http = table("http").and_then(http::read).map(Self::Http);
        let sql = table("sql").and_then(|sql| sql::read(sql, databases, captures)).map(Self::Sql);
        let chat = table("chat").and_then(|chat| chat::read(chat, names));
        route.unavailable(LATER);
        reply.or(http).or(sql).or(chat.map(|chat| Self::Chat(Box::new(chat))))
    }

    /// How long one attempt may take at most, by its `timeout`; none: it takes no time.
    pub fn timeout(&self) -> Option<Duration> {
        match self {
            Self::Reply(_) => None,
            Self::Http(http) => Some(http.timeout),
            Self::Sql(sql) => Some(sql.timeout),
            Self::Chat(settings) => Some(settings.timeout),
        }
    }

    /// Whether one of its fixed replies hands the user over to a person.
    pub(super) fn has_transfer(&self) -> bool {
        self.fixed_replies().into_iter().any(|(_, reply)| has_transfer(reply))
    }

    /// The replies that the configuration fixes, with their keys in a route; what is a text by its kind isn't here.
    pub(super) fn fixed_replies(&self) -> Vec<(&'static str, &Json)> {
        match self {
            Self::Reply(reply) => vec![("reply", reply)],
            Self::Sql(SqlConfig { one, many, none, .. }) => {
                let replies = [("sql.one", one), ("sql.many", many), ("sql.none", none)];
                replies.into_iter().filter_map(|(key, reply)| Some((key, reply.as_ref()?))).collect()
            }
            Self::Http(_) | Self::Chat(_) => Vec::new(),
        }
    }

    /// Its key in a route.
    pub(crate) fn key(&self) -> &'static str {
        self.into()
    }
}
