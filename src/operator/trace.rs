//! What became of messages: the journal, with what is still open and what was refused at the door beside it.

use std::ops::RangeInclusive;

use std::time::{Duration, Instant};

use anyhow::Context as _;
use huixin_queue::{JournalFilter, JournalRecord, Queue};
use huixin_worker::Note;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use utoipa::{IntoParams, ToSchema};

use super::request::{check_limit, check_moment, class_of, lane_of, user_alone, within};
use super::view::{LaneView, end_us, rfc3339};
use crate::refused::{RefusedCount, refused};
use crate::report::Failure;

/// The most messages that one call gives.
pub const TRACE_MAX: usize = 1_000;
/// More than WeChat uses.
const CODES: RangeInclusive<i64> = -1_000_000_000..=1_000_000_000;

/// How long one search may take.
const SEARCH_MAX: Duration = Duration::from_secs(5);
static SEARCHES: Semaphore = Semaphore::const_new(1);

/// Which messages are asked for: those that meet every condition given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TraceQuery {
    /// The message with this id: ours, or WeChat's `MsgId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(nullable = false)]
    pub id: Option<String>,
    /// Only of this account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(pattern = "^[!-.0-~]{1,64}$", nullable = false)]
    pub account: Option<String>,
    /// Only of this user, an OpenID of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(pattern = "^[!-~]{1,440}$", nullable = false)]
    pub user: Option<String>,
    /// Only those that came at this time or later, in Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(maximum = 253402300799999i64, nullable = false)]
    pub since_ms: Option<u64>,
    /// Only those that came before this time, in Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(maximum = 253402300799999i64, nullable = false)]
    pub until_ms: Option<u64>,
    /// Only with this end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(nullable = false)]
    pub end: Option<String>,
    /// Only those whose last refusal by WeChat had this code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(minimum = -1000000000, maximum = 1000000000, nullable = false)]
    pub code: Option<i64>,
    /// The most messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(maximum = 1000, default = 100, nullable = false)]
    pub limit: Option<usize>,
}

/// What is known of the messages that are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TraceView {
    /// Those that have ended, the youngest end first.
    pub ended: Vec<EndedMessage>,
    /// Whether there are more than were asked for, or the search took too long to reach the end.
    pub more: bool,
    /// The user's messages that aren't at their end, if a user is asked for and has any.
    pub open: Option<LaneView>,
    /// Pushes refused at the door in this time, by account, reason and hour.
    pub refused: Vec<RefusedCount>,
    /// When the oldest message of the journal ended: what is older isn't known any more.
    #[schema(format = DateTime)]
    pub journal_since: Option<String>,
}

/// How one message ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndedMessage {
    /// Its id.
    pub id: String,
    /// WeChat's `MsgId`; null for an event.
    pub msg_id: Option<String>,
    /// The account's name.
    pub account: String,
    /// The user's OpenID; empty if the push had none.
    pub user: String,
    /// Its type, or `event` and which; empty if no worker has read it.
    pub kind: String,
    /// The route that took it.
    pub route: Option<String>,
    /// `answered`, `answered_in_response`, `no_reply`, `unmatched` (no route was for it) or `dead`.
    pub end: String,
    /// What it died of.
    pub reason: Option<String>,
    /// When it came.
    #[schema(format = DateTime)]
    pub accepted_at: String,
    /// When it ended: by the clock of the queue, and not before it came.
    #[schema(format = DateTime)]
    pub ended_at: String,
    /// From its arrival to the start of its handler, in its last attempt.
    pub queueing_ms: Option<u64>,
    /// How long its handler ran, in its last attempt.
    pub handling_ms: Option<u64>,
    /// How long sending took, in its last attempt.
    pub sending_ms: Option<u64>,
    /// The number of its last attempt, from 1.
    pub attempts: u32,
    /// How many parts its answer had.
    pub parts: u32,
    /// What WeChat refused a call for it with last, in its last attempt.
    pub code: Option<i64>,
    /// The id by which WeChat finds that call.
    pub rid: Option<String>,
    /// The last worker that had it.
    pub worker: Option<String>,
}

