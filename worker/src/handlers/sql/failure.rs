//! What can go wrong, and whether it passes.
//!
//! Connections, deadlocks, a full or a stopping server pass; a statement that the database doesn't take does not. A
//! database's own words are repeated only while it prepares: by then it knows no value of a user's. What it says of a
//! running statement may quote one, so only its code is shown.
//!
//! Some faults are of the connection that was used: its server has become the read-only one of a pair, or what was
//! prepared on it is gone or no longer fits its tables. They pass, with a new connection; and since the other open
//! connections were made under the same conditions, they aren't used any more either
//! ([`LookUpFailure::is_of_the_connections`]).

use std::borrow::Cow;

use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;
use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;

/// A look-up that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct LookUpFailure {
    /// Whether another attempt may succeed.
    pub passes: bool,
    /// Why, without a value of a user's and without a password.
    pub reason: String,
    /// What to do about it, where that is known.
    pub hint: Option<&'static str>,
    /// Whether the connections that are open are no good any more: only new ones can do better.
    pub(super) is_of_the_connections: bool,
}

/// What was being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Connecting,
    Preparing,
    Running,
}

const LOOKS_LIKE_WRITING: &str = "it writes: set `writes = true` for the database if it may";
const CAST: &str = "all values are texts: write :id::int where the column is a number";
const READ_ONLY_SERVER: &str =
    "its server is read-only: check that the url leads to a server that accepts writes";
const CONNECT: &str = "check that the database runs and that its url is right";

impl LookUpFailure {
    /// One that passes.
    pub(super) fn passing(reason: impl Into<String>) -> Self {
        Self { passes: true, reason: reason.into(), hint: None, is_of_the_connections: false }
    }

    /// One that doesn't.
    pub(super) fn lasting(reason: impl Into<String>) -> Self {
        Self { passes: false, reason: reason.into(), hint: None, is_of_the_connections: false }
    }

    pub(super) fn of(stage: Stage, error: &sqlx::Error) -> Self {
        let text = match error {
            sqlx::Error::Database(error) => return Self::of_database(stage, error.as_ref()),
            sqlx::Error::Io(error) => error.to_string(),
            sqlx::Error::Tls(error) => format!("TLS: {error}"),
            sqlx::Error::WorkerCrashed => "its thread has ended".to_owned(),
            sqlx::Error::Protocol(_) => "its protocol is not what was expected".to_owned(),
            // The other errors are about what is asked, and their texts could hold parts of it.
            _ if stage == Stage::Connecting => "its url can't be used".to_owned(),
            _ => return Self::lasting("the statement can't be sent as it is"),
        };
        let hint = (stage == Stage::Connecting).then_some(CONNECT);
        Self { hint, ..Self::passing(format!("the database can't be reached: {text}")) }
    }

    fn of_database(stage: Stage, error: &dyn DatabaseError) -> Self {
        let fault = ErrorClass::of(error);
        let (message, code) = (error.message(), &fault.code);
        let reason = match stage {
            Stage::Connecting => format!("the database refuses the connection: {message} ({code})"),
            Stage::Preparing => format!("the database refuses the statement: {message} ({code})"),
            Stage::Running => format!("the statement failed with the database's error {code}"),
        };
        let hint = match stage {
            Stage::Connecting => Some(CONNECT),
            _ if fault.is_of_the_connections && fault.is_writing => Some(READ_ONLY_SERVER),
            _ if fault.is_writing => Some(LOOKS_LIKE_WRITING),
            _ if fault.is_of_types => Some(CAST),
            _ => None,
        };
        let passes = fault.passes || fault.is_of_the_connections || stage == Stage::Connecting;
        Self { passes, reason, hint, is_of_the_connections: fault.is_of_the_connections }
    }
}

/// What a database's code says.
#[derive(Debug, Default)]
struct ErrorClass {
    code: String,
    passes: bool,
    is_writing: bool,
    is_of_types: bool,
    is_of_the_connections: bool,
}

impl ErrorClass {
    fn of(error: &dyn DatabaseError) -> Self {
        let code = error.code().unwrap_or(Cow::Borrowed("without a code"));
        if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() {
            let number = error.number();
            Self {
                passes: MYSQL_PASSES.contains(&number) || code.starts_with("08") || code.starts_with("40"),
                is_writing: MYSQL_WRITES.contains(&number),
                is_of_the_connections: number == MYSQL_OPTION && error.message().contains("read-only"),
                code: number.to_string(),
                ..Self::default()
            }
        } else if error.try_downcast_ref::<SqliteError>().is_some() {
            // The upper bits say more of the same.
            let primary = code.parse::<i32>().map_or(0, |code| code & 0xff);
            Self {
                passes: SQLITE_PASSES.contains(&primary),
                is_writing: primary == SQLITE_READONLY,
                code: code.into_owned(),
                ..Self::default()
            }
        } else {
            let routine = error.try_downcast_ref::<PgDatabaseError>().and_then(PgDatabaseError::routine);
            let is_stale = code == POSTGRES_UNSUPPORTED
                && (error.message() == STALE_PLAN || routine == Some(STALE_PLAN_ROUTINE));
            Self {
                passes: POSTGRES_PASSES.iter().any(|class| code.starts_with(class)),
                is_writing: code == "25006",
                is_of_types: code == "42883",
                is_of_the_connections: is_stale || code == POSTGRES_NO_STATEMENT,
                code: code.into_owned(),
            }
        }
    }
}

/// Too many connections (1040, 1203), too much of them in an hour (1226), shutting down (1053), lock wait (1205), deadlock
/// (1213), cut by the server (1317, 1969, 3024).
const MYSQL_PASSES: [u16; 9] = [1040, 1053, 1203, 1205, 1213, 1226, 1317, 1969, 3024];
/// A read-only transaction; a read-only server.
const MYSQL_WRITES: [u16; 2] = [1792, MYSQL_OPTION];
/// The server runs with an option that forbids it. `--read-only` and `--super-read-only` come and go, as in a failover.
const MYSQL_OPTION: u16 = 1290;
/// Busy, locked, out of memory, interrupted, input and output, full, can't be opened, locking protocol.
const SQLITE_PASSES: [i32; 8] = [5, 6, 7, 9, 10, 13, 14, 15];
const SQLITE_READONLY: i32 = 8;
/// Connections, deadlocks, resources, an operator's intervention, a lock that isn't free.
const POSTGRES_PASSES: [&str; 5] = ["08", "40", "53", "57", "55P03"];
/// Much that PostgreSQL doesn't support. One case passes: the columns of a prepared statement have changed.
const POSTGRES_UNSUPPORTED: &str = "0A000";
const STALE_PLAN: &str = "cached plan must not change result type";
/// The routine of PostgreSQL that reports this, for servers that don't speak English.
const STALE_PLAN_ROUTINE: &str = "RevalidateCachedQuery";
/// The prepared statement is gone: as behind a pooler, or after `DISCARD ALL`.
const POSTGRES_NO_STATEMENT: &str = "26000";
