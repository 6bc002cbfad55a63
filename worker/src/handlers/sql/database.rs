//! A database and its connections.
//!
//! The pool is our own and not sqlx's for one reason: a statement that is cut short must not leave its server working.
//! So a connection has to know its number at the server and has to be ended, and it keeps its place in the pool until
//! then. sqlx's pool gives out bare connections, and waits for the rows of a cut statement when it takes a connection
//! back.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use huixin_wechat::Secret;
use parking_lot::Mutex;
use sqlx::ConnectOptions as _;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::{OpenConnection, Options};
use super::failure::LookUpFailure;
use super::statement::Dialect;

/// An idle connection is asked whether it is alive after this long: a server may have been restarted.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// How long a connection is used at most, so that a server can be moved.
const LIFETIME: Duration = Duration::from_secs(30 * 60);
/// The same for a file, which is often replaced by a new one of its name.
const LIFETIME_OF_A_FILE: Duration = Duration::from_secs(30);
/// How long SQLite waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// Where a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseLocation {
    /// A file.
    Sqlite(PathBuf),
    /// A MySQL or MariaDB server, by its URL.
    MySql(Secret),
    /// A PostgreSQL server, by its URL.
    Postgres(Secret),
}

/// A database and its open connections; clones are the same.
#[derive(Clone)]
pub struct Database(Arc<Pool>);

struct Pool {
    name: String,
    options: Options,
    writes: bool,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<IdleConnection>>,
    /// Rises when all connections that are open turn out to be useless.
    era: AtomicU64,
}

struct IdleConnection {
    connection: OpenConnection,
    opened_at: Instant,
    idle_since: Instant,
    /// The era in which it was opened.
    era: u64,
}

/// A URL that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("the url of database `{0}` can't be used; see docs/sql-handler.md for its parts")]
pub struct DatabaseError(String);

impl Database {
    /// A database with at most this many connections, none opened yet. Unless it `writes`, its statements
    /// are run read-only.
    ///
    /// # Errors
    /// When the URL has parts that its driver can't use.
    pub fn new(
        name: &str,
        place: &DatabaseLocation,
        connections: usize,
        writes: bool,
    ) -> Result<Self, DatabaseError> {
        // The driver's words could repeat the URL.
        let refused = |_| DatabaseError(name.to_owned());
        let options = match place {
            DatabaseLocation::Sqlite(path) => {
                let options = SqliteConnectOptions::new().filename(path).read_only(!writes);
                let options = options.create_if_missing(false).busy_timeout(BUSY_TIMEOUT);
                Options::Sqlite(options.disable_statement_logging())
            }
            DatabaseLocation::MySql(url) => {
                let options = MySqlConnectOptions::from_str(url.expose()).map_err(refused)?;
                // The session is as the server's operator made it: its time zone, its modes.
                let options = options.timezone(None).pipes_as_concat(false).no_engine_substitution(false);
                Options::MySql(options.disable_statement_logging())
            }
            DatabaseLocation::Postgres(url) => {
                let options = PgConnectOptions::from_str(url.expose()).map_err(refused)?;
                Options::Postgres(options.disable_statement_logging())
            }
        };
        let (name, places) = (name.to_owned(), Arc::new(Semaphore::new(connections.max(1))));
        let pool = Pool { name, options, writes, places, idle: Mutex::default(), era: AtomicU64::new(0) };
        Ok(Self(Arc::new(pool)))
    }

