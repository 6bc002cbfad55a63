//! Accounts that can't send for now: which interface is paused, why, until when, and how it comes back.
//!
//! Some errors of WeChat concern the whole account: a limit is reached, a right or a setting is missing. Every further call
//! would fail in the same way, and some make it worse. So the worker that meets such an error pauses the interface **for all
//! workers**: each interface has a small value in the queue, and every worker reads these values once a second. While an
//! account can't send, its messages stay in the queue, no attempt is used, and what was being handled is put off until the
//! pause is over. A limit of uploads, tokens or typing stops only those.
//!
//! **Proof.** One reply may cause a refusal that looks like the account's, for example by naming an agent who doesn't
//! exist. That must not silence everybody. So the code's class says whose trouble it is ([`huixin_wechat::Whose`]), and
//! where that is unclear the first refusal is only a suspicion. A second refusal proves it if it has the same code, comes
//! from another user's message, and no call has succeeded in between. The suspicion is shared like the pauses: two workers
//! may meet one refusal each, and a successful send of a third clears the account for all. That success takes a moment to
//! be seen, so the second refusal waits for it.
//!
//! **Coming back.** A limit says when it ends. A setting doesn't: after the pause, one call per second is let through for all
//! workers together. The first that succeeds ends the trouble; one that fails begins a longer pause (1, 2, 4 … 15 minutes).
//! So a thousand waiting messages don't all fail at once, and nobody has to restart anything.
//!
//! Rejected: pausing the account's class in the queue, which is the operator's own switch and has no end of its own;
//! leaving it to each worker, since the tenth would still run into a limit that the first has met.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use huixin_queue::{Queue, QueueError};
use huixin_wechat::{UNKNOWN, rule};
use parking_lot::Mutex;
use strum::VariantArray as _;

use super::interface_state::{AccountPause, Interface, InterfaceState, PauseCause, Suspicion, until_ms};
use crate::metrics;
use crate::stored_json::unix_ms;

/// How often a worker looks whether accounts are paused or go on.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How old a suspicion must be before a second refusal proves it: by then all workers have seen it and shared their successes.
const SEEN_BY_ALL: Duration = Duration::from_secs(2);

/// The pauses of a worker's accounts, as last seen.
#[derive(Clone)]
pub(crate) struct Pauses {
    queue: Arc<dyn Queue>,
    seen: Arc<Mutex<HashMap<String, BTreeMap<Interface, Seen>>>>,
}

