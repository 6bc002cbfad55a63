//! What workers share about an interface of an account in trouble: its pause with reason and end, and the suspect.
//!
//! Each interface has a value of its own: reading and writing it are two calls, so two workers that pause two interfaces at once
//! would lose one of the pauses in a common value.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use huixin_queue::{Queue, QueueError};
use huixin_wechat::Limit;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::stored_json::{self, unix_ms};

/// The names of all pauses begin with this.
const FOLDER: &str = "pause/";
/// The first pause after an error that a person must mend, and the longest.
const TROUBLE_FIRST: Duration = Duration::from_secs(60);
const TROUBLE_LONGEST: Duration = Duration::from_secs(15 * 60);
/// For how long after a pause the next error counts as the same trouble, and calls go one by one.
const REMEMBERED: Duration = Duration::from_secs(3600);
/// For how long a refusal that may be the account's waits for a second one.
const SUSPECT_FOR: Duration = Duration::from_secs(24 * 3600);
/// Beijing is eight hours ahead, all year.
const BEIJING: Duration = Duration::from_secs(8 * 3600);
const DAY: Duration = Duration::from_secs(86_400);
/// After midnight, so that clocks need not agree to the second.
const AFTER_MIDNIGHT: Duration = Duration::from_secs(60);

/// An interface of WeChat's API that can be paused alone.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Interface {
    /// Messages to users: without it nothing of the account is taken.
    Send,
    /// Media of replies.
    Upload,
    /// Access tokens: one that is still valid is used on.
    Token,
    /// "Is typing".
    Typing,
}

impl Interface {
    /// Its name in metrics and logs.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Why an interface of an account is paused, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountPause {
    /// WeChat's `errcode`.
    pub code: i64,
    /// What WeChat said; it names the address to white-list.
    pub reason: String,
    /// What a person can do; empty if there is nothing.
    pub remedy: String,
    /// When calls are tried again, in Unix milliseconds.
    pub until_ms: u64,
    /// How many times in a row.
    pub strikes: u32,
    /// Whether it is a limit: when it is over, everything goes on at once.
    pub ends_by_itself: bool,
}

/// What pauses an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PauseCause {
    /// A limit, which ends by itself.
    Limit(Limit),
    /// Something that a person must mend.
    Trouble,
}

/// What workers share of one interface of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceState {
    /// Set while the interface is paused, and afterwards until a call succeeds.
    pub pause: Option<AccountPause>,
    /// The last refusal that may have been the account's; `None` once a call has succeeded.
    #[serde(default)]
    pub(super) suspicion: Option<Suspicion>,
}

/// A refusal that may be the account's or its message's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Suspicion {
    pub(super) code: i64,
    pub(super) user: String,
    pub(super) at_ms: u64,
}

impl AccountPause {
    /// How long it still lasts; nothing once calls are tried again.
    pub fn remaining(&self) -> Duration {
        let until = SystemTime::UNIX_EPOCH + Duration::from_millis(self.until_ms);
        until.duration_since(SystemTime::now()).unwrap_or_default()
    }

    /// A limit ends with its time; trouble may still be there.
    fn keep_for(&self) -> Duration {
        self.remaining() + if self.ends_by_itself { Duration::ZERO } else { REMEMBERED }
    }
}

impl Suspicion {
    /// Whether a refusal of another user with the same code proves that it is the account.
    pub(super) fn is_proved_by(&self, other: &Self) -> bool {
        self.code == other.code && self.user != other.user
    }

    pub(super) fn age(&self) -> Duration {
        Duration::from_millis(unix_ms(SystemTime::now()).saturating_sub(self.at_ms))
    }
}

impl InterfaceState {
    /// Reads the trouble of one interface.
    ///
    /// # Errors
    /// When the queue can't be asked.
    pub async fn read(queue: &dyn Queue, account: &str, interface: Interface) -> Result<Self, QueueError> {
        let value = queue.get(&key(account, interface)).await?;
        // A newer version wrote it: it expires with its time to live.
        Ok(value.and_then(|value| serde_json::from_slice(&value).ok()).unwrap_or_default())
    }

