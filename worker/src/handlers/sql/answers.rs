//! The replies to what a statement found.

use huixin_wechat::Message;
use serde_json::{Map, Value, json};

use super::cells::Row;
use super::found_rows::Found;
use crate::handler::{Context, Handler, Outcome};
use crate::handlers::reply::{ReplyHandler, ReplyHandlerError};

/// The replies for one row, for several and for none; each is a reply of the configuration's, with templates.
#[derive(Clone, Debug, Default)]
pub struct SqlAnswers {
    one: Option<ReplyHandler>,
    many: Option<ReplyHandler>,
    none: Option<ReplyHandler>,
}

impl SqlAnswers {
    /// Takes the replies in the schema of [`crate::reply`]:
    ///
    /// - `one` has the row's columns by their names, over the names that the message has, and all of them as `row`. It
    ///   answers the first row if there are several and no `many`.
    /// - `many` has the `rows`, their `count`, and whether there were `more` than could be read. Without `one` it answers a
    ///   single row too.
    /// - `none` has what the message has. Without it nothing is answered.
    ///
    /// # Errors
    /// When one of them can't be used.
    pub fn new(
        one: Option<&Value>,
        many: Option<&Value>,
        none: Option<&Value>,
    ) -> Result<Self, ReplyHandlerError> {
        let filled = |reply: Option<&Value>| reply.map(ReplyHandler::new).transpose();
        Ok(Self { one: filled(one)?, many: filled(many)?, none: filled(none)? })
    }

    pub(super) fn may_transfer(&self) -> bool {
        [&self.one, &self.many, &self.none].into_iter().flatten().any(Handler::may_transfer)
    }

    pub(super) fn outcome(&self, found: Found, message: &Message, context: &Context) -> Outcome {
        let Found { mut rows, more, .. } = found;
        let is_one = self.many.is_none() || (rows.len() == 1 && !more && self.one.is_some());
        let (answer, names) = match rows.len() {
            0 => (&self.none, Map::new()),
            _ if is_one => (&self.one, names_of_one(rows.swap_remove(0))),
            count => {
                let names = [("rows", json!(rows)), ("count", json!(count)), ("more", json!(more))];
                (&self.many, names.map(|(name, value)| (name.to_owned(), value)).into_iter().collect())
            }
        };
        match answer {
            Some(answer) => answer.outcome(message, context, &names),
            None => Outcome::NoReply,
        }
    }
}

fn names_of_one(row: Row) -> Map<String, Value> {
    let all = Value::Object(row.clone());
    let mut names = row;
    names.insert("row".to_owned(), all);
    names
}
