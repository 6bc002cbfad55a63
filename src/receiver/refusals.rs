//! Logs that pushes are refused, without a line for each.
//!
//! A wrong token is the likeliest mistake of a first set-up, and a scanner the likeliest visitor: the first must be seen in
//! the log, and the second must not fill it. So the first refusal of a kind is a line at once, and then there is one a
//! minute at most, with the count. Each is also counted in a metric, by its reason, and in sums by the hour.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use huixin_queue::Queue;
use url::form_urlencoded;

use super::metrics;
use crate::one_line::one_line;
use crate::refused::{self, RefusedSums};

const LOG_EVERY: Duration = Duration::from_secs(60);
/// How often the sums are stored for `huixin trace`.
const STORE_EVERY: Duration = Duration::from_secs(5);
/// How long that may take.
const STORE_WITHIN: Duration = Duration::from_secs(2);

/// Why a request is refused.
#[derive(Debug)]
pub(super) struct Reason {
    /// For the metric.
    label: &'static str,
    /// For the log.
    problem: &'static str,
    /// What to do if it was WeChat's. What depends on the configuration is added.
    remedy: &'static str,
}

const fn reason(label: &'static str, problem: &'static str, remedy: &'static str) -> Reason {
    Reason { label, problem, remedy }
}

pub(super) const PATH: Reason = reason("path", "the path is unknown", "");
pub(super) const METHOD: Reason =
    reason("method", "the method is neither GET nor POST", "check whether a proxy changes it");
pub(super) const ACCOUNT: Reason = reason("account", "the account is not configured", "");
pub(super) const ADDRESS: Reason =
    reason("address", "the client's address is not in `allow_from`", "add WeChat's addresses to it");
pub(super) const NO_ADDRESS: Reason = reason(
    "no_address",
    "a trusted proxy doesn't say which client it serves",
    "make the proxy set X-Forwarded-For to the client's address",
);
pub(super) const NO_SIGNATURE: Reason =
    reason("no_signature", "the query has no signature", "check whether a proxy removes the query");
pub(super) const DOUBLED: Reason =
    reason("doubled", "the query has a key twice", "remove `signature` and the like from the URL");
/// The likeliest mistake of a first set-up.
pub(super) const SIGNATURE: Reason = reason(
    "signature",
    "the signature is made with another token",
    "set the account's `token` to the one in WeChat's console (微信开发者平台) under 基础信息 › 域名与消息推送配置; while its other pushes \
     come in, the token is right, and something else than WeChat has sent this one",
);
pub(super) const PLAIN: Reason = reason(
    "plain",
    "the push is plain, but the account has an `aes_key`",
    "choose safe mode in WeChat's console (微信开发者平台) under 基础信息 › 域名与消息推送配置, or set `accept_plain` while you change it; \
     WeChat's test account (测试号) has no safe mode: remove `aes_key`",
);
pub(super) const NO_MSG_SIGNATURE: Reason =
    reason("no_msg_signature", "the query has no msg_signature", "check whether a proxy removes the query");
pub(super) const ENVELOPE: Reason =
    reason("envelope", "the body is not an encrypted push", "check whether a proxy changes the body");
pub(super) const SEALED: Reason = reason(
    "sealed",
    "the push can't be decrypted",
    "set `aes_key` and `app_id` to those in WeChat's console (微信开发者平台) under 基础信息",
);
pub(super) const TIMESTAMP: Reason =
    reason("timestamp", "the timestamp is too far from now", "set this machine's clock, or raise `max_skew`");
pub(super) const NO_ECHO: Reason =
    reason("no_echo", "the check of the URL has no echostr", "check whether a proxy removes the query");
pub(super) const TOO_LARGE: Reason =
    reason("too_large", "the body is larger than `max_body`", "raise `max_body`");
pub(super) const SLOW: Reason =
    reason("slow", "the body does not arrive in time", "check whether a proxy holds it back");
pub(super) const BUSY: Reason = reason(
    "busy",
    "more pushes come than can be stored in time",
    "WeChat tries them again; if this goes on, give this machine or the queue's more processors",
);

