//! One connection, of any of the three drivers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::TryStreamExt as _;
use sqlx::encode::Encode;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{
    AssertSqlSafe, Connection as _, Database, Executor, IntoArguments, MySql, MySqlConnection, PgConnection,
    Postgres, SqlSafeStr as _, SqlStr, Sqlite, SqliteConnection, Type,
};

use super::cells::Cells;
use super::failure::{LookUpFailure, Stage};
use super::found_rows::Found;
use super::statement::Statement;

/// After how many steps SQLite checks whether to stop: some microseconds.
const SQLITE_STEPS: i32 = 1000;
/// How long telling a server to end a statement may take.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// How to connect.
pub(super) enum Options {
    Sqlite(SqliteConnectOptions),
    MySql(MySqlConnectOptions),
    Postgres(PgConnectOptions),
}

/// A connection and what is needed to end what it does.
pub(super) enum OpenConnection {
    Sqlite { connection: SqliteConnection, end: Arc<AtomicBool> },
    MySql { connection: MySqlConnection, id: u64 },
    Postgres { connection: PgConnection, id: i32 },
}

impl OpenConnection {
    pub(super) async fn open(options: &Options, writes: bool) -> Result<Self, LookUpFailure> {
        let opened = async {
            Ok(match options {
                Options::Sqlite(options) => {
                    let mut connection = SqliteConnection::connect_with(options).await?;
                    let end = Arc::new(AtomicBool::new(false));
                    let goes_on = Arc::clone(&end);
                    let goes_on = move || !goes_on.load(Ordering::Relaxed);
                    connection.lock_handle().await?.set_progress_handler(SQLITE_STEPS, goes_on);
                    Self::Sqlite { connection, end }
                }
                Options::MySql(options) => {
                    let mut connection = MySqlConnection::connect_with(options).await?;
                    if !writes {
                        connection.execute("SET SESSION TRANSACTION READ ONLY").await?;
                    }
                    let id = sqlx::query_scalar("SELECT CONNECTION_ID()").fetch_one(&mut connection).await?;
                    Self::MySql { connection, id }
                }
                Options::Postgres(options) => {
                    let mut connection = PgConnection::connect_with(options).await?;
                    if !writes {
                        connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY").await?;
                    }
                    let id = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut connection).await?;
                    Self::Postgres { connection, id }
                }
            })
        };
        opened.await.map_err(|error| LookUpFailure::of(Stage::Connecting, &error))
    }

    /// Whether the other end is still there.
    pub(super) async fn is_alive(&mut self) -> bool {
        let answer = match self {
            Self::Sqlite { .. } => Ok(()),
            Self::MySql { connection, .. } => connection.ping().await,
            Self::Postgres { connection, .. } => connection.ping().await,
        };
        answer.is_ok()
    }

    /// Prepares the statement, unless that is done already.
    pub(super) async fn prepare(&mut self, statement: &Statement) -> Result<(), LookUpFailure> {
        let sql = sql(statement);
        let prepared = match self {
            Self::Sqlite { connection, .. } => connection.prepare(sql).await.map(|_| ()),
            Self::MySql { connection, .. } => connection.prepare(sql).await.map(|_| ()),
            Self::Postgres { connection, .. } => {
                // As they will be bound.
                let types = vec![<String as Type<Postgres>>::type_info(); statement.binds().len()];
                connection.prepare_with(sql, &types).await.map(|_| ())
            }
        };
        prepared.map_err(|error| LookUpFailure::of(Stage::Preparing, &error))
    }

    /// Runs the statement, and reads `most` rows, or fewer if there are no more.
    pub(super) async fn found(
        &mut self,
        statement: &Statement,
        values: Vec<Option<String>>,
        most: usize,
    ) -> Result<Found, LookUpFailure> {
        // Prepared separately, so that errors of the statement don't look like errors of the values.
        self.prepare(statement).await?;
        match self {
            Self::Sqlite { connection, .. } => rows::<Sqlite>(connection, statement, values, most).await,
            Self::MySql { connection, .. } => rows::<MySql>(connection, statement, values, most).await,
            Self::Postgres { connection, .. } => rows::<Postgres>(connection, statement, values, most).await,
        }
    }

    /// Closes it and ends what the server may still be doing for it.
    pub(super) async fn end(self, options: &Options) {
        let ended = async {
            match (self, options) {
                // Its thread stops at its next look.
                (Self::Sqlite { connection, end }, _) => {
                    end.store(true, Ordering::Relaxed);
                    connection.close().await
                }
                (Self::MySql { connection, id }, Options::MySql(options)) => {
                    drop(connection);
                    let mut other = MySqlConnection::connect_with(options).await?;
                    // An unknown id is that of a connection that has ended by itself.
                    let _ = other.execute(AssertSqlSafe(format!("KILL {id}"))).await;
                    other.close().await
                }
                (Self::Postgres { connection, id }, Options::Postgres(options)) => {
                    drop(connection);
                    let mut other = PgConnection::connect_with(options).await?;
                    sqlx::query("SELECT pg_terminate_backend($1)").bind(id).execute(&mut other).await?;
                    other.close().await
                }
                // A connection is made of its own database's options.
                _ => Ok(()),
            }
        };
        match tokio::time::timeout(END_TIMEOUT, ended).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let trouble = LookUpFailure::of(Stage::Connecting, &error);
                tracing::debug!(%trouble, "a cancelled statement may still run in its database");
            }
            Err(_) => tracing::debug!("a cancelled statement may still run in its database"),
        }
    }
}

/// The text of a statement is the operator's: nothing of a user's is ever put into it.
fn sql(statement: &Statement) -> SqlStr {
    AssertSqlSafe(Arc::clone(statement.sql())).into_sql_str()
}

async fn rows<DB>(
    connection: &mut DB::Connection,
    statement: &Statement,
    values: Vec<Option<String>>,
    most: usize,
) -> Result<Found, LookUpFailure>
where
    DB: Database,
    DB::Row: Cells,
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    Option<String>: for<'q> Encode<'q, DB> + Type<DB>,
{
    let mut query = sqlx::query::<DB>(sql(statement));
    for value in values {
        query = query.bind(value);
    }
    let mut found = Found::default();
    let mut stream = query.fetch(connection);
    while let Some(row) =
        stream.try_next().await.map_err(|error| LookUpFailure::of(Stage::Running, &error))?
    {
        if found.rows.len() == most {
            found.more = true;
            break;
        }
        found.push(row.read()?)?;
    }
    Ok(found)
}