/// Searches the journal.
pub(super) async fn trace(queue: &dyn Queue, asked: &TraceQuery) -> Result<TraceView, Failure> {
    let filter = asked.filter()?;
    let limit = asked.limit.unwrap_or(100).min(TRACE_MAX);
    let (mut ended, mut after) = (Vec::new(), None);
    // Each page is read between the messages of the others, so one search at a time.
    let _turn = SEARCHES.acquire().await.context("the semaphore is never closed")?;
    let began = Instant::now();
    let more = 'pages: loop {
        let page = queue.journal(&filter, after.as_ref(), usize::MAX).await?;
        let came_then = |record: &&JournalRecord| asked.is_of_time(record.arrived_us / 1_000);
        let messages = page.records.iter().filter(came_then).map(EndedMessage::of);
        for message in messages.filter(|message| asked.matches(message)) {
            if ended.len() >= limit {
                break 'pages true;
            }
            ended.push(message);
        }
        after = page.next;
        if after.is_none() || began.elapsed() >= SEARCH_MAX {
            break after.is_some();
        }
    };
    let open = match &filter.lane {
        Some(lane) => queue.lane(lane).await?.as_ref().map(LaneView::of),
        None => None,
    };
    let mut refused = refused(queue, asked.since_ms.unwrap_or(0), asked.until_ms.unwrap_or(u64::MAX)).await?;
    refused.retain(|count| {
        asked.account.as_ref().is_none_or(|name| count.account.is_empty() || count.account == *name)
    });
    if asked.id.is_some() {
        refused.clear();
    }
    // Takes nothing away.
    let size = queue.trim_journal(u64::MAX, Duration::MAX).await?;
    Ok(TraceView { ended, more, open, refused, journal_since: size.oldest_ms.map(|ms| rfc3339(ms * 1_000)) })
}

impl TraceQuery {
    fn filter(&self) -> Result<JournalFilter, Failure> {
        let class = self.account.as_deref().map(class_of).transpose()?;
        let lane = match (&self.account, &self.user) {
            (Some(account), Some(user)) => Some(lane_of(account, user)?),
            (None, Some(_)) => return Err(user_alone()),
            (_, None) => None,
        };
        check_moment("since_ms", self.since_ms)?;
        check_moment("until_ms", self.until_ms)?;
        check_limit(self.limit.map(|limit| limit as u64))?;
        within("code", self.code, &CODES)?;
        // What came later has ended later.
        Ok(JournalFilter { class, lane, since_ms: self.since_ms, ..JournalFilter::default() })
    }

    fn is_of_time(&self, arrived_ms: u64) -> bool {
        self.since_ms.is_none_or(|since_ms| arrived_ms >= since_ms)
            && self.until_ms.is_none_or(|until_ms| arrived_ms < until_ms)
    }

    fn matches(&self, message: &EndedMessage) -> bool {
        let is_it = |id: &String| message.id == *id || message.msg_id.as_ref() == Some(id);
        self.id.as_ref().is_none_or(is_it)
            && self.end.as_ref().is_none_or(|end| message.end == *end)
            && self.code.is_none_or(|code| message.code == Some(code))
    }
}

impl EndedMessage {
    fn of(record: &JournalRecord) -> Self {
        // A note of a later version may have fields that can't be read: the record says the rest.
        let note: Note = serde_json::from_slice(&record.note).unwrap_or_default();
        let user = record.lane.as_str().strip_prefix(record.class.as_str());
        let user = user.and_then(|user| user.strip_prefix('/')).unwrap_or_default();
        let end = match (&record.dies_of, note.end.as_str()) {
            (Some(_), _) => "dead",
            // The queue itself ended it, with the last part of its answer. A version before this one left no note.
            (None, "" | "held" | "offered") => "answered_in_response",
            (None, end) => end,
        };
        Self {
            id: record.id.to_string(),
            account: record.class.to_string(),
            user: user.to_owned(),
            end: end.to_owned(),
            reason: record.dies_of.clone(),
            accepted_at: rfc3339(record.arrived_us),
            ended_at: rfc3339(end_us(record.ended_ms.saturating_mul(1_000), record.arrived_us)),
            attempts: note.attempts.max(record.failures.saturating_add(record.losses)),
            msg_id: note.msg_id,
            kind: note.kind,
            route: note.route,
            queueing_ms: note.queueing_ms,
            handling_ms: note.handling_ms,
            sending_ms: note.sending_ms,
            parts: note.parts.max(record.sent),
            code: note.code,
            rid: note.rid,
            worker: Some(note.worker).filter(|worker| !worker.is_empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use huixin_queue::{Class, Lane, MessageId};

    use super::*;

    #[test]
    fn a_message_is_not_shown_to_have_ended_before_it_came_when_the_clocks_differ() {
        let record = JournalRecord {
            id: MessageId::new("m1").unwrap(),
            lane: Lane::new("main/oUser1").unwrap(),
            class: Class::new("main").unwrap(),
            arrived_us: 1_002_900,
            ended_ms: 1_001,
            dies_of: None,
            failures: 0,
            losses: 0,
            sent: 0,
            note: bytes::Bytes::new(),
        };
        let shown = EndedMessage::of(&record);
        assert_eq!(
            (shown.accepted_at, shown.ended_at.as_str()),
            (rfc3339(1_002_900), "1970-01-01T00:00:01.002Z")
        );
    }
}
