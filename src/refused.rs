//! How many pushes were refused at the door, by account, reason and hour: the journal has no record of what never came in.
//!
//! Each receiver adds up what it refuses, and stores its sums now and then among the queue's shared values, under a name of its own.
//! So no two receivers write the same value, and the sum over all names is the count. A receiver that is killed loses its last
//! seconds.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use huixin_queue::{QueueError, Shared};
use serde::{Deserialize, Serialize};

use crate::operator::rfc3339;

/// How long a count is kept: as long as the journal by default.
const KEEP_FOR: Duration = Duration::from_secs(7 * 86_400);
const FOLDER: &str = "refused/";

/// Refused pushes of one hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RefusedCount {
    /// The beginning of the hour.
    #[schema(format = DateTime)]
    pub hour: String,
    /// The account in the path; empty if it isn't configured, or the path isn't ours.
    pub account: String,
    /// Why: the label of the metric `huixin_receiver_refused_total`.
    pub reason: String,
    /// How many.
    pub count: u64,
}

/// What one receiver has refused, by hour, account and reason.
#[derive(Debug)]
pub(crate) struct RefusedSums {
    receiver: String,
    hours: BTreeMap<u64, Sums>,
}

#[derive(Debug, Default)]
struct Sums {
    counts: BTreeMap<String, u64>,
    is_stored: bool,
}

impl Default for RefusedSums {
    fn default() -> Self {
        Self { receiver: format!("{:016x}", rand::random::<u64>()), hours: BTreeMap::new() }
    }
}

impl RefusedSums {
    /// One more. Accounts are configured ones and reasons few, so it is small.
    pub(crate) fn add(&mut self, account: &str, reason: &str) {
        let sums = self.hours.entry(this_hour()).or_default();
        *sums.counts.entry(format!("{account} {reason}")).or_default() += 1;
        sums.is_stored = false;
    }

    /// What is to be stored: names and values.
    pub(crate) fn due(&mut self) -> Vec<(String, Vec<u8>)> {
        let this_hour = this_hour();
        let receiver = &self.receiver;
        let due = self.hours.iter_mut().filter(|(_, sums)| !sums.is_stored).map(|(hour, sums)| {
            sums.is_stored = true;
            let value = serde_json::to_vec(&sums.counts).unwrap_or_default();
            (format!("{FOLDER}{hour}-{receiver}"), value)
        });
        let due = due.collect();
        self.hours.retain(|hour, _| *hour + 1 >= this_hour);
        due
    }

    /// What was due could not be stored.
    pub(crate) fn failed(&mut self) {
        self.hours.values_mut().for_each(|sums| sums.is_stored = false);
    }
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

/// What all receivers have refused in these hours since 1970.
pub(crate) async fn refused(
    shared: &(impl Shared + ?Sized),
    hours: RangeInclusive<u64>,
) -> Result<Vec<RefusedCount>, QueueError> {
    let mut sums: BTreeMap<(u64, String), u64> = BTreeMap::new();
    for (name, value) in shared.values(FOLDER).await? {
        let hour = name.strip_prefix(FOLDER).and_then(|name| name.split_once('-')?.0.parse().ok());
        let Some(hour) = hour.filter(|hour| hours.contains(hour)) else { continue };
        let counts: BTreeMap<String, u64> = serde_json::from_slice(&value).unwrap_or_default();
        for (what, count) in counts {
            *sums.entry((hour, what)).or_default() += count;
        }
    }
    let counts = sums.into_iter().rev().map(|((hour, what), count)| {
        let (account, reason) = what.split_once(' ').unwrap_or_default();
        let hour = rfc3339(hour.saturating_mul(3_600_000_000));
        RefusedCount { hour, account: account.to_owned(), reason: reason.to_owned(), count }
    });
    Ok(counts.collect())
}

fn this_hour() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / 3_600
}
