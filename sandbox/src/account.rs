//! An account at run time: its settings, and what changes.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError, RwLock},
};

use url::Url;

use crate::{
    CallCounts, SandboxAccount, SandboxConfig, ip_list::IpList, limits::Quotas, media::SandboxMedia,
    tokens::Tokens, users::Users,
};

/// An account at run time. Its locks are never held across an await, nor two at once.
#[derive(Debug)]
pub(crate) struct AccountState {
    pub(crate) settings: SandboxAccount,
    push_url: RwLock<Option<Url>>,
    tokens: Mutex<Tokens>,
    users: Mutex<Users>,
    media: Mutex<SandboxMedia>,
    quotas: Mutex<Quotas>,
    calls: Mutex<CallCounts>,
    ip_list: Mutex<IpList>,
    /// The customer-service people that messages may be sent in the name of.
    agents: Mutex<BTreeSet<String>>,
}

impl AccountState {
    pub(crate) fn new(settings: &SandboxAccount, config: &SandboxConfig) -> AccountState {
        AccountState {
            settings: settings.clone(),
            push_url: RwLock::new(settings.push_url.clone()),
            tokens: Mutex::default(),
            users: Mutex::new(Users::new(config)),
            media: Mutex::new(SandboxMedia::new(config.max_media, config.max_media_bytes)),
            quotas: Mutex::new(Quotas::new(config.limits)),
            calls: Mutex::default(),
            ip_list: Mutex::default(),
            agents: Mutex::default(),
        }
    }

    pub(crate) fn push_url(&self) -> Option<Url> {
        self.push_url.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_push_url(&self, url: Url) {
        *self.push_url.write().unwrap_or_else(PoisonError::into_inner) = Some(url);
    }

    pub(crate) fn tokens(&self) -> MutexGuard<'_, Tokens> {
        locked(&self.tokens)
    }

    pub(crate) fn users(&self) -> MutexGuard<'_, Users> {
        locked(&self.users)
    }

    pub(crate) fn media(&self) -> MutexGuard<'_, SandboxMedia> {
        locked(&self.media)
    }

    pub(crate) fn quotas(&self) -> MutexGuard<'_, Quotas> {
        locked(&self.quotas)
    }

    pub(crate) fn calls(&self) -> MutexGuard<'_, CallCounts> {
        locked(&self.calls)
    }

    pub(crate) fn ip_list(&self) -> MutexGuard<'_, IpList> {
        locked(&self.ip_list)
    }

    pub(crate) fn agents(&self) -> MutexGuard<'_, BTreeSet<String>> {
        locked(&self.agents)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
