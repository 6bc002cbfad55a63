//! Who changed what in the queue, and when.
//!
//! Each change leaves a line in the log of the process that makes it, and an entry among the queue's shared values. Logs are spread
//! over machines; the entries are in one place, for a page that shows them. There are few changes, so only the last hundred are kept,
//! and each entry is a value of its own: two changes at once can't overwrite each other. An OpenID is shortened in both, so that
//! nothing of a user stays here who is forgotten.

use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use huixin_queue::{Queue, QueueError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::request::Pausable;
use super::view::rfc3339;
use crate::one_line::one_line;

const CHANGES: &str = "changes/";
/// What was read is kept beside: who only reads can't push changes out.
const READS: &str = "reads/";
/// A text was read.
const READ: &str = "read";
/// How long a call may go on with what the one before has begun.
const GOES_ON_US: u64 = 600_000_000;
/// How many are kept.
const KEPT_MAX: usize = 100;
/// And for how long.
const KEEP_FOR: Duration = Duration::from_secs(30 * 86_400);

/// Who asks for a change.
#[derive(Clone, Debug)]
pub enum AdminCaller {
    /// Somebody who has shown a token with the request.
    Token {
        /// Whether it isn't the one that only reads.
        may_change: bool,
    },
    /// Somebody who has logged in with a token.
    Session {
        /// Whether it wasn't the one that only reads.
        may_change: bool,
    },
    /// Somebody at this address, where no token is asked for.
    Peer(Option<IpAddr>),
    /// A command that has opened the queue itself.
    CommandLine,
}

/// The last changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Changes {
    /// At most 100 changes and 100 reads of the last 30 days, the youngest first.
    pub changes: Vec<Change>,
}

/// A change that somebody made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// Who: `token`, `token session` (a login), the same with `read` before it, an address if no token is configured, or `command
    /// line` with the user and the machine.
    pub who: String,
    /// `retry`, `drop`, `pause`, `resume` or `forget`; or `read`: the text of a dead letter was shown.
    pub what: String,
    /// The account; null for dead letters, and for everything.
    pub account: Option<String>,
    /// The end of the user's OpenID; null unless one user was meant.
    pub user: Option<String>,
    /// How many messages or dead letters; null for a pause and its end.
    pub count: Option<u64>,
}

/// Notes a change, once it is made: trouble with the note doesn't undo it.
pub(super) async fn note(
    queue: &dyn Queue,
    caller: &AdminCaller,
    what: &str,
    whose: &Pausable,
    count: Option<u64>,
) {
    let change = Change::now(caller, what, whose, count);
    change.log();
    stored(store(queue, &change).await);
}

/// Notes a part of a change that is made by many calls: one that goes on with another is counted with that.
pub(super) async fn note_slice(
    queue: &dyn Queue,
    caller: &AdminCaller,
    what: &str,
    whose: &Pausable,
    count: u64,
    goes_on: bool,
) {
    let change = Change::now(caller, what, whose, Some(count));
    change.log();
    stored(match goes_on {
        true => add(queue, &change).await,
        false => store(queue, &change).await,
    });
}

/// Notes that the text of a user's message was shown.
pub(super) async fn note_read(queue: &dyn Queue, caller: &AdminCaller, whose: &Pausable) {
    note(queue, caller, READ, whose, None).await;
}

/// The last changes.
pub(super) async fn last(queue: &dyn Queue) -> Result<Changes, QueueError> {
    let mut changes = known(queue, CHANGES).await?;
    changes.extend(known(queue, READS).await?);
    changes.sort_by(|(_, a), (_, b)| b.at.cmp(&a.at));
    Ok(Changes { changes: changes.into_iter().map(|(_, change)| change).collect() })
}

/// The names and contents of a folder, the youngest first.
async fn known(queue: &dyn Queue, folder: &str) -> Result<Vec<(String, Change)>, QueueError> {
    let mut values = queue.values(folder).await?;
    values.sort_by(|(a, _), (b, _)| b.cmp(a));
    // What a newer version wrote, it can read.
    let changes =
        values.into_iter().filter_map(|(name, value)| Some((name, serde_json::from_slice(&value).ok()?)));
    Ok(changes.take(KEPT_MAX).collect())
}

