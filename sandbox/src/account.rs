//! An account at run time: its settings, and what changes.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use url::Url;

use crate::{Account, SandboxConfig, tokens::Tokens, users::Users};

/// An account at run time. Its locks are never held across an await, nor two at once.
#[derive(Debug)]
pub(crate) struct AccountState {
    pub(crate) settings: Account,
    push_url: RwLock<Option<Url>>,
    tokens: Mutex<Tokens>,
    users: Mutex<Users>,
}

impl AccountState {
    pub(crate) fn new(settings: &Account, config: &SandboxConfig) -> AccountState {
        AccountState {
            settings: settings.clone(),
            push_url: RwLock::new(settings.push_url.clone()),
            tokens: Mutex::default(),
            users: Mutex::new(Users::new(config)),
        }
    }

    pub(crate) fn push_url(&self) -> Option<Url> {
        self.push_url.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_push_url(&self, url: Url) {
        *self.push_url.write().unwrap_or_else(PoisonError::into_inner) = Some(url);
    }

    pub(crate) fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn users(&self) -> MutexGuard<'_, Users> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
