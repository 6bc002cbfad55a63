//! `sql = { database = "…", query = "…" }`: a look-up in a database.

use std::collections::BTreeMap;
use std::time::Duration;

use huixin_worker::handlers::sql::{
    Dialect, MAX_ROWS_DEFAULT, Statement, TIMEOUT_DEFAULT, is_given, known_parameters,
};
use serde_json::Value as Json;

use crate::config::database::{self, DatabaseConfig, DatabaseUrl};
use crate::config::node::Node;
use crate::config::problem::{Mistake, nearest};
use crate::config::reply;
use crate::config::route::names::{Added, CaptureNames, TemplateNames};
use crate::config::section::Section;
use crate::config::value;

/// A look-up.
#[derive(Clone, Debug)]
pub struct SqlConfig {
    /// The name of the database; always one that is configured.
    pub database: String,
    /// The statement, with parameters like `:code`.
    pub query: String,
    /// How long the whole look-up may take.
    pub timeout: Duration,
    /// How many rows are read.
    pub max_rows: u32,
    /// The reply to one row, as of the `reply` handler.
    pub one: Option<Json>,
    /// The reply to several rows.
    pub many: Option<Json>,
    /// The reply to none.
    pub none: Option<Json>,
}

/// What the reply to several rows has beside the message.
const MANY: [&str; 3] = ["rows", "count", "more"];
const QUERY: &str = "write it like \"SELECT place FROM stations WHERE code = :code\"";

/// Reads the table of a route whose text pattern has these captures.
pub(super) fn read(
    mut section: Section<'_>,
    databases: &BTreeMap<String, DatabaseConfig>,
    captures: &CaptureNames,
) -> Option<SqlConfig> {
    let answers = section.has("one") || section.has("many");
    section.require("database", "name a table `[database.NAME]`");
    section.require("query", QUERY);
    let database = section.parsed("database", |node| database::known(node, databases));
    // For a receiver, and after a mistake, it isn't known whose SQL it is.
    let url = database.as_ref().and_then(|name| databases[name].url.as_ref());
    let query = section.parsed("query", |node| query(node, url.map(DatabaseUrl::dialect), captures));
    let minutes = Duration::from_secs(60);
    let timeout = section.duration("timeout", TIMEOUT_DEFAULT, Duration::from_millis(10)..=10 * minutes);
    let max_rows = section.number("max_rows", MAX_ROWS_DEFAULT, 1..=1000);
    let mut reply = |key, added| {
        let names = TemplateNames { captures, added };
        let folder = section.reader.folder;
        section.parsed(key, |node| reply::read(node, folder, names))
    };
    let (one, many) = (reply("one", Added::Columns), reply("many", Added::Only(&MANY)));
    let none = reply("none", Added::Only(&[]));
    if !answers && section.origin.is_some() {
        let mistake = Mistake::new("is missing: it is the answer when a row is found");
        section.mistake("one", None, mistake.hint("write a template: one = \"{{ place }}\""));
    }
    Some(SqlConfig { database: database?, query: query?, timeout, max_rows, one, many, none })
}

fn query(node: &Node, dialect: Option<Dialect>, captures: &CaptureNames) -> Result<String, Mistake> {
    let text = value::text(node)?;
    let Some(dialect) = dialect else { return Ok(text) };
    let statement = Statement::parse(&text, dialect)
        .map_err(|error| Mistake::new(format!("can't be used: {error}")).hint(QUERY))?;
    for name in statement.binds() {
        let is_captured = captures.may_have(name);
        if captures.names().any(|captured| captured == name) && is_given(name) {
            let mistake = format!("has `:{name}`, which is both a capture and a field of every message");
            return Err(Mistake::new(mistake).hint("give the group of the pattern another name"));
        }
        if !is_captured && !known_parameters().any(|known| known == name) {
            let mut names: Vec<&str> = captures.names().collect();
            for known in known_parameters() {
                names.push(known);
            }
            let hint = nearest(name, names, 0.6).map_or_else(
                || format!("name a group of the pattern: match = {{ text = '(?<{name}>…)' }}"),
                |near| format!("did you mean `:{near}`?"),
            );
            return Err(Mistake::new(format!("has `:{name}`, which is not defined")).hint(hint));
        }
    }
    Ok(text)
}
