//! `[database.<name>]`: the databases that `sql` routes ask.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use huixin_wechat::Secret;
use huixin_worker::handlers::sql::{DatabaseLocation, Dialect};

use super::mask::{MaskedUrl, masked};
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A MySQL or MariaDB server.
    MySql(MaskedUrl),
    /// A PostgreSQL server.
    Postgres(MaskedUrl),
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
    named::tables(&mut section, "database").into_iter().map(|(name, below)| (name, read(below))).collect()
}

fn read(mut section: Section<'_>) -> DatabaseConfig {
    let folder = section.reader.folder;
    let url = if section.reader.role.needs_app_secret() {
        if !secrets::is_given(&section, "url") {
            section.mistake("url", None, secrets::missing(&section, "url", true));
        }
        secrets::read_as(&mut section, "url", |text| DatabaseUrl::parse(&text, folder))
    } else {
        secrets::ignore(&mut section, "url")
    };
    DatabaseConfig {
        url,
        pool: section.number("pool", POOL, 1..=1000),
        writes: section.parsed_or("writes", false, value::boolean),
    }
}

/// The name of a database that is configured.
pub(super) fn known(node: &Node, databases: &BTreeMap<String, DatabaseConfig>) -> Result<String, Mistake> {
    let name = value::text(node)?;
    if databases.contains_key(&name) {
        return Ok(name);
    }
    Err(Mistake::unknown("database", &name, databases.keys().map(String::as_str)))
}

impl DatabaseUrl {
    /// The text isn't repeated in mistakes: it may hold a password.
    fn parse(text: &str, folder: &std::path::Path) -> Result<Self, Mistake> {
        if let Some(path) = value::sqlite_path(text, folder, "shop.db")? {
            return Ok(Self::Sqlite(path));
        }
        let url = value::whole_url(text, "the URL of a database", FORMS)?;
        match url.scheme() {
            "mysql" | "mariadb" => Ok(Self::MySql(MaskedUrl(url))),
            "postgres" | "postgresql" => Ok(Self::Postgres(MaskedUrl(url))),
            scheme => Err(value::unknown_scheme(text, scheme, FORMS)),
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
            Self::MySql(url) => DatabaseLocation::MySql(Secret::from(url.0.as_str())),
            Self::Postgres(url) => DatabaseLocation::Postgres(Secret::from(url.0.as_str())),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::MySql(url) | Self::Postgres(url) => f.write_str(masked(&url.0).as_str()),
        }
    }
}