    /// Reads the trouble of all accounts that have any, by one call.
    ///
    /// # Errors
    /// When the queue can't be asked.
    pub async fn read_all(queue: &dyn Queue) -> Result<BTreeMap<(String, Interface), Self>, QueueError> {
        let values = queue.values(FOLDER).await?.into_iter();
        let troubles = values.filter_map(|(name, value)| {
            let (interface, account) = name.strip_prefix(FOLDER)?.split_once('/')?;
            let interface = interface.parse().ok()?;
            Some(((account.to_owned(), interface), serde_json::from_slice(&value).ok()?))
        });
        Ok(troubles.collect())
    }

    /// Shares it with all workers.
    ///
    /// # Errors
    /// When the queue can't be asked.
    pub async fn share(
        &self,
        queue: &dyn Queue,
        account: &str,
        interface: Interface,
    ) -> Result<(), QueueError> {
        let suspect_for = self.suspicion.as_ref().map(|_| SUSPECT_FOR);
        let keep_for = self.pause.as_ref().map(AccountPause::keep_for).max(suspect_for);
        let (value, keep_for) = match keep_for {
            Some(keep_for) => (stored_json::write(self), keep_for),
            None => (bytes::Bytes::new(), Duration::from_secs(1)),
        };
        queue.set(&key(account, interface), value, keep_for).await
    }

    /// Whether the interface pauses now.
    pub(super) fn is_paused(&self) -> bool {
        self.pause.as_ref().is_some_and(|pause| !pause.remaining().is_zero())
    }

    /// Whether a call that passes ends it: a suspicion, or a pause whose time is over.
    pub(super) fn ends_with_success(&self) -> bool {
        self.suspicion.is_some() || self.pause.is_some() && !self.is_paused()
    }
}

fn key(account: &str, interface: Interface) -> String {
    format!("{FOLDER}{}/{account}", interface.as_str())
}

/// When a pause that begins now ends.
pub(super) fn until_ms(cause: PauseCause, strikes: u32, now: SystemTime) -> u64 {
    unix_ms(now + lasts(cause, strikes, now))
}

fn lasts(cause: PauseCause, strikes: u32, now: SystemTime) -> Duration {
    match cause {
        PauseCause::Limit(Limit::Minute) => Duration::from_secs(60),
        PauseCause::Limit(Limit::Long) => Duration::from_secs(3600),
        PauseCause::Limit(Limit::Day) => {
            let beijing = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default() + BEIJING;
            let into_the_day = Duration::from_secs(beijing.as_secs() % DAY.as_secs());
            DAY.saturating_sub(into_the_day) + AFTER_MIDNIGHT
        }
        PauseCause::Trouble => {
            let doubled = 2_u32.saturating_pow(strikes.saturating_sub(1).min(16));
            TROUBLE_FIRST.saturating_mul(doubled).min(TROUBLE_LONGEST)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix(secs: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(secs)
    }

    #[test]
    fn a_daily_limit_lasts_until_midnight_in_beijing() {
        // 2024-06-10 06:13:20 UTC, which is 14:13:20 in Beijing.
        let seconds = lasts(PauseCause::Limit(Limit::Day), 1, unix(1_718_000_000)).as_secs();
        assert_eq!(seconds, (24 * 3600 - (14 * 3600 + 13 * 60 + 20)) + 60);
        // 15:59:59 UTC is a second before midnight there.
        assert_eq!(lasts(PauseCause::Limit(Limit::Day), 1, unix(1_718_035_199)).as_secs(), 61);
    }

    #[test]
    fn trouble_that_stays_is_looked_at_less_often() {
        let minutes: Vec<_> =
            (1..=6).map(|strikes| lasts(PauseCause::Trouble, strikes, unix(0)).as_secs() / 60).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 15, 15]);
        assert_eq!(lasts(PauseCause::Trouble, u32::MAX, unix(0)), TROUBLE_LONGEST);
    }
}
