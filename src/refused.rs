//! How many pushes were refused at the door, by account, reason and hour: the journal has no record of what never came in.
//!
//! Each receiver adds up what it refuses, and stores its sums now and then among the queue's shared values, under a name of its own.
//! So no two receivers write the same value, and the sum over all names is the count. A receiver that is killed loses its last
//! seconds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use huixin_queue::{QueueError, Shared};
use serde::{Deserialize, Serialize};

use crate::operator::rfc3339;

/// How long a count is kept: as long as the journal by default.
const KEEP_FOR: Duration = Duration::from_secs(7 * 86_400);
const FOLDER: &str = "refused/";
const HOUR_MS: u64 = 3_600_000;
/// How many users are named of one account and reason in an hour.
const USERS_MAX: usize = 50;

/// Refused pushes of one hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RefusedCount {
    /// The account in the path; empty if it isn't configured, or the path isn't ours.
    pub account: String,
    /// Why: the label of the metric `huixin_receiver_refused_total`.
    pub reason: String,
    /// How many.
    pub count: u64,
    /// When the first was refused.
    #[schema(format = DateTime)]
    pub first_at: String,
    /// When the last was.
    #[schema(format = DateTime)]
    pub last_at: String,
    /// The last four characters of the OpenIDs that their queries name, at most 50 of each receiver. Nothing proves these.
    pub users: Vec<String>,
}

/// What one receiver has refused, by hour, account and reason.
#[derive(Debug)]
pub(crate) struct RefusedSums {
    receiver: String,
    hours: BTreeMap<u64, HourOfRefusals>,
}

#[derive(Debug, Default)]
struct HourOfRefusals {
    tallies: BTreeMap<String, RefusedTally>,
    is_stored: bool,
}

/// Refused pushes of one account for one reason.
#[derive(Debug, Default, Serialize, Deserialize)]
struct RefusedTally {
    count: u64,
    first_ms: u64,
    last_ms: u64,
    /// As logs show them: too little to know a person by.
    users: BTreeSet<String>,
}

impl Default for RefusedSums {
    fn default() -> Self {
        Self { receiver: format!("{:016x}", rand::random::<u64>()), hours: BTreeMap::new() }
    }
}

impl RefusedSums {
    /// One more, of this user as its query says. Accounts are configured ones and reasons few, so it is small.
    pub(crate) fn add(&mut self, account: &str, reason: &str, user: &str) {
        let now_ms = now_ms();
        let hour = self.hours.entry(now_ms / HOUR_MS).or_default();
        hour.is_stored = false;
        let tally = hour.tallies.entry(format!("{account} {reason}")).or_default();
        let first_ms = if tally.count == 0 { now_ms } else { tally.first_ms };
        (tally.count, tally.first_ms, tally.last_ms) = (tally.count + 1, first_ms, now_ms);
        if !user.is_empty() && tally.users.len() < USERS_MAX {
            tally.users.insert(shortened(user));
        }
    }

    /// What has to be stored: names and values.
    pub(crate) fn due(&mut self) -> Vec<(String, Vec<u8>)> {
        let receiver = &self.receiver;
        let due = self.hours.iter_mut().filter(|(_, hour)| !hour.is_stored).map(|(number, hour)| {
            hour.is_stored = true;
            let value = serde_json::to_vec(&hour.tallies).unwrap_or_default();
            (format!("{FOLDER}{number}-{receiver}"), value)
        });
        let due = due.collect();
        let this_hour = now_ms() / HOUR_MS;
        self.hours.retain(|hour, _| *hour + 1 >= this_hour);
        due
    }

    /// What was due could not be stored.
    pub(crate) fn failed(&mut self) {
        self.hours.values_mut().for_each(|hour| hour.is_stored = false);
    }
}

/// The last four characters of an OpenID, as logs show it.
pub(crate) fn shortened(user: &str) -> String {
    let mut end: Vec<char> = user.chars().rev().take(4).collect();
    end.reverse();
    end.into_iter().collect()
}

/// Stores sums that are due.
///
/// # Errors
/// When the queue doesn't take them.
pub(crate) async fn store(
    shared: &(impl Shared + ?Sized),
    due: Vec<(String, Vec<u8>)>,
) -> Result<(), QueueError> {
    for (name, value) in due {
        shared.set(&name, value.into(), KEEP_FOR).await?;
    }
    Ok(())
}

/// What all receivers have refused between two times, in Unix milliseconds, the youngest hour first.
pub(crate) async fn refused(
    shared: &(impl Shared + ?Sized),
    since_ms: u64,
    until_ms: u64,
) -> Result<Vec<RefusedCount>, QueueError> {
    let mut sums: BTreeMap<(u64, String), RefusedTally> = BTreeMap::new();
    for (name, value) in shared.values(FOLDER).await? {
        let hour = name.strip_prefix(FOLDER).and_then(|name| name.split_once('-')?.0.parse::<u64>().ok());
        let tallies: BTreeMap<String, RefusedTally> = serde_json::from_slice(&value).unwrap_or_default();
        for (what, tally) in tallies {
            if tally.last_ms < since_ms || tally.first_ms >= until_ms {
                continue;
            }
            let sum = sums.entry((hour.unwrap_or_default(), what)).or_default();
            let first_ms = if sum.count == 0 { tally.first_ms } else { sum.first_ms.min(tally.first_ms) };
            (sum.first_ms, sum.last_ms) = (first_ms, sum.last_ms.max(tally.last_ms));
            sum.count += tally.count;
            sum.users.extend(tally.users);
        }
    }
    let counts = sums.into_iter().rev().map(|((_, what), tally)| {
        let (account, reason) = what.split_once(' ').unwrap_or_default();
        RefusedCount {
            account: account.to_owned(),
            reason: reason.to_owned(),
            count: tally.count,
            first_at: rfc3339(tally.first_ms.saturating_mul(1_000)),
            last_at: rfc3339(tally.last_ms.saturating_mul(1_000)),
            users: tally.users.into_iter().collect(),
        }
    });
    Ok(counts.collect())
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
