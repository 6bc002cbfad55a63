//! What is asked of the queue: as a command has read it, and as JSON or a query of the admin listener.

use anyhow::anyhow;
use huixin_queue::{Class, DeadCursor, DeadFilter, Lane, MessageId, Scope};
use serde::{Deserialize, Serialize};

use crate::report::Failure;

const PAGE_DEFAULT: u64 = 100;

/// Which dead letters are asked for: those that meet every condition given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LetterQuery {
    /// Only of this account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Only of this user, an OpenID of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Only those whose reason contains this text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Behind which letter to go on: `next` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The most letters; one page never has more than [`huixin_queue::DEAD_SCAN_MAX`].
    #[serde(default = "page_default")]
    pub limit: u64,
}

/// What can be paused: everything, an account, or one of its users.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pausable {
    /// The account; without one, everything.
    pub account: Option<String>,
    /// The user's OpenID; without one, the whole account.
    pub user: Option<String>,
}

/// To pause something.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PauseRequest {
    pub(super) what: Pausable,
    pub(super) reason: String,
}

/// Ids of dead letters.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct LetterIds {
    ids: Vec<String>,
}

impl Default for LetterQuery {
    fn default() -> Self {
        Self { account: None, user: None, reason: None, after: None, limit: PAGE_DEFAULT }
    }
}

impl LetterQuery {
    pub(super) fn filter(&self) -> Result<DeadFilter, Failure> {
        let class = self.account.as_deref().map(class_of).transpose()?;
        let lane = match (&self.account, &self.user) {
            (Some(account), Some(user)) => Some(lane_of(account, user)?),
            (None, Some(_)) => return Err(user_alone()),
            (_, None) => None,
        };
        Ok(DeadFilter { class, lane, reason: self.reason.clone() })
    }

    pub(super) fn cursor(&self) -> Result<Option<DeadCursor>, Failure> {
        let Some(after) = &self.after else { return Ok(None) };
        let parts = after.split_once('-');
        let cursor = parts.and_then(|(died_us, id)| {
            Some(DeadCursor { died_us: died_us.parse().ok()?, id: MessageId::new(id).ok()? })
        });
        let unreadable = || {
            Failure::failed(
                format!("`{after}` is not a position in the list"),
                "give `next` of the previous page",
            )
        };
        cursor.ok_or_else(unreadable).map(Some)
    }
}

impl Pausable {
    pub(super) fn scope(&self) -> Result<Scope, Failure> {
        match (&self.account, &self.user) {
            (None, None) => Ok(Scope::All),
            (Some(account), None) => Ok(Scope::Class(class_of(account)?)),
            (Some(account), Some(user)) => Ok(Scope::Lane(lane_of(account, user)?)),
            (None, Some(_)) => Err(user_alone()),
        }
    }
}

impl LetterIds {
    pub(super) fn of(ids: &[MessageId]) -> Self {
        Self { ids: ids.iter().map(ToString::to_string).collect() }
    }

    pub(super) fn read(self) -> Result<Vec<MessageId>, Failure> {
        let ids = self.ids.into_iter().map(MessageId::new);
        Ok(ids.collect::<Result<_, _>>().map_err(anyhow::Error::from)?)
    }
}

/// The lane of a user.
pub(super) fn lane_of(account: &str, user: &str) -> Result<Lane, Failure> {
    Ok(Lane::new(format!("{account}/{user}")).map_err(anyhow::Error::from)?)
}

pub(super) fn class_of(account: &str) -> Result<Class, Failure> {
    Ok(Class::new(account).map_err(anyhow::Error::from)?)
}

pub(super) fn user_alone() -> Failure {
    Failure::from(anyhow!("a user is named without an account"))
        .with_hint("an OpenID means something only with its account")
}

fn page_default() -> u64 {
    PAGE_DEFAULT
}
