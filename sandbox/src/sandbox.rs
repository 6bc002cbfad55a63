//! The sandbox itself: the accounts, the transcript and the faults behind one cheap handle.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use parking_lot::{Mutex, MutexGuard};
use tokio::{sync::Semaphore, time::Instant};
use url::Url;

use crate::{
    Backstage, Faults, OpenId, Push, PushKind, PushReport, SandboxConfig, Transcript, TryReport, What,
    account::AccountState, attempts::Attempts, clock::SandboxClock, stories::Stories,
};

mod delivery;
mod hang_up;
mod inside;
mod knobs;

pub use knobs::Elsewhere;

/// A pretend WeChat. Clones are handles to the same one.
///
/// It does nothing by itself: [`run`](crate::run) serves its API and page, [`Sandbox::push`] makes it push.
#[derive(Clone, Debug)]
pub struct Sandbox(Arc<SandboxInner>);

#[derive(Debug)]
struct SandboxInner {
    config: SandboxConfig,
    accounts: Vec<AccountState>,
    transcript: Arc<Transcript>,
    faults: Faults,
    attempts: Mutex<Attempts>,
    stories: Mutex<Stories>,
    backstage: OnceLock<Arc<dyn Backstage>>,
    clock: SandboxClock,
    client: reqwest::Client,
    /// One permit for each push under way.
    pushes: Arc<Semaphore>,
}

impl Sandbox {
    /// Makes a sandbox. Installs ring as the process's TLS provider if none is installed: without one, no HTTP client can
    /// be made, not even for plain HTTP.
    ///
    /// # Panics
    /// When the TLS library can't be set up, which no setting of ours can cause.
    pub fn new(config: SandboxConfig) -> Sandbox {
        // An error means that the program has chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("with a TLS provider installed and no options from outside, a client can be built");
        let accounts = config.accounts.iter().map(|account| AccountState::new(account, &config)).collect();
        Sandbox(Arc::new(SandboxInner {
            accounts,
            transcript: Arc::new(Transcript::new(config.max_entries)),
            faults: Faults::default(),
            attempts: Mutex::default(),
            stories: Mutex::default(),
            backstage: OnceLock::new(),
            clock: SandboxClock::default(),
            client,
            pushes: Arc::new(Semaphore::new(config.max_pushes.clamp(1, Semaphore::MAX_PERMITS))),
            config,
        }))
    }

    /// Sets where an account's pushes go, from the next try on. An unknown account is ignored, with a warning.
    pub fn set_push_url(&self, account: &str, url: Url) {
        match self.account(account) {
            Some(account) => *account.push_url.lock() = Some(url),
            None => tracing::warn!(account, "the sandbox has no such account"),
        }
    }

    /// Everything that happened.
    pub fn transcript(&self) -> &Arc<Transcript> {
        &self.0.transcript
    }

    /// Trouble on request.
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// The settings it was made with.
    pub fn config(&self) -> &SandboxConfig {
        &self.0.config
    }

    /// Pushes by WeChat's rules, to the end: an ack, a fault notice, or silence for a background event. Waits first while
    /// as many pushes as allowed are under way.
    pub async fn push(&self, push: Push) -> PushReport {
        let _permit = self.0.pushes.acquire().await;
        self.begin(&push);
        delivery::push(self, &push).await
    }

    /// Posts once, without retries, an ack entry or a fault notice. The same push may be posted again, also at the same
    /// time: the user has acted only once.
    pub async fn push_once(&self, push: &Push) -> TryReport {
        let _permit = self.0.pushes.acquire().await;
        self.begin(push);
        delivery::push_once(self, push).await
    }

    /// The clock by which WeChat's times are measured goes on by this much at once: windows, tokens, media, typing and
    /// limits. Times that others see (`CreateTime`, the transcript) stay the machine's.
    pub fn move_clock(&self, by: Duration) {
        self.0.clock.move_on(by);
    }

    /// How far that clock is ahead of the machine's.
    pub fn clock_ahead(&self) -> Duration {
        self.0.clock.ahead()
    }

    /// Pushes in a task of its own, which may be left alone; false when too many pushes are in progress.
    pub fn push_in_background(&self, push: Push) -> bool {
        let Ok(permit) = Arc::clone(&self.0.pushes).try_acquire_owned() else { return false };
        self.begin(&push);
        let sandbox = self.clone();
        tokio::spawn(async move {
            delivery::push(&sandbox, &push).await;
            drop(permit);
        });
        true
    }

    /// Notes that no route takes what a user did. WeChat itself never hears of that; the developer of the routes should.
    pub fn note_unmatched(&self, account: &str, user: impl Into<OpenId>, kind: &str, content: &str) {
        let (kind, content) = (kind.to_owned(), content.to_owned());
        self.note(account, &user.into(), What::Unmatched { kind, content });
    }

    pub(crate) fn account(&self, name: &str) -> Option<&AccountState> {
        self.accounts().iter().find(|account| account.settings.name == name)
    }

    pub(crate) fn accounts(&self) -> &[AccountState] {
        &self.0.accounts
    }

    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.0.client
    }

    pub(crate) fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.0.attempts.lock()
    }

    pub(crate) fn now(&self) -> Instant {
        self.0.clock.now()
    }

    pub(crate) fn note(&self, account: &str, user: &OpenId, what: What) {
        self.0.transcript.add(account, user, what);
    }

    /// Makes a push once more, with the same body: its receiver should know it. False when too many pushes are in progress.
    pub(crate) fn replay(&self, push: Push) -> bool {
        let Ok(permit) = Arc::clone(&self.0.pushes).try_acquire_owned() else { return false };
        self.note(&push.account, &push.user, What::Replayed { msg_id: push.msg_id.clone() });
        let sandbox = self.clone();
        tokio::spawn(async move {
            delivery::push(&sandbox, &push).await;
            drop(permit);
        });
        true
    }

    /// The user acts: windows open now, whatever becomes of the push, and the account may use the media that came.
    fn begin(&self, push: &Push) {
        let Some(account) = self.account(&push.account) else { return };
        let first_time = account.users.lock().acted(&push.user, &push.msg_id, push.trigger(), self.now());
        if first_time {
            let (media, now) = (push.media(), self.now());
            for &(id, kind) in &media {
                let is_there = account.media.lock().get(id, now).is_some();
                if !is_there {
                    self.keep_media(account, id, kind, kind.sample(), false);
                }
            }
            self.0.stories.lock().begin(push);
            let pic_url = match &push.kind {
                PushKind::Image { pic_url, .. } => Some(pic_url.clone()),
                _ => None,
            };
            let said = What::Said {
                msg_id: push.msg_id.clone(),
                kind: push.name(),
                content: push.summary(),
                media_id: media.first().map(|(id, _)| (*id).to_owned()),
                pic_url,
                card: push.card(),
            };
            self.note(&push.account, &push.user, said);
        }
    }
}
