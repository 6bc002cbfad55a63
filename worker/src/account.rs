//! Accounts that can't send for now: which interface is paused, why, until when, and how it comes back.
//!
//! Some errors of WeChat concern the whole account: a limit is reached, a right or a setting is missing. Every further call
//! would fail in the same way, and some make it worse. So the worker that meets such an error pauses the interface **for all
//! workers**, by a small value that they share in the queue; each looks at these values every second. While an account
//! can't send, its messages stay in the queue, no attempt is used, and what was being handled is put off until the pause is
//! over. A limit of uploads, tokens or typing stops only those.
//!
//! **Proof.** One reply may cause a refusal that looks like the account's: it names an agent who doesn't exist. It must not
//! silence everybody. So the code's class says whose trouble it is ([`huixin_wechat::Whose`]), and where that is unclear
//! the first refusal is only a suspicion. A second one proves it if it has the same code, is another user's, and no call
//! has passed between. The suspicion is shared as the pauses are: two workers may meet one refusal each, and what a third
//! one sends with success clears the account for all. The last needs time to be seen, so the second refusal waits for it.
//!
//! **Coming back.** A limit says when it ends. A setting doesn't: after the pause, one call per second is let through for all
//! workers together, and the first that passes ends the trouble; one that fails begins a longer pause (1, 2, 4 … 15
//! minutes). So a thousand waiting messages don't all fail at once, and nobody has to restart anything.
//!
//! Rejected: pausing the account's class in the queue, which is the operator's own switch and has no end of its own;
//! leaving it to each worker, since the tenth would still run into a limit that the first has met.

mod pause;

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use huixin_queue::{Queue, QueueError};

pub(crate) use self::pause::Cause;
pub use self::pause::{AccountPause, Interface, Troubles};
use self::pause::{Suspicion, unix_ms};
use crate::metrics;

/// How often a worker looks whether accounts are paused or go on.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How old a suspicion must be before a second refusal proves it: all workers have seen it, and told what has passed.
const SEEN_BY_ALL: Duration = Duration::from_secs(2);

/// The pauses of a worker's accounts, as last seen.
#[derive(Clone)]
pub(crate) struct Pauses {
    queue: Arc<dyn Queue>,
    seen: Arc<Mutex<HashMap<String, Seen>>>,
}

#[derive(Default)]
struct Seen {
    troubles: Troubles,
    /// When something last passed.
    passed: HashMap<Interface, Instant>,
}

impl Pauses {
    pub(crate) fn new(queue: Arc<dyn Queue>) -> Self {
        Self { queue, seen: Arc::default() }
    }

