//! An account at run time: its settings, and what changes.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use tokio::time::Instant;
use url::Url;

use crate::{
    AccountRules, CallCounts, MediaKind, SandboxAccount, SandboxConfig,
    ip_list::IpList,
    limits::Quotas,
    mark_fail::Unanswered,
    media::SandboxMedia,
    menu::Menu,
    tokens::{Lifetimes, Tokens},
    users::Users,
};

/// An account at run time. Its locks are never held across an await, nor two at once.
#[derive(Debug)]
pub(crate) struct AccountState {
    pub(crate) settings: SandboxAccount,
    pub(crate) push_url: Mutex<Option<Url>>,
    pub(crate) rules: Mutex<AccountRules>,
    pub(crate) unanswered: Mutex<Unanswered>,
    pub(crate) tokens: Mutex<Tokens>,
    pub(crate) users: Mutex<Users>,
    pub(crate) media: Mutex<SandboxMedia>,
    pub(crate) menu: Mutex<Menu>,
    pub(crate) quotas: Mutex<Quotas>,
    pub(crate) calls: Mutex<CallCounts>,
    pub(crate) ip_list: Mutex<IpList>,
    /// The customer-service people that messages may be sent in the name of.
    pub(crate) agents: Mutex<BTreeSet<String>>,
}

impl AccountState {
    pub(crate) fn new(settings: &SandboxAccount, config: &SandboxConfig) -> AccountState {
        let lifetimes = Lifetimes { token: config.token_lifetime, overlap: config.token_overlap };
        AccountState {
            settings: settings.clone(),
            push_url: Mutex::new(settings.push_url.clone()),
            rules: Mutex::new(settings.rules),
            unanswered: Mutex::default(),
            tokens: Mutex::new(Tokens::new(lifetimes)),
            users: Mutex::new(Users::new(config)),
            media: Mutex::new(SandboxMedia::new(config.max_media, config.max_media_bytes)),
            menu: Mutex::new(Menu::new(settings.menu.clone())),
            quotas: Mutex::new(Quotas::new(config.limits)),
            calls: Mutex::default(),
            ip_list: Mutex::default(),
            agents: Mutex::default(),
        }
    }

    /// It has this medium, and it is of the wanted kind. Where a small picture is wanted, any picture will do.
    pub(crate) fn has_media(&self, id: &str, wanted: MediaKind, now: Instant) -> Result<(), i64> {
        let kind = self.media.lock().get(id, now).map(|media| media.kind).ok_or(40007)?;
        let fits = kind == wanted || (wanted == MediaKind::Thumb && kind == MediaKind::Image);
        if fits { Ok(()) } else { Err(40121) }
    }
}