/// What was last seen of an interface.
#[derive(Default)]
struct Seen {
    trouble: InterfaceState,
    /// When a call last passed.
    passed: Option<Instant>,
    /// The queue was away when this worker tried to tell the others.
    is_unshared: bool,
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
            self.run_once(accounts).await;
        }
    }

    async fn run_once(&self, accounts: &[String]) {
        // One call for all accounts. If the queue is away, the takes report it.
        let Ok(mut shared) = InterfaceState::read_all(&*self.queue).await else { return };
        for account in accounts {
            for &interface in Interface::VARIANTS {
                let trouble = shared.remove(&(account.clone(), interface));
                let is_unshared = self.of(account, interface, |seen| seen.is_unshared) == Some(true);
                if is_unshared && trouble.is_none() && self.remaining(account, interface).is_some() {
                    self.share(account, interface).await;
                } else {
                    self.see(account, interface, &trouble.unwrap_or_default());
                    self.clear_of_suspicion(account, interface).await;
                }
            }
        }
    }

    /// The accounts whose messages must wait.
    pub(crate) fn paused(&self) -> HashSet<String> {
        let seen = self.seen.lock();
        let is_paused = |seen: &BTreeMap<Interface, Seen>| {
            seen.get(&Interface::Send).is_some_and(|seen| seen.trouble.is_paused())
        };
        seen.iter().filter(|(_, seen)| is_paused(seen)).map(|(name, _)| name.clone()).collect()
    }

    /// How long an interface of the account pauses; none if it may be called.
    pub(crate) fn remaining(&self, account: &str, interface: Interface) -> Option<Duration> {
        self.pause_of(account, interface).map(|pause| pause.remaining()).filter(|left| !left.is_zero())
    }

    /// Whether the account can't send, or couldn't and no call has succeeded since.
    pub(crate) fn is_in_trouble(&self, account: &str) -> bool {
        let pause = self.pause_of(account, Interface::Send);
        pause.is_some_and(|pause| !pause.ends_by_itself || !pause.remaining().is_zero())
    }

    /// Asks to call an interface: `None` if it may be called, or how long to wait. When the pause of an account in
    /// trouble is over, one call per second is let through.
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

    /// WeChat has taken a call, or refused it because of the call itself: any trouble with the interface is over, for all
    /// workers. A call that was under way when the pause began proves nothing.
    pub(crate) async fn passed(&self, account: &str, interface: Interface) {
        let is_known = self.of(account, interface, |seen| {
            seen.passed = Some(Instant::now());
            seen.trouble.ends_with_success()
        });
        if is_known != Some(true) {
            return;
        }
        let mut trouble = self.newest(account, interface).await;
        let is_over = trouble.ends_with_success();
        if is_over {
            trouble.suspicion = None;
            trouble.pause = trouble.pause.filter(|pause| !pause.remaining().is_zero());
        }
        self.see(account, interface, &trouble);
        // Otherwise another worker has met the next error, or was faster.
        if is_over {
            self.share(account, interface).await;
        }
    }

    /// A user's message got a code that may be the account's fault. Says whether that is proved.
    pub(crate) async fn suspect(&self, account: &str, interface: Interface, code: i64, user: &str) -> bool {
        let new = Suspicion { code, user: user.to_owned(), at_ms: unix_ms(SystemTime::now()) };
        let proved =
            |known: &InterfaceState| known.suspicion.as_ref().is_some_and(|old| old.is_proved_by(&new));
        let mut trouble = self.newest(account, interface).await;
        if proved(&trouble) {
            let age = trouble.suspicion.as_ref().map(Suspicion::age).unwrap_or_default();
            tokio::time::sleep(SEEN_BY_ALL.saturating_sub(age)).await;
            trouble = self.newest(account, interface).await;
        }
        let is_proved = proved(&trouble);
        trouble.suspicion = Some(new);
        self.see(account, interface, &trouble);
        self.share(account, interface).await;
        is_proved
    }

    /// Pauses the interface for all workers, and says for how long.
    pub(crate) async fn pause(
        &self,
        account: &str,
        (interface, cause): (Interface, PauseCause),
        code: Option<i64>,
        error: &str,
    ) -> Duration {
        let remedy = code.map_or("", |code| rule(code).unwrap_or(&UNKNOWN).remedy);
        let mut trouble = self.newest(account, interface).await;
        // Many calls of one moment fail together: that is one strike.
        let is_new = !trouble.is_paused();
        if is_new {
            let strikes = trouble.pause.map_or(0, |earlier| earlier.strikes).saturating_add(1);
            trouble.pause = Some(AccountPause {
                code: code.unwrap_or_default(),
                reason: error.to_owned(),
                remedy: remedy.to_owned(),
                until_ms: until_ms(cause, strikes, SystemTime::now()),
                strikes,
                ends_by_itself: matches!(cause, PauseCause::Limit(_)),
            });
        }
        self.see(account, interface, &trouble);
        if is_new {
            self.share(account, interface).await;
        }
        trouble.pause.as_ref().map(AccountPause::remaining).unwrap_or_default()
    }

    /// A success here just before a suspicion was seen counts as one after it, since clocks differ.
    async fn clear_of_suspicion(&self, account: &str, interface: Interface) {
        let is_cleared = self.of(account, interface, |seen| {
            let age = seen.trouble.suspicion.as_ref().map(Suspicion::age);
            let passed = seen.passed.is_some_and(|passed| passed.elapsed() < LOOK_EVERY);
            age.is_some_and(|age| age < SEEN_BY_ALL) && passed
        });
        if is_cleared == Some(true) {
            self.passed(account, interface).await;
        }
    }

    /// The state that the workers share; if the queue is away, the one last seen.
    async fn newest(&self, account: &str, interface: Interface) -> InterfaceState {
        match InterfaceState::read(&*self.queue, account, interface).await {
            Ok(trouble) => trouble,
            Err(_) => self.of(account, interface, |seen| seen.trouble.clone()).unwrap_or_default(),
        }
    }

    /// Tells the other workers what is seen here.
    async fn share(&self, account: &str, interface: Interface) {
        let Some(trouble) = self.of(account, interface, |seen| seen.trouble.clone()) else { return };
        let shared = trouble.share(&*self.queue, account, interface).await;
        self.of(account, interface, |seen| seen.is_unshared = shared.is_err());
        if let Err(error) = shared {
            tracing::warn!(%error, account, "the pause could not be shared yet: other workers will meet the same error");
        }
    }

    /// Notes what is shared now, and logs what has changed.
    fn see(&self, account: &str, interface: Interface, trouble: &InterfaceState) {
        let before = {
            let mut seen = self.seen.lock();
            let seen = seen.entry(account.to_owned()).or_default().entry(interface).or_default();
            std::mem::replace(&mut seen.trouble, trouble.clone()).pause
        };
        if before == trouble.pause {
            return;
        }
        let (is_send, interface) = (interface == Interface::Send, interface.as_str());
        let code_before = before.as_ref().map(|before| before.code);
        metrics::paused(account, interface, code_before, trouble.pause.as_ref().map(|pause| pause.code));
        match &trouble.pause {
            Some(pause) => {
                let AccountPause { code, reason, remedy, .. } = pause;
                let pause_secs = pause.remaining().as_secs();
                let remedy = Some(remedy.as_str()).filter(|remedy| !remedy.is_empty());
                let what = match is_send {
                    true => "the account is paused: it can't send",
                    false => "an interface of the account is paused; the others still work",
                };
                tracing::error!(account, interface, code, reason, remedy, pause_secs, "{what}");
            }
            None if is_send => tracing::info!(account, code = code_before, "the account can send again"),
            None => {
                tracing::info!(account, interface, code = code_before, "the interface can be called again");
            }
        }
    }

    fn pause_of(&self, account: &str, interface: Interface) -> Option<AccountPause> {
        self.of(account, interface, |seen| seen.trouble.pause.clone()).flatten()
    }

    fn of<T>(&self, account: &str, interface: Interface, look: impl FnOnce(&mut Seen) -> T) -> Option<T> {
        Some(look(self.seen.lock().get_mut(account)?.get_mut(&interface)?))
    }
}