    /// Looks at the shared values for ever.
    pub(crate) async fn watch(&self, accounts: &[String]) -> Infallible {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // One call for all accounts. A queue that is away is told by those who take from it.
            let Ok(mut shared) = Troubles::read_all(&*self.queue).await else { continue };
            for account in accounts {
                let troubles = shared.remove(account).unwrap_or_default();
                if troubles.is_none() && self.is_paused(account) {
                    // It could not be shared when it began: the queue was away.
                    self.share(account).await;
                } else {
                    self.see(account, &troubles);
                    self.clear_of_suspicion(account).await;
                }
            }
        }
    }

    /// Whether any interface of the account pauses, as far as is known here.
    fn is_paused(&self, account: &str) -> bool {
        let seen = self.seen();
        let mut pauses = seen.get(account).into_iter().flat_map(|seen| seen.troubles.pauses.values());
        pauses.any(|pause| !pause.remaining().is_zero())
    }

    /// The accounts whose messages must wait.
    pub(crate) fn paused(&self) -> HashSet<String> {
        let seen = self.seen();
        let paused = |seen: &Seen| {
            seen.troubles.pauses.get(&Interface::Send).is_some_and(|pause| !pause.remaining().is_zero())
        };
        seen.iter().filter(|(_, seen)| paused(seen)).map(|(name, _)| name.clone()).collect()
    }

    /// How long an interface of the account pauses; none if it may be called.
    pub(crate) fn remaining(&self, account: &str, interface: Interface) -> Option<Duration> {
        self.pause_of(account, interface).map(|pause| pause.remaining()).filter(|left| !left.is_zero())
    }

    /// Whether the account can't send, or could not, and nothing has passed since.
    pub(crate) fn is_in_trouble(&self, account: &str) -> bool {
        let pause = self.pause_of(account, Interface::Send);
        pause.is_some_and(|pause| !pause.ends_by_itself || !pause.remaining().is_zero())
    }

    /// Asks to call an interface: none, or how long to wait. In an account with trouble whose pause is over, one call per
    /// second is let through.
    pub(crate) async fn admit(
        &self,
        account: &str,
        interface: Interface,
    ) -> Result<Option<Duration>, QueueError> {
        let Some(pause) = self.pause_of(account, interface) else { return Ok(None) };
        let remaining = pause.remaining();
        if !remaining.is_zero() {
            return Ok(Some(remaining));
        }
        if pause.ends_by_itself {
            return Ok(None);
        }
        let name = format!("trial/{}/{account}", interface.as_str());
        let wait = self.queue.limit(&name, 1, Duration::from_secs(1)).await?;
        Ok(Some(wait).filter(|wait| !wait.is_zero()))
    }

    /// WeChat has taken a call, or refused it for its own sake: if there was trouble with the interface, it is over, for all
    /// workers. A call that was under way when the pause began says nothing.
    pub(crate) async fn passed(&self, account: &str, interface: Interface) {
        if let Some(seen) = self.seen().get_mut(account) {
            seen.passed.insert(interface, Instant::now());
        }
        let is_over = |troubles: &Troubles| {
            let pause = troubles.pauses.get(&interface).is_some_and(|pause| pause.remaining().is_zero());
            pause || is_about(troubles, interface)
        };
        if self.seen().get(account).is_some_and(|seen| is_over(&seen.troubles)) {
            let mut troubles = self.newest(account).await;
            if is_over(&troubles) {
                troubles.pauses.retain(|of, pause| *of != interface || !pause.remaining().is_zero());
                troubles.suspicion = troubles.suspicion.filter(|suspicion| suspicion.interface != interface);
                self.see(account, &troubles);
                self.share(account).await;
            } else {
                // Another worker has met the next error, or was faster.
                self.see(account, &troubles);
            }
        }
    }

    /// A code that may be the account's came for a user's message. Whether it is proved to be the account's.
    pub(crate) async fn suspect(&self, account: &str, interface: Interface, code: i64, user: &str) -> bool {
        let at_ms = unix_ms(SystemTime::now());
        let new = Suspicion { interface, code, user: user.to_owned(), at_ms };
        let proved = |known: &Troubles| known.suspicion.as_ref().is_some_and(|old| old.is_proved_by(&new));
        let mut troubles = self.newest(account).await;
        if proved(&troubles) {
            let age = troubles.suspicion.as_ref().map(Suspicion::age).unwrap_or_default();
            tokio::time::sleep(SEEN_BY_ALL.saturating_sub(age)).await;
            troubles = self.newest(account).await;
        }
        let is_proved = proved(&troubles);
        troubles.suspicion = Some(new);
        self.see(account, &troubles);
        self.share(account).await;
        is_proved
    }

    /// Pauses the interface for all workers, and says for how long.
    pub(crate) async fn pause(
        &self,
        account: &str,
        (interface, cause): (Interface, Cause),
        told: (i64, &str, &str),
    ) -> Duration {
        let mut troubles = self.newest(account).await;
        let earlier = troubles.pauses.get(&interface);
        // Many calls of one moment fail together: that is one strike.
        let lasting = earlier.map(AccountPause::remaining).filter(|left| !left.is_zero());
        let strikes = earlier.map_or(0, |earlier| earlier.strikes).saturating_add(1);
        let begun = || AccountPause::begun(cause, strikes, told, SystemTime::now());
        let pause = lasting.is_none().then(begun);
        let lasts = lasting.or(pause.as_ref().map(AccountPause::remaining)).unwrap_or_default();
        let is_new = pause.is_some();
        troubles.pauses.extend(pause.map(|pause| (interface, pause)));
        self.see(account, &troubles);
        if is_new {
            self.share(account).await;
        }
        lasts
    }

    /// What has passed here a moment before a suspicion was seen counts as having passed after it: clocks differ.
    async fn clear_of_suspicion(&self, account: &str) {
        let passed = self.seen().get(account).and_then(|seen| {
            let suspicion = seen.troubles.suspicion.as_ref()?;
            let passed = seen.passed.get(&suspicion.interface)?;
            (suspicion.age() < SEEN_BY_ALL && passed.elapsed() < LOOK_EVERY).then_some(suspicion.interface)
        });
        if let Some(interface) = passed {
            self.passed(account, interface).await;
        }
    }

    /// As the workers share it; if the queue is away, as it was last seen.
    async fn newest(&self, account: &str) -> Troubles {
        match Troubles::read(&*self.queue, account).await {
            Ok(troubles) => troubles,
            Err(_) => self.seen().get(account).map(|seen| seen.troubles.clone()).unwrap_or_default(),
        }
    }

    /// Tells the other workers what is seen here.
    async fn share(&self, account: &str) {
        let Some(troubles) = self.seen().get(account).map(|seen| seen.troubles.clone()) else { return };
        if let Err(error) = troubles.share(&*self.queue, account).await {
            tracing::warn!(%error, account, "the pause could not be shared yet: the other workers meet the same error");
        }
    }

    /// Notes what is shared now, and tells of what has changed.
    fn see(&self, account: &str, troubles: &Troubles) {
        let before = {
            let mut seen = self.seen();
            let seen = seen.entry(account.to_owned()).or_default();
            std::mem::replace(&mut seen.troubles, troubles.clone())
        };
        for (&interface, pause) in &troubles.pauses {
            let earlier = before.pauses.get(&interface);
            if earlier != Some(pause) {
                let AccountPause { code, reason, remedy, .. } = pause;
                let (interface, pause_secs) = (interface.as_str(), pause.remaining().as_secs());
                let what = match interface {
                    "send" => "the account is paused: it can't send",
                    _ => "an interface of the account is paused; the others are called on",
                };
                tracing::error!(account, interface, code, reason, remedy, pause_secs, "{what}");
                metrics::paused(account, interface, earlier.map(|earlier| earlier.code), Some(*code));
            }
        }
        for (interface, pause) in before.pauses {
            if !troubles.pauses.contains_key(&interface) {
                let interface = interface.as_str();
                tracing::info!(account, interface, code = pause.code, "the account can send again");
                metrics::paused(account, interface, Some(pause.code), None);
            }
        }
    }

    fn pause_of(&self, account: &str, interface: Interface) -> Option<AccountPause> {
        self.seen().get(account)?.troubles.pauses.get(&interface).cloned()
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<String, Seen>> {
        // Every change is one step.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_about(troubles: &Troubles, interface: Interface) -> bool {
    troubles.suspicion.as_ref().is_some_and(|suspicion| suspicion.interface == interface)
}
