//! `[database.<name>]`: the databases that `sql` routes ask.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use huixin_wechat::Secret;
use huixin_worker::handlers::sql::{DatabaseLocation, Dialect};
use url::Url;

use super::mask::masked;
use super::node::Node;
use super::problem::Mistake;
use super::section::Section;
use super::shown::shown;
use super::{named, secrets, value};

/// One database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseConfig {
    /// Where it is; none for a receiver, which asks no database.
    pub url: Option<DatabaseUrl>,
    /// How many connections one worker has to it at most.
    pub pool: u32,
    /// Whether statements may write.
    pub writes: bool,
}

/// Where a database is. Prints without the password.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A MySQL or MariaDB server.
    MySql(Url),
    /// A PostgreSQL server.
    Postgres(Url),
}

shown! {
    DatabaseUrl: |url| url.to_string();
}

const POOL: u32 = 8;
const FORMS: &str = "write \"mysql://USER:PASSWORD@HOST/NAME\", \"postgres://…\" or \"sqlite:shop.db\"";

pub(super) fn read_all(root: &mut Section<'_>) -> BTreeMap<String, DatabaseConfig> {
    if !root.has("database") {
        return BTreeMap::new();
    }
    let mut section = root.section("database");
    let mut databases = BTreeMap::new();
    for (name, origin, table) in named::tables(&mut section, "database") {
        let path = format!("database.{name}");
        let below = section.below(path, "database".to_owned(), Some(origin), table);
        databases.insert(name, read(below));
    }
    section.finish();
    databases
}

fn read(mut section: Section<'_>) -> DatabaseConfig {
    let folder = section.reader.folder;
    let is_given = section.has("url") || section.has("url_file");
    let url = if section.reader.role.needs_app_secret() {
        if !is_given {
            section.mistake("url", None, secrets::missing(&section, "url", Some("url_file")));
        }
        let parse = |text: String| DatabaseUrl::parse(&text, folder);
        secrets::read_as(&mut section, "url", "url_file", parse)
    } else {
        secrets::ignore(&mut section, "url", "url_file");
        None
    };
    let pool = section.number("pool", POOL, 1..=1000);
    let writes = section.parsed_or("writes", false, value::boolean);
    section.finish();
    DatabaseConfig { url, pool, writes }
}

/// The name of a database that is configured.
pub(super) fn known(node: &Node, databases: &BTreeMap<String, DatabaseConfig>) -> Result<String, Mistake> {
    let name = value::text(node)?;
    if databases.contains_key(&name) {
        return Ok(name);
    }
    let names = databases.keys().map(String::as_str).collect::<Vec<_>>();
    let hint = match super::problem::nearest(&name, names.iter().copied(), 0.5) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => format!("begin it with `[database.{name}]`"),
        None => format!("known databases: {}", names.join(", ")),
    };
    Err(Mistake::new(format!("names the unknown database `{name}`")).hint(hint))
}

impl DatabaseUrl {
    /// The text isn't repeated in mistakes: it may hold a password.
    fn parse(text: &str, folder: &std::path::Path) -> Result<Self, Mistake> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path {
                "" => Err(Mistake::new("names no file").hint("write it like \"sqlite:shop.db\"")),
                path => Ok(Self::Sqlite(folder.join(path))),
            };
        }
        let url = value::whole_url(text, "the URL of a database", FORMS)?;
        match url.scheme() {
            "mysql" | "mariadb" => Ok(Self::MySql(url)),
            "postgres" | "postgresql" => Ok(Self::Postgres(url)),
            scheme if text.contains("://") => {
                Err(Mistake::new(format!("has the unknown scheme `{scheme}`")).hint(FORMS))
            }
            // What stands before the colon may be a user, or a part of a password.
            _ => Err(Mistake::new("has no scheme").hint(FORMS)),
        }
    }

    /// Whose SQL is spoken there.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::MySql(_) => Dialect::MySql,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// The same for the worker.
    pub fn place(&self) -> DatabaseLocation {
        match self {
            Self::Sqlite(path) => DatabaseLocation::Sqlite(path.clone()),
            Self::MySql(url) => DatabaseLocation::MySql(Secret::from(url.as_str())),
            Self::Postgres(url) => DatabaseLocation::Postgres(Secret::from(url.as_str())),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::MySql(url) | Self::Postgres(url) => f.write_str(masked(url).as_str()),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
