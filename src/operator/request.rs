//! What is asked of the queue: as a command has read it, and as JSON or a query of the admin listener.

use std::ops::RangeInclusive;

use anyhow::anyhow;
use huixin_queue::{Class, DeadCursor, DeadFilter, Lane, MessageId, Scope};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::report::Failure;

const PAGE_DEFAULT: u64 = 100;
/// The most that one request may ask for.
const LIMITS: RangeInclusive<u64> = 0..=1_000;
/// Letters that one request changes: a transaction must be short.
const IDS_MAX: usize = 1_000;
/// How long the reason of a pause may be, in characters: each look at the queue shows it.
const REASON_MAX: usize = 1_000;
/// The longest OpenID: with the account it is the name of a lane.
const USER_MAX: usize = 440;
/// The first and the last moment that can be asked for, in Unix milliseconds: to the end of the year 9999.
const MOMENTS_MS: RangeInclusive<u64> = 0..=253_402_300_799_999;

/// Which dead letters are asked for: those that meet every condition given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LetterQuery {
    /// Only of this account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(pattern = "^[!-.0-~]{1,64}$", nullable = false)]
    pub account: Option<String>,
    /// Only of this user, an OpenID of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(pattern = "^[!-~]{1,440}$", nullable = false)]
    pub user: Option<String>,
    /// Only those whose reason contains this text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(nullable = false)]
    pub reason: Option<String>,
    /// Only those with this cause, as `/v1/dead/causes` names it. It is looked for among `limit` letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(nullable = false)]
    pub cause: Option<String>,
    /// Behind which letter to go on: `next` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(pattern = "^[0-9]{1,19}-[!-~]{1,128}$", nullable = false)]
    pub after: Option<String>,
    /// The most letters. One page never has more than 100.
    #[serde(default = "page_default")]
    #[param(maximum = 1000, default = 100)]
    pub limit: u64,
    /// `false` leaves out what users wrote.
    #[serde(default = "with_bodies", skip_serializing_if = "Clone::clone")]
    #[param(default = true)]
    pub bodies: bool,
}

/// How much of a dead letter is asked for.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct BodyQuery {
    /// `false` leaves out what the user wrote.
    #[serde(default = "with_bodies")]
    #[param(default = true)]
    pub(super) bodies: bool,
}

/// What can be paused: everything, an account, or one of its users.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pausable {
    /// The account; without one, everything.
    #[schema(pattern = "^[!-.0-~]{1,64}$")]
    pub account: Option<String>,
    /// The user's OpenID; without one, the whole account.
    #[schema(pattern = "^[!-~]{1,440}$")]
    pub user: Option<String>,
}

/// One user of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UserName {
    /// The account.
    #[param(pattern = "^[!-.0-~]{1,64}$")]
    #[schema(pattern = "^[!-.0-~]{1,64}$")]
    pub account: String,
    /// The user's OpenID.
    #[param(pattern = "^[!-~]{1,440}$")]
    #[schema(pattern = "^[!-~]{1,440}$")]
    pub user: String,
}

/// A request that says nothing more than its path.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// To pause something.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PauseRequest {
    /// What to pause.
    #[serde(deserialize_with = "object")]
    pub(super) what: Pausable,
    /// Why: `status` shows it.
    #[schema(max_length = 1000)]
    pub(super) reason: String,
}

/// Dead letters, by their ids.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LetterIds {
    /// The ids.
    #[schema(max_items = 1000, pattern = "^[!-~]{1,128}$")]
    ids: Vec<String>,
}

impl Default for LetterQuery {
    fn default() -> Self {
        Self {
            account: None,
            user: None,
            reason: None,
            cause: None,
            after: None,
            limit: PAGE_DEFAULT,
            bodies: true,
        }
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
        check_limit(Some(self.limit))?;
        Ok(DeadFilter { class, lane, reason: self.reason.clone() })
    }