async fn store(queue: &dyn Queue, change: &Change) -> Result<(), QueueError> {
    let folder = if change.what == READ { READS } else { CHANGES };
    // Names in the order of time; two at the same moment differ.
    let name = format!("{folder}{:020}-{:08x}", now_us(), rand::random::<u32>());
    put(queue, &name, change).await?;
    let mut values = queue.values(folder).await?;
    values.sort_by(|(a, _), (b, _)| b.cmp(a));
    for (name, _) in values.iter().skip(KEPT_MAX) {
        queue.set(name, Bytes::new(), KEEP_FOR).await?;
    }
    Ok(())
}

/// Counts it with the last of its kind, if that was a moment ago.
async fn add(queue: &dyn Queue, change: &Change) -> Result<(), QueueError> {
    let begun = rfc3339(now_us().saturating_sub(GOES_ON_US));
    let is_same = |last: &Change| {
        let of = |change: &Change| {
            (change.who.clone(), change.what.clone(), change.account.clone(), change.user.clone())
        };
        last.at > begun && of(last) == of(change)
    };
    match known(queue, CHANGES).await?.into_iter().find(|(_, last)| is_same(last)) {
        Some((name, last)) => {
            let count = last.count.unwrap_or_default() + change.count.unwrap_or_default();
            put(queue, &name, &Change { count: Some(count), ..last }).await
        }
        None => store(queue, change).await,
    }
}

async fn put(queue: &dyn Queue, name: &str, change: &Change) -> Result<(), QueueError> {
    let value = serde_json::to_vec(change).expect("it has only texts and a number");
    queue.set(name, Bytes::from(value), KEEP_FOR).await
}

fn stored(result: Result<(), QueueError>) {
    if let Err(error) = result {
        tracing::warn!(error = one_line(&error), "the change is made, and can't be noted in the queue");
    }
}

fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or_default()
}

impl Change {
    fn now(caller: &AdminCaller, what: &str, whose: &Pausable, count: Option<u64>) -> Self {
        Self {
            at: rfc3339(now_us()),
            who: caller.to_string(),
            what: what.to_owned(),
            account: whose.account.clone(),
            user: whose.user.as_deref().map(end_of),
            count,
        }
    }

    fn log(&self) {
        tracing::info!(
            who = self.who,
            what = self.what,
            account = self.account.as_deref().unwrap_or_default(),
            user = self.user.as_deref().unwrap_or_default(),
            self.count,
            "an operator has changed the queue"
        );
    }
}

/// Enough of an OpenID to tell users apart, and too little to be one.
fn end_of(user: &str) -> String {
    let end: Vec<char> = user.chars().rev().take(4).collect();
    format!("…{}", end.into_iter().rev().collect::<String>())
}

impl AdminCaller {
    /// Whether more than reading is allowed.
    pub(super) fn may_change(&self) -> bool {
        !matches!(self, Self::Token { may_change: false } | Self::Session { may_change: false })
    }
}

impl fmt::Display for AdminCaller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token { may_change: true } => f.write_str("token"),
            Self::Token { may_change: false } => f.write_str("read token"),
            Self::Session { may_change: true } => f.write_str("token session"),
            Self::Session { may_change: false } => f.write_str("read token session"),
            Self::Peer(Some(address)) => address.fmt(f),
            Self::Peer(None) => f.write_str("unknown"),
            Self::CommandLine => {
                let name = |variable| std::env::var(variable).ok();
                let user = name("USER").or_else(|| name("LOGNAME")).or_else(|| name("USERNAME"));
                let user = user.unwrap_or_else(|| "unknown user".to_owned());
                write!(f, "command line ({user} at {})", gethostname::gethostname().to_string_lossy())
            }
        }
    }
}
