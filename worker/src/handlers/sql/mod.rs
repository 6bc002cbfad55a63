//! A look-up in the user's own database: a statement, values that are bound to it, and templates of what it finds.
//!
//! What a user typed gets into a statement in one way only: as a value that the driver sends beside it. There is no
//! second way that a configuration could choose by mistake, so no text of a user can become SQL. Statements are the
//! operator's, prepared once for each connection, and run read-only unless the database is opened for writing.
//!
//! Every step is bounded: the wait for a connection, connecting and the statement together by the timeout, the rows
//! by number and by size, the connections by the database's pool. A statement that is cut short loses its connection,
//! and the server is asked to end it: see [`Database`].
//!
//! sqlx's three drivers are used themselves and not its `Any`, which has no decimals, no dates and no JSON. The rows
//! become JSON, and templates use it as everywhere: [`cells`] says how.

mod answers;
mod cells;
mod connection;
mod database;
mod failure;
mod found_rows;
mod parameters;
mod statement;
#[cfg(test)]
mod tests;
mod value_text;

use std::time::Duration;

use async_trait::async_trait;
use huixin_wechat::Message;
use serde_json::json;

use crate::handler::{Context, Handler, Outcome};
use crate::witness::WatchedCall;

pub use answers::SqlAnswers;
pub use database::{Database, DatabaseError, DatabaseLocation};
pub use failure::LookUpFailure;
pub use parameters::{is_given, known as known_parameters};
pub use statement::{Dialect, Statement, StatementError};

/// How long a look-up may take unless the route says otherwise.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);
/// How many rows are read unless the route says otherwise.
pub const MAX_ROWS_DEFAULT: u32 = 50;

/// Answers with what a statement finds.
#[derive(Debug)]
pub struct SqlHandler {
    /// Where it asks.
    pub database: Database,
    /// What it asks, in the dialect of the database.
    pub statement: Statement,
    /// How long the whole look-up may take.
    pub timeout: Duration,
    /// How many rows are read; more are left with the database.
    pub max_rows: usize,
    /// What is answered.
    pub answers: SqlAnswers,
}

impl SqlHandler {
    /// Prepares the statement on the database without running it.
    ///
    /// # Errors
    /// When the database can't be reached or doesn't take the statement.
    pub async fn check(&self) -> Result<(), LookUpFailure> {
        let checked = async {
            let mut connection = self.database.connection().await?;
            let prepared = connection.get().prepare(&self.statement).await;
            connection.discard();
            prepared
        };
        self.in_time(checked).await
    }

    async fn in_time<T>(
        &self,
        looked_up: impl Future<Output = Result<T, LookUpFailure>>,
    ) -> Result<T, LookUpFailure> {
        let too_slow = || {
            let (name, timeout) = (self.database.name(), self.timeout);
            LookUpFailure::passing(format!("the database `{name}` did not answer within {timeout:?}"))
        };
        tokio::time::timeout(self.timeout, looked_up).await.unwrap_or_else(|_| Err(too_slow()))
    }

    async fn look_up(
        &self,
        message: &Message,
        context: &Context,
    ) -> Result<found_rows::Found, LookUpFailure> {
        let values = parameters::values(self.statement.binds(), message, context);
        let mut connection = self.database.connection().await?;
        let found = connection.get().found(&self.statement, values, self.max_rows).await;
        match &found {
            Ok(found) if !found.more => connection.give_back(),
            Err(trouble) if trouble.is_of_the_connections => connection.discard_all(),
            // The statement has ended, or ends when nobody takes its rows.
            _ => connection.discard(),
        }
        found
    }
}

#[async_trait]
impl Handler for SqlHandler {
    async fn handle(&self, message: &Message, context: &Context) -> Outcome {
        let call = WatchedCall::begin("SQL", self.database.name(), || {
            let values = parameters::values(self.statement.binds(), message, context);
            json!({ "query": **self.statement.sql(), "names": self.statement.binds(), "values": values })
                .to_string()
        });
        let found = self.in_time(self.look_up(message, context)).await;
        match (call, &found) {
            (Some(call), Ok(found)) => call.answered(None, json!(found.rows).to_string()),
            (Some(call), Err(failure)) => call.failed(failure.reason.clone()),
            (None, _) => {}
        }
        match found {
            Ok(found) => self.answers.outcome(found, message, context),
            Err(LookUpFailure { passes: true, reason, .. }) => Outcome::Retry { after: None, reason },
            Err(LookUpFailure { passes: false, reason, .. }) => Outcome::Fail { reason },
        }
    }

    fn takes_at_most(&self) -> Option<Duration> {
        Some(self.timeout)
    }

    fn may_transfer(&self) -> bool {
        self.answers.may_transfer()
    }
}