static ALL: [&Reason; 17] = [
    &PATH,
    &METHOD,
    &ACCOUNT,
    &ADDRESS,
    &NO_ADDRESS,
    &NO_SIGNATURE,
    &DOUBLED,
    &SIGNATURE,
    &PLAIN,
    &NO_MSG_SIGNATURE,
    &ENVELOPE,
    &SEALED,
    &TIMESTAMP,
    &NO_ECHO,
    &TOO_LARGE,
    &SLOW,
    &BUSY,
];

/// How the metric names all reasons that there are.
pub(super) fn labels() -> [&'static str; 17] {
    ALL.map(|reason: &Reason| reason.label)
}

/// What to do about a reason, by its label.
pub fn remedy(label: &str) -> Option<&'static str> {
    ALL.iter()
        .find(|reason| reason.label == label)
        .map(|reason| reason.remedy)
        .filter(|remedy| !remedy.is_empty())
}

/// What was refused and not yet logged, by account and reason. Accounts are configured ones and reasons few, so it is small.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    lines: Mutex<HashMap<(String, &'static str), Throttle>>,
    sums: Mutex<RefusedSums>,
}

#[derive(Debug)]
struct Throttle {
    at: Option<Instant>,
    since: u64,
}

impl Refusals {
    /// One more request for `account` was refused; `more` is added to the remedy.
    pub(super) fn note(&self, account: &str, reason: &Reason, more: &str) {
        self.note_of(account, reason, more, "");
    }

    /// The same of a push, with its query: WeChat's names the user, though here nothing proves it.
    pub(super) fn note_of(&self, account: &str, reason: &Reason, more: &str, query: &str) {
        let Reason { label, problem, remedy } = reason;
        metrics::refused(account, label);
        let user = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "openid");
        let user = user.map(|(_, user)| user).unwrap_or_default();
        self.sums.lock().unwrap_or_else(PoisonError::into_inner).add(account, label, &user);
        if let Some(refused) = self.due(account, label) {
            tracing::warn!(
                account = (!account.is_empty()).then_some(account),
                refused,
                reason = label,
                problem,
                hint = format!("if they are WeChat's: {remedy}{more}"),
                "requests are refused"
            );
        }
    }

    /// Stores the sums now and then, for ever.
    pub(super) async fn keep_sums(&self, queue: &dyn Queue) {
        loop {
            tokio::time::sleep(STORE_EVERY).await;
            self.store_sums(queue).await;
        }
    }

    /// Stores the sums that have changed.
    pub(super) async fn store_sums(&self, queue: &dyn Queue) {
        let due = self.sums.lock().unwrap_or_else(PoisonError::into_inner).due();
        let stored = tokio::time::timeout(STORE_WITHIN, refused::store(queue, due)).await;
        let problem = match stored {
            Ok(Ok(())) => return,
            Ok(Err(error)) => one_line(&error),
            Err(_) => "no answer in time".to_owned(),
        };
        self.sums.lock().unwrap_or_else(PoisonError::into_inner).failed();
        tracing::debug!(problem, "the sums of refused requests can't be stored now");
    }

    /// How many have come since the last line, if it is time for one.
    fn due(&self, account: &str, reason: &'static str) -> Option<u64> {
        // Nothing panics while it is held, and counts are never half changed.
        let mut kinds = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let throttle = kinds.entry((account.to_owned(), reason)).or_insert(Throttle { at: None, since: 0 });
        throttle.since += 1;
        if throttle.at.is_some_and(|at| at.elapsed() < LOG_EVERY) {
            return None;
        }
        throttle.at = Some(Instant::now());
        Some(std::mem::take(&mut throttle.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_refusal_of_a_kind_is_logged_and_the_next_ones_are_counted() {
        let refusals = Refusals::default();
        assert_eq!(refusals.due("main", "a"), Some(1));
        assert_eq!((refusals.due("main", "a"), refusals.due("main", "a")), (None, None));
        assert_eq!((refusals.due("other", "a"), refusals.due("main", "b")), (Some(1), Some(1)));
        refusals.lines.lock().unwrap().get_mut(&("main".to_owned(), "a")).unwrap().at = None;
        assert_eq!(refusals.due("main", "a"), Some(3));
    }
}