    pub(super) fn cursor(&self) -> Result<Option<DeadCursor>, Failure> {
        let Some(after) = &self.after else { return Ok(None) };
        let parts = after.split_once('-');
        let cursor = parts.and_then(|(died_us, id)| {
            Some(DeadCursor { died_us: died_us.parse().ok()?, id: id_of(id.to_owned()).ok()? })
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

impl UserName {
    /// The user's lane.
    pub(crate) fn lane(&self) -> Result<Lane, Failure> {
        lane_of(&self.account, &self.user)
    }
}

impl LetterIds {
    pub(super) fn of(ids: &[MessageId]) -> Self {
        Self { ids: ids.iter().map(ToString::to_string).collect() }
    }

    pub(super) fn read(self) -> Result<Vec<MessageId>, Failure> {
        if self.ids.len() > IDS_MAX {
            let (many, hint) = (self.ids.len(), "ask several times");
            return Err(Failure::failed(format!("{many} ids are more than {IDS_MAX}"), hint));
        }
        self.ids.into_iter().map(id_of).collect()
    }
}

impl PauseRequest {
    /// What to pause, and why.
    pub(super) fn read(self) -> Result<(Pausable, String), Failure> {
        match self.reason.chars().count() {
            0..=REASON_MAX => Ok((self.what, self.reason)),
            many => Err(Failure::failed(
                format!("the reason has {many} characters, more than {REASON_MAX}"),
                "shorten it",
            )),
        }
    }
}

/// The lane of a user.
pub(super) fn lane_of(account: &str, user: &str) -> Result<Lane, Failure> {
    let class = class_of(account)?;
    check("user", user, USER_MAX, |_| true)?;
    Ok(Lane::new(format!("{class}/{user}")).map_err(anyhow::Error::from)?)
}

pub(super) fn class_of(account: &str) -> Result<Class, Failure> {
    check("account", account, Class::MAX_BYTES, |byte| byte != b'/')?;
    Ok(Class::new(account).map_err(anyhow::Error::from)?)
}

/// A message's id.
pub(super) fn id_of(id: String) -> Result<MessageId, Failure> {
    check("id", &id, MessageId::MAX_BYTES, |_| true)?;
    Ok(MessageId::new(id).map_err(anyhow::Error::from)?)
}

pub(super) fn user_alone() -> Failure {
    Failure::from(anyhow!("a user is named without an account"))
        .with_hint("an OpenID means something only with its account")
}

/// Refuses a number that isn't in the range.
pub(super) fn within<N: PartialOrd + std::fmt::Display>(
    name: &str,
    number: Option<N>,
    range: &RangeInclusive<N>,
) -> Result<(), Failure> {
    match number {
        Some(number) if !range.contains(&number) => Err(Failure::failed(
            format!("`{name}` is {number}"),
            format!("give a number from {} to {}", range.start(), range.end()),
        )),
        _ => Ok(()),
    }
}

/// Refuses a moment that no message can have come at.
pub(super) fn check_moment(name: &str, ms: Option<u64>) -> Result<(), Failure> {
    within(name, ms, &MOMENTS_MS)
}

/// Refuses more than one answer should have.
pub(super) fn check_limit(limit: Option<u64>) -> Result<(), Failure> {
    within("limit", limit, &LIMITS)
}

/// Accounts, OpenIDs and ids are short visible ASCII: anything else is a mistake of the caller.
fn check(name: &str, text: &str, max: usize, is_allowed: impl Fn(u8) -> bool) -> Result<(), Failure> {
    let is_good = (1..=max).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic() && is_allowed(byte));
    if is_good {
        return Ok(());
    }
    let hint = format!("it has 1 to {max} visible ASCII characters, without spaces");
    Err(Failure::failed(format!("`{}` is no {name}", text.escape_debug()), hint))
}

/// An object, and not the list of its values that serde would take, too.
fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<T, D::Error> {
    let object = Map::<String, Value>::deserialize(deserializer)?;
    T::deserialize(Value::Object(object)).map_err(D::Error::custom)
}

fn page_default() -> u64 {
    PAGE_DEFAULT
}

fn with_bodies() -> bool {
    true
}