    /// Its name in the configuration.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whose SQL it takes.
    pub fn dialect(&self) -> Dialect {
        match &self.0.options {
            Options::Sqlite(_) => Dialect::Sqlite,
            Options::MySql(_) => Dialect::MySql,
            Options::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Connects to it, if no connection is open.
    ///
    /// # Errors
    /// When that can't be done.
    pub async fn check(&self) -> Result<(), LookUpFailure> {
        self.connection().await?.give_back();
        Ok(())
    }

    /// A connection, as soon as one is free. Dropping the future leaves nothing behind.
    pub(super) async fn connection(&self) -> Result<PooledConnection, LookUpFailure> {
        let shared = Arc::clone(&self.0);
        let place = Arc::clone(&shared.places).acquire_owned().await;
        let place = place.expect("nobody closes the semaphore");
        let Some(idle) = shared.idle() else { return Self::opened(shared, place).await };
        let mut taken = PooledConnection { shared, held: Some((idle, place)) };
        if taken.is_fresh() || taken.get().is_alive().await {
            return Ok(taken);
        }
        // A dead connection needs no end, and the others that were open then are dead too.
        let place = taken.held.take().map(|(_, place)| place).expect("nothing has taken it yet");
        taken.shared.begin_anew();
        Self::opened(Arc::clone(&taken.shared), place).await
    }

    async fn opened(
        shared: Arc<Pool>,
        place: OwnedSemaphorePermit,
    ) -> Result<PooledConnection, LookUpFailure> {
        let era = shared.era.load(Ordering::Relaxed);
        let connection = OpenConnection::open(&shared.options, shared.writes).await?;
        let now = Instant::now();
        let held = Some((IdleConnection { connection, opened_at: now, idle_since: now, era }, place));
        Ok(PooledConnection { shared, held })
    }
}

impl Pool {
    fn idle(&self) -> Option<IdleConnection> {
        let lifetime = match self.options {
            Options::Sqlite(_) => LIFETIME_OF_A_FILE,
            _ => LIFETIME,
        };
        let mut idle = self.idle.lock();
        idle.retain(|idle| idle.opened_at.elapsed() < lifetime);
        idle.pop()
    }

    /// No connection that is open now is used again: an idle one ends at once, another when it is given back.
    fn begin_anew(&self) {
        let mut idle = self.idle.lock();
        self.era.fetch_add(1, Ordering::Relaxed);
        idle.clear();
    }
}

/// A connection in use. One that is dropped while something runs on it is ended, and its place is free only then.
pub(super) struct PooledConnection {
    shared: Arc<Pool>,
    held: Option<(IdleConnection, OwnedSemaphorePermit)>,
}

impl PooledConnection {
    pub(super) fn get(&mut self) -> &mut OpenConnection {
        let (idle, _) = self.held.as_mut().expect("only giving back takes it, which is the end of this");
        &mut idle.connection
    }

    /// Gives it back for others. The rows of its last statement must have been read to their end.
    pub(super) fn give_back(mut self) {
        if let Some((idle, _place)) = self.held.take() {
            let given = IdleConnection { idle_since: Instant::now(), ..idle };
            let mut idle = self.shared.idle.lock();
            if given.era == self.shared.era.load(Ordering::Relaxed) {
                idle.push(given);
            }
        }
    }

    /// Closes it without a word to the server.
    pub(super) fn discard(mut self) {
        self.held = None;
    }

    /// Closes this one and all that are open, so that the next attempt gets a new one.
    pub(super) fn discard_all(self) {
        self.shared.begin_anew();
        self.discard();
    }

    fn is_fresh(&self) -> bool {
        self.held.as_ref().is_some_and(|(idle, _)| idle.idle_since.elapsed() < TRUSTED_FOR)
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        // Without a runtime the process is ending, and its connections with it.
        if let (Some((idle, place)), Ok(runtime)) = (self.held.take(), Handle::try_current()) {
            let shared = Arc::clone(&self.shared);
            runtime.spawn(async move {
                idle.connection.end(&shared.options).await;
                drop(place);
            });
        }
    }
}

impl fmt::Debug for Database {
    /// Without the options, which hold the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("name", &self.0.name)
            .field("writes", &self.0.writes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_in_use_when_all_are_given_up_is_not_used_again() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let database =
            Database::new("shop", &DatabaseLocation::Sqlite(file.path().to_owned()), 2, false).unwrap();
        let idle = || database.0.idle.lock().len();
        let (met_it, in_use) = (database.connection().await.unwrap(), database.connection().await.unwrap());
        met_it.discard_all();
        in_use.give_back();
        assert_eq!(idle(), 0, "it is as useless as the other");
        database.connection().await.unwrap().give_back();
        assert_eq!(idle(), 1);
    }
}
