//! What a test or a person turns on an account: its tokens, media, limits, windows, and who may call.
//!
//! An unknown account changes nothing and has nothing. The control API offers the same over HTTP.

use std::net::IpAddr;

use bytes::Bytes;

use super::Sandbox;
use crate::{
    AccountRules, CallCounts, CallLimit, Endpoint, MediaKind, MenuButton, Opener, RightState, SendWindow,
    account::AccountState,
    media::{StoredMedia, content_type},
};

/// How many names of customer-service people an account may have; more are ignored, with a warning.
const MAX_AGENTS: usize = 1_024;

/// How another system, which shares the account's secret, gets itself an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// By the plain endpoint: a token of its own, which leaves that of the stable one alone.
    Plain,
    /// By the stable endpoint: the same token as everyone.
    Stable,
    /// By the stable endpoint and by force: a new token, and the one before is dead at once. Not more often than every 30 s
    /// and 20 times a day; then it is like [`Stable`](Elsewhere::Stable).
    Forced,
}

impl Sandbox {
    /// The account's access tokens run out of time now: a call with one is refused with 42001.
    pub fn expire_token(&self, account: &str) {
        self.on(account, |account| account.tokens.lock().expire(self.now()));
    }

    /// The account's access tokens stop being known: a call with one is refused with 40001.
    pub fn revoke_token(&self, account: &str) {
        self.on(account, |account| account.tokens.lock().revoke());
    }

    /// Another system gets itself a token. It uses up the account's limits like any other, and is not counted in
    /// [`calls`](Sandbox::calls). `None` when it is over a limit.
    pub fn fetch_token_elsewhere(&self, account: &str, how: Elsewhere) -> Option<String> {
        let (account, now) = (self.account(account)?, self.now());
        let endpoint = if how == Elsewhere::Plain { Endpoint::Token } else { Endpoint::StableToken };
        account.quotas.lock().spend(endpoint, now).ok()?;
        let mut tokens = account.tokens.lock();
        let (token, _) = match how {
            Elsewhere::Plain => tokens.plain(now),
            Elsewhere::Stable | Elsewhere::Forced => tokens.stable(how == Elsewhere::Forced, now),
        };
        Some(token)
    }

    /// How many token calls of this account were answered with a token, by both endpoints together.
    pub fn tokens_issued(&self, account: &str) -> u64 {
        self.calls(account).issued
    }

    /// How often the account's API was called.
    pub fn calls(&self, account: &str) -> CallCounts {
        self.account(account).map(|account| *account.calls.lock()).unwrap_or_default()
    }

    /// Another limit for a call of this account, counted from now on.
    pub fn set_limit(&self, account: &str, endpoint: Endpoint, limit: CallLimit) {
        self.on(account, |account| account.quotas.lock().set(endpoint, limit));
    }

    /// Another window for what a user of this account does, from their next trigger on.
    pub fn set_window(&self, account: &str, opener: Opener, window: SendWindow) {
        self.on(account, |account| account.users.lock().set_window(opener, window));
    }

    /// The account's rules as they stand.
    pub fn rules(&self, account: &str) -> Option<AccountRules> {
        self.account(account).map(|account| *account.rules.lock())
    }

    /// Other rules for the account, from now on.
    pub fn set_rules(&self, account: &str, rules: AccountRules) {
        self.on(account, |account| *account.rules.lock() = rules);
    }

    /// Another menu for the account, as a program sets one through the API; an empty one is none.
    pub fn set_menu(&self, account: &str, buttons: Vec<MenuButton>) {
        self.on(account, |account| account.menu.lock().set(buttons));
    }

    /// What the user's last trigger allows the account, if it allows anything.
    pub fn right(&self, account: &str, user: &str) -> Option<RightState> {
        self.account(account)?.users.lock().right(user, self.now())
    }

    /// Only these addresses may ask for the account's tokens, others get 40164 with their address; `None`: all may.
    pub fn set_ip_list(&self, account: &str, addresses: Option<Vec<IpAddr>>) {
        self.on(account, |account| account.ip_list.lock().set(addresses));
    }

    /// Puts an address on the account's list, if it has one.
    pub fn allow_ip(&self, account: &str, address: IpAddr) {
        self.on(account, |account| account.ip_list.lock().allow(address));
    }

    /// The account has this permanent media from now on. Its bytes, which may be empty, say what kind of file it is.
    pub fn plant_media(&self, account: &str, media_id: &str, kind: MediaKind, bytes: impl Into<Bytes>) {
        self.on(account, |account| self.keep_media(account, media_id, kind, bytes.into(), true));
    }

    /// All temporary media of the account is forgotten, as after three days: 40007. Gives how many.
    pub fn expire_media(&self, account: &str) -> usize {
        self.account(account).map_or(0, |account| account.media.lock().forget_temporary())
    }

    /// One medium of the account is forgotten, a permanent one too; false when it has none of that id.
    pub fn forget_media(&self, account: &str, media_id: &str) -> bool {
        self.account(account).is_some_and(|account| account.media.lock().forget(media_id))
    }

    /// Messages may be sent in this customer-service name, say `test1@kftest`; other names get 61452.
    pub fn add_kf_account(&self, account: &str, kf_account: &str) {
        let Some(account) = self.account(account) else { return };
        let mut agents = account.agents.lock();
        if agents.len() < MAX_AGENTS {
            agents.insert(kf_account.to_owned());
        } else {
            tracing::warn!(most = MAX_AGENTS, "too many customer-service names: a new one is ignored");
        }
    }

    fn on(&self, account: &str, act: impl FnOnce(&AccountState)) {
        if let Some(account) = self.account(account) {
            act(account);
        }
    }

    pub(crate) fn keep_media(
        &self,
        account: &AccountState,
        id: &str,
        kind: MediaKind,
        bytes: Bytes,
        permanent: bool,
    ) {
        let content_type = content_type(&bytes).unwrap_or("application/octet-stream");
        let until = (!permanent).then(|| self.now() + self.config().media_lifetime);
        account.media.lock().keep(id, StoredMedia { kind, content_type, bytes, until });
    }
}
