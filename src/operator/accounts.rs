//! The accounts: what is configured of them, what waits for them, and what stops them.

use std::collections::BTreeMap;

use huixin_queue::{Class, Paused, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::queue_look::QueueLook;
use super::view::{CannotSend, rfc3339};
use crate::config::Config;

/// The configuration of this process, as an operator may see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfiguredView {
    /// The effective values as TOML, secrets as `***`.
    pub toml: String,
    /// The file that it was read from.
    pub file: Option<String>,
    #[serde(skip)]
    accounts: BTreeMap<String, ConfiguredAccount>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ConfiguredAccount {
    app_id: String,
    answer_by: &'static str,
}

/// The accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) struct Accounts {
    /// Those that this process knows, and those that have messages.
    pub accounts: Vec<AccountView>,
}

/// How an account stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) struct AccountView {
    /// Its name.
    pub name: String,
    /// Its AppID; null if this process doesn't know the account.
    pub app_id: Option<String>,
    /// `api`, `either` or `push`; null if this process doesn't know the account.
    pub answer_by: Option<String>,
    /// Messages that aren't at their end.
    pub open: u64,
    /// Age of the one that is next in line; null: none waits for a worker.
    pub oldest_ms: Option<u64>,
    /// Whether somebody has paused it.
    pub paused: Option<AccountPauseView>,
    /// What WeChat doesn't let it do now.
    pub cannot_send: Vec<CannotSend>,
}

/// That an account is paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) struct AccountPauseView {
    /// Since when.
    #[schema(format = DateTime)]
    pub since: String,
    /// Why, as the one who paused it said.
    pub reason: String,
}

impl ConfiguredView {
    /// What may be seen of a configuration.
    pub fn of(config: &Config) -> Self {
        let accounts = config.accounts.iter().map(|(name, account)| {
            let known =
                ConfiguredAccount { app_id: account.app_id.clone(), answer_by: account.answer_by.into() };
            (name.clone(), known)
        });
        let file = config.file.as_ref().map(|file| file.display().to_string());
        Self { toml: config.print_effective(), file, accounts: accounts.collect() }
    }
}

impl Accounts {
    pub(super) fn of(configured: &ConfiguredView, look: &QueueLook) -> Self {
        let mut names: Vec<&str> = configured.accounts.keys().map(String::as_str).collect();
        names.extend(look.counts.open.keys().map(Class::as_str));
        names.sort_unstable();
        names.dedup();
        Self { accounts: names.into_iter().map(|name| AccountView::of(name, configured, look)).collect() }
    }
}

impl AccountView {
    fn of(name: &str, configured: &ConfiguredView, look: &QueueLook) -> Self {
        let known = configured.accounts.get(name);
        let of = |counts: &BTreeMap<Class, u64>| {
            counts.iter().find(|(class, _)| class.as_str() == name).map(|(_, count)| *count)
        };
        let is_it = |paused: &&Paused| matches!(&paused.scope, Scope::Class(class) if class.as_str() == name);
        Self {
            name: name.to_owned(),
            app_id: known.map(|account| account.app_id.clone()),
            answer_by: known.map(|account| account.answer_by.to_owned()),
            open: of(&look.counts.open).unwrap_or_default(),
            oldest_ms: of(&look.counts.next_ages_us).map(|us| us / 1_000),
            paused: look.paused.iter().find(is_it).map(|paused| AccountPauseView {
                since: rfc3339(paused.since_us),
                reason: paused.reason.clone(),
            }),
            cannot_send: CannotSend::all(look).filter(|trouble| trouble.account == name).collect(),
        }
    }
}
