//! Accounts that can't send for now: who is paused, why, until when, and how they come back.
//!
//! Some errors of WeChat concern the whole account: a limit is reached, a right or a setting is missing. Every further send
//! would fail in the same way, and some make it worse. So the worker that meets such an error pauses the account **for all
//! workers**, by a small value that they share in the queue; each looks at these values every second. A paused account's
//! messages stay in the queue, no attempt is used, and what was being handled is put off until the pause is over.
//!
//! **Coming back.** A limit says when it ends. A setting doesn't: after the pause, one send per second is let through for all
//! workers together, and the first that passes ends the trouble; one that fails begins a longer pause (1, 2, 4 … 15
//! minutes). So a thousand waiting messages don't all fail at once, and nobody has to restart anything.
//!
//! Rejected: pausing the account's class in the queue, which is the operator's own switch and has no end of its own;
//! leaving it to each worker, since the tenth would still run into a limit that the first has met.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use huixin_queue::{Queue, QueueError};
use huixin_wechat::Limit;
use serde::{Deserialize, Serialize};

use crate::metrics;

/// How often a worker looks whether accounts are paused or go on.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The first pause after an error that a person must mend, and the longest.
/// The names of all pauses begin with this.
const FOLDER: &str = "pause/";
const TROUBLE_FIRST: Duration = Duration::from_secs(60);
const TROUBLE_LONGEST: Duration = Duration::from_secs(15 * 60);
/// For how long after a pause the next error counts as the same trouble, and sends go one by one.
const REMEMBERED: Duration = Duration::from_secs(3600);
/// Beijing is eight hours ahead, all year.
const BEIJING: Duration = Duration::from_secs(8 * 3600);
const DAY: Duration = Duration::from_secs(86_400);
/// After midnight, so that clocks need not agree to the second.
const AFTER_MIDNIGHT: Duration = Duration::from_secs(60);

/// Why an account is paused, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountPause {
    /// WeChat's `errcode`.
    pub code: i64,
    /// What WeChat said; the address to white-list stands in it.
    pub reason: String,
    /// What a person can do; empty if there is nothing.
    pub remedy: String,
    /// When sends are tried again, in Unix milliseconds.
    pub until_ms: u64,
    /// How many times in a row.
    pub strikes: u32,
    /// Whether it is a limit, after which all goes on at once.
    pub ends_by_itself: bool,
}

impl AccountPause {
    /// Reads the pause of an account, also one that is over and whose account has not sent anything since.
    ///
    /// # Errors
    /// When the queue can't be asked.
    pub async fn read(queue: &dyn Queue, account: &str) -> Result<Option<Self>, QueueError> {
        let value = queue.get(&key(account)).await?;
        // One of a newer version: it is over by its time to live.
        Ok(value.and_then(|value| serde_json::from_slice(&value).ok()))
    }

    /// How long it still lasts; nothing once sends are tried again.
    pub fn remaining(&self) -> Duration {
        let until = SystemTime::UNIX_EPOCH + Duration::from_millis(self.until_ms);
        until.duration_since(SystemTime::now()).unwrap_or_default()
    }
}

/// What pauses an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A limit, which ends by itself.
    Limit(Limit),
    /// Something that a person must mend.
    Trouble,
}

/// The pauses of a worker's accounts, as last seen.
#[derive(Clone)]
pub(crate) struct Pauses {
    queue: Arc<dyn Queue>,
    seen: Arc<Mutex<HashMap<String, AccountPause>>>,
}

impl Pauses {
    pub(crate) fn new(queue: Arc<dyn Queue>) -> Self {
        Self { queue, seen: Arc::default() }
    }

