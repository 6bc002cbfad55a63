//! Retrying or dropping all dead letters that match: a slice in each call.
//!
//! A hundred thousand letters take minutes, in which the queue has messages to serve. So each call looks through some, for a moment at
//! most, and says where the next goes on; the caller shows how far it is, and may stop. Letters that die in the meantime are younger than
//! that place: what is retried and dies again isn't retried without end.

use std::time::{Duration, Instant};

use huixin_queue::{DEAD_SCAN_MAX, Queue};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::cause::DeathCause;
use super::change::{self, AdminCaller};
use super::request::{LetterQuery, Pausable};
use super::view::position;
use crate::report::Failure;

/// Letters that one call looks through at most.
const SLICE_MAX: u64 = 1_000;
/// How long one call goes on with the next page.
const SLICE_FOR: Duration = Duration::from_millis(500);

/// Which dead letters are meant: those that meet every condition given, or all.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MatchingLetters {
    /// Only of this account.
    #[schema(pattern = "^[!-.0-~]{1,64}$")]
    account: Option<String>,
    /// Only of this user, an OpenID of the account.
    #[schema(pattern = "^[!-~]{1,440}$")]
    user: Option<String>,
    /// Only those whose reason contains this text.
    reason: Option<String>,
    /// Only those with this cause, as `/v1/dead/causes` names it.
    cause: Option<String>,
    /// Behind which letter to go on: `next` of the call before.
    #[schema(pattern = "^[0-9]{1,19}-[!-~]{1,128}$")]
    after: Option<String>,
}

/// What one call has done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) struct MatchingDone {
    /// To how many letters.
    done: u64,
    /// How many were looked through.
    looked_at: u64,
    /// What to give as `after` in the next call; null at the end.
    next: Option<String>,
}

/// What is done to dead letters.
#[derive(Clone, Copy, Debug)]
pub(super) enum LetterAction {
    Retry,
    Drop,
}

/// One slice.
pub(super) async fn act(
    queue: &dyn Queue,
    caller: &AdminCaller,
    action: LetterAction,
    asked: MatchingLetters,
) -> Result<MatchingDone, Failure> {
    let MatchingLetters { account, user, reason, cause, after } = asked;
    let goes_on = after.is_some();
    let query = LetterQuery { account, user, reason, after, ..LetterQuery::default() };
    let (filter, mut after, began) = (query.filter()?, query.cursor()?, Instant::now());
    let mut slice = MatchingDone { done: 0, looked_at: 0, next: None };
    loop {
        let page = queue.dead(&filter, after.as_ref(), DEAD_SCAN_MAX).await?;
        slice.looked_at += if page.next.is_some() { DEAD_SCAN_MAX } else { page.letters.len() as u64 };
        let is_meant =
            |reason: &str| cause.as_ref().is_none_or(|cause| DeathCause::of(reason).text == *cause);
        let meant = page.letters.into_iter().filter(|letter| is_meant(&letter.reason));
        let ids: Vec<_> = meant.map(|letter| letter.id).collect();
        // A letter that is gone by now was somebody else's doing.
        let each = match action {
            _ if ids.is_empty() => Vec::new(),
            LetterAction::Retry => queue.revive(&ids).await?,
            LetterAction::Drop => queue.drop_dead(&ids).await?,
        };
        slice.done += each.iter().filter(|done| **done).count() as u64;
        after = page.next;
        if after.is_none() || slice.looked_at >= SLICE_MAX || began.elapsed() >= SLICE_FOR {
            break;
        }
    }
    slice.next = after.as_ref().map(position);
    if slice.done > 0 {
        let whose = Pausable { account: query.account, user: query.user };
        let what = if matches!(action, LetterAction::Retry) { "retry" } else { "drop" };
        change::note_slice(queue, caller, what, &whose, slice.done, goes_on).await;
    }
    Ok(slice)
}
