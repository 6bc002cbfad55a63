//! Dead letters by their cause.
//!
//! There may be a hundred thousand of them. Those that died last say what goes wrong now, so only these are looked through, and many who
//! watch cost one look.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use huixin_queue::{DeadFilter, Queue, QueueError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::cause::DeathCause;
use super::view::{end_us, rfc3339};

/// How many letters are looked through.
const SCANNED_MAX: usize = 1_000;
/// Letters that one call reads.
const PAGE: u64 = 100;
/// How many causes are named.
const CAUSES_MAX: usize = 100;
/// How long one look is shown.
pub(super) const CAUSES_FOR: Duration = Duration::from_secs(3);

/// Whose dead letters are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CausesQuery {
    /// Only of this account.
    #[param(pattern = "^[!-.0-~]{1,64}$", nullable = false)]
    pub(super) account: Option<String>,
}

/// What messages died of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) struct DeathCauses {
    /// How many letters were looked through: the youngest, at most 1,000.
    pub(super) scanned: u64,
    /// How many there are.
    pub(super) total: u64,
    /// At most 100 causes of these, the most frequent first.
    pub(super) causes: Vec<CauseView>,
}

/// What messages died of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) struct CauseView {
    /// Their reasons, without numbers and ids.
    pub(super) cause: String,
    /// A name for programs: `refused` (by WeChat), `workers_died`, `held_too_long`, `too_many_held`, `user_gone`, `no_right`,
    /// `perhaps_duplicate`, `no_call_back`, `push_unreadable`, `unsure`, `service_slow`, `service_away`, `service_answer`,
    /// `service_failed`, `bug`, `no_api`, `damaged` or `other`.
    pub(super) kind: String,
    /// WeChat's code, if it refused.
    pub(super) code: Option<i64>,
    /// How many.
    pub(super) count: u64,
    /// When the youngest died.
    #[schema(format = DateTime)]
    pub(super) newest_at: String,
    /// When the oldest of these died.
    #[schema(format = DateTime)]
    pub(super) oldest_at: String,
    /// How many of each account.
    pub(super) accounts: BTreeMap<String, u64>,
    /// What a person can do.
    pub(super) remedy: String,
    /// The youngest of them.
    pub(super) example_id: String,
}

/// The letters that were looked through.
#[derive(Clone, Debug)]
pub(super) struct ScannedLetters {
    total: u64,
    letters: Vec<ScannedLetter>,
}

#[derive(Clone, Debug)]
struct ScannedLetter {
    id: String,
    account: String,
    died_us: u64,
    cause: DeathCause,
}

impl ScannedLetters {
    /// Looks through the youngest.
    pub(super) async fn read(queue: &dyn Queue) -> Result<Self, QueueError> {
        let (mut scanned, mut after) = (Self { total: 0, letters: Vec::new() }, None);
        loop {
            let page = queue.dead(&DeadFilter::default(), after.as_ref(), PAGE).await?;
            scanned.total = page.total;
            scanned.letters.extend(page.letters.into_iter().map(|letter| ScannedLetter {
                id: letter.id.to_string(),
                account: letter.class.to_string(),
                died_us: end_us(letter.died_us, letter.arrived_us),
                cause: DeathCause::of(&letter.reason),
            }));
            after = page.next;
            if after.is_none() || scanned.letters.len() >= SCANNED_MAX {
                return Ok(scanned);
            }
        }
    }

    /// What those of an account, or all, died of.
    pub(super) fn causes(&self, account: Option<&str>) -> DeathCauses {
        let mut by_cause: BTreeMap<&DeathCause, Vec<&ScannedLetter>> = BTreeMap::new();
        for letter in self.letters.iter().filter(|letter| account.is_none_or(|name| letter.account == name)) {
            by_cause.entry(&letter.cause).or_default().push(letter);
        }
        let mut causes: Vec<_> =
            by_cause.into_iter().filter_map(|(cause, all)| CauseView::of(cause, &all)).collect();
        causes.sort_by_key(|cause| Reverse(cause.count));
        causes.truncate(CAUSES_MAX);
        DeathCauses { scanned: self.letters.len() as u64, total: self.total, causes }
    }
}

impl CauseView {
    /// Of letters in their order, the youngest first.
    fn of(cause: &DeathCause, letters: &[&ScannedLetter]) -> Option<Self> {
        let (newest, oldest) = (letters.first()?, letters.last()?);
        let mut accounts = BTreeMap::new();
        for letter in letters {
            *accounts.entry(letter.account.clone()).or_default() += 1;
        }
        Some(Self {
            cause: cause.text.clone(),
            kind: cause.kind.to_owned(),
            code: cause.code,
            count: letters.len() as u64,
            newest_at: rfc3339(newest.died_us),
            oldest_at: rfc3339(oldest.died_us),
            accounts,
            remedy: cause.remedy.to_owned(),
            example_id: newest.id.clone(),
        })
    }
}