    /// Looks at the shared values for ever.
    pub(crate) async fn watch(&self, accounts: &[String]) -> Infallible {
        let accounts: HashSet<&str> = accounts.iter().map(String::as_str).collect();
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // One call for all accounts. A queue that is away is told by those who take from it.
            let Ok(values) = self.queue.values(FOLDER).await else { continue };
            let mut shared: HashMap<String, AccountPause> = values
                .into_iter()
                .filter_map(|(name, value)| {
                    let account = name.strip_prefix(FOLDER).filter(|account| accounts.contains(account))?;
                    Some((account.to_owned(), serde_json::from_slice(&value).ok()?))
                })
                .collect();
            let seen: Vec<String> = self.seen().keys().cloned().collect();
            for account in seen {
                match shared.remove(&account) {
                    // It could not be shared when it began: the queue was away.
                    None if self.remaining(&account).is_some() => self.share(&account).await,
                    pause => self.see(&account, pause),
                }
            }
            shared.into_iter().for_each(|(account, pause)| self.see(&account, Some(pause)));
        }
    }

    /// How long the account's messages must wait; none if they may be taken.
    pub(crate) fn remaining(&self, account: &str) -> Option<Duration> {
        self.seen().get(account).map(AccountPause::remaining).filter(|remaining| !remaining.is_zero())
    }

    /// The accounts whose messages must wait.
    pub(crate) fn paused(&self) -> HashSet<String> {
        let seen = self.seen();
        seen.iter().filter(|(_, pause)| !pause.remaining().is_zero()).map(|(name, _)| name.clone()).collect()
    }

    /// Whether the account is paused, or was, and nothing has passed since.
    pub(crate) fn is_in_trouble(&self, account: &str) -> bool {
        self.seen().get(account).is_some_and(|pause| !pause.ends_by_itself || !pause.remaining().is_zero())
    }

    /// Whether a send may go out now. If not, how long to wait: until the end of the pause, or, when it is over and nothing
    /// has passed yet, for this send's turn.
    pub(crate) async fn admit(&self, account: &str) -> Result<Option<Duration>, QueueError> {
        let Some(pause) = self.seen().get(account).cloned() else { return Ok(None) };
        let remaining = pause.remaining();
        if !remaining.is_zero() {
            return Ok(Some(remaining));
        }
        if pause.ends_by_itself {
            return Ok(None);
        }
        let wait = self.queue.limit(&format!("trial/{account}"), 1, Duration::from_secs(1)).await?;
        Ok(Some(wait).filter(|wait| !wait.is_zero()))
    }

    /// WeChat has taken a send, or refused it for its own sake: if there was trouble with the account, it is over, for all
    /// workers. A send that was under way when the pause began says nothing.
    pub(crate) async fn passed(&self, account: &str) {
        let Some(seen) = self.seen().get(account).cloned() else { return };
        if !seen.remaining().is_zero() {
            return;
        }
        let ended = async {
            match AccountPause::read(&*self.queue, account).await? {
                // Another worker has met the next error.
                Some(now) if !now.remaining().is_zero() => self.see(account, Some(now)),
                _ => {
                    self.queue.set(&key(account), bytes::Bytes::new(), LOOK_EVERY).await?;
                    self.see(account, None);
                }
            }
            Ok::<(), QueueError>(())
        };
        // Otherwise another send passes, or the value ends by itself.
        if let Err(error) = ended.await {
            tracing::debug!(%error, account, "the end of a pause could not be shared");
        }
    }

    /// Pauses the account for all workers, and says for how long.
    pub(crate) async fn pause(
        &self,
        account: &str,
        cause: Cause,
        (code, reason, remedy): (i64, &str, &str),
    ) -> Duration {
        let earlier = match AccountPause::read(&*self.queue, account).await {
            Ok(earlier) => earlier,
            Err(_) => self.seen().get(account).cloned(),
        };
        // Many sends of one moment fail together: that is one strike.
        if let Some(earlier) = earlier.as_ref().filter(|earlier| !earlier.remaining().is_zero()) {
            self.see(account, Some(earlier.clone()));
            return earlier.remaining();
        }
        let strikes = earlier.map_or(0, |earlier| earlier.strikes).saturating_add(1);
        let lasts = lasts(cause, strikes, SystemTime::now());
        let until = SystemTime::now() + lasts;
        let until = until.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let pause = AccountPause {
            code,
            reason: reason.to_owned(),
            remedy: remedy.to_owned(),
            until_ms: u64::try_from(until.as_millis()).unwrap_or(u64::MAX),
            strikes,
            ends_by_itself: matches!(cause, Cause::Limit(_)),
        };
        self.see(account, Some(pause));
        self.share(account).await;
        lasts
    }

    /// Tells the other workers what is seen here.
    async fn share(&self, account: &str) {
        let Some(pause) = self.seen().get(account).cloned() else { return };
        // A limit that is over is over; trouble may still be there.
        let keep_for = pause.remaining() + if pause.ends_by_itself { Duration::ZERO } else { REMEMBERED };
        // A struct of texts and numbers always has a JSON form.
        let value = serde_json::to_vec(&pause).expect("a pause can be written as JSON");
        if let Err(error) = self.queue.set(&key(account), value.into(), keep_for).await {
            tracing::warn!(%error, account, "the pause could not be shared yet: the other workers meet the same error");
        }
    }

    /// Notes what is shared now, and tells of what has changed.
    fn see(&self, account: &str, pause: Option<AccountPause>) {
        let mut seen = self.seen();
        let before = match pause.clone() {
            Some(pause) => seen.insert(account.to_owned(), pause),
            None => seen.remove(account),
        };
        drop(seen);
        match (before, pause) {
            (before, Some(pause)) if before.as_ref() != Some(&pause) => {
                let AccountPause { code, reason, remedy, .. } = &pause;
                let pause_secs = pause.remaining().as_secs();
                tracing::error!(
                    account,
                    code,
                    reason,
                    remedy,
                    pause_secs,
                    "the account is paused: it can't send"
                );
                metrics::paused(account, before.map(|before| before.code), Some(*code));
            }
            (Some(before), None) => {
                tracing::info!(account, code = before.code, "the account can send again");
                metrics::paused(account, Some(before.code), None);
            }
            _ => {}
        }
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<String, AccountPause>> {
        // Every change is one step.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(account: &str) -> String {
    format!("{FOLDER}{account}")
}

fn lasts(cause: Cause, strikes: u32, now: SystemTime) -> Duration {
    match cause {
        Cause::Limit(Limit::Minute) => Duration::from_secs(60),
        Cause::Limit(Limit::Long) => Duration::from_secs(3600),
        Cause::Limit(Limit::Day) => {
            let beijing = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default() + BEIJING;
            let into_the_day = Duration::from_secs(beijing.as_secs() % DAY.as_secs());
            DAY.saturating_sub(into_the_day) + AFTER_MIDNIGHT
        }
        Cause::Trouble => {
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
        let seconds = lasts(Cause::Limit(Limit::Day), 1, unix(1_718_000_000)).as_secs();
        assert_eq!(seconds, (24 * 3600 - (14 * 3600 + 13 * 60 + 20)) + 60);
        // 15:59:59 UTC is a second before midnight there.
        assert_eq!(lasts(Cause::Limit(Limit::Day), 1, unix(1_718_035_199)).as_secs(), 61);
    }

    #[test]
    fn trouble_that_stays_is_looked_at_less_often() {
        let minutes: Vec<_> =
            (1..=6).map(|strikes| lasts(Cause::Trouble, strikes, unix(0)).as_secs() / 60).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 15, 15]);
        assert_eq!(lasts(Cause::Trouble, u32::MAX, unix(0)), TROUBLE_LONGEST);
    }
}
