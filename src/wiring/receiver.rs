//! The receiver and its spool.

use std::collections::HashMap;
use std::iter::once;
use std::sync::Arc;

use anyhow::Context as _;
use huixin_queue::spool::{Folders, SpoolError, SpoolLimits};
use huixin_queue::{Class, Clock, Queue};
use huixin_wechat::PushKeys;
use huixin_worker::AnswerBy;

use crate::config::{AccountConfig, Config, QueueUrl, ReceiverConfig, SpoolConfig};
use crate::receiver::{Answers, ClaimedSpool, Origins, PushAnswers, Receiver, ReceiverAccount};
use crate::report::Failure;

/// The receiver.
///
/// # Errors
/// When an account's name can't be a class of the queue.
pub fn receiver(
    config: &Config,
    queue: Arc<dyn Queue>,
    claimed_spool: Option<ClaimedSpool>,
) -> Result<Receiver, Failure> {
    let mut accounts = HashMap::new();
    for (name, account) in &config.accounts {
        let keys = PushKeys {
            tokens: once(&account.token).chain(&account.previous_token).cloned().collect(),
            aes_keys: account.aes_key.iter().chain(&account.previous_aes_key).cloned().collect(),
            app_id: account.app_id.clone(),
            accept_plain: account.accept_plain,
        };
        let class = Class::new(name.as_str()).context("an account's name can't be used")?;
        accounts.insert(name.clone(), ReceiverAccount::new(keys, class, answers(config, account)));
    }
    let max_body_bytes =
        usize::try_from(config.receiver.max_body.bytes()).context("receiver.max_body is too large")?;
    let ReceiverConfig { ack_budget, max_skew, allow_from, trusted_proxies, .. } = config.receiver.clone();
    let origins = Origins { allow_from, trusted_proxies };
    let rights = config.delivery.rights.clone();
    Ok(Receiver { queue, claimed_spool, accounts, rights, max_body_bytes, ack_budget, max_skew, origins })
}

/// How an account's pushes are answered.
fn answers(config: &Config, account: &AccountConfig) -> Answers {
    let rules = &account.answers;
    let push_wait = rules.push_wait;
    match account.answer_by {
        AnswerBy::Api => {
            let routes = &config.routes;
            let needed = routes.iter().rposition(|route| route.may_transfer).map_or(0, |last| last + 1);
            let routes = routes.iter().take(needed);
            let may_transfer = routes.map(|route| (route.condition.clone(), route.may_transfer)).collect();
            Answers::Api { may_transfer, push_wait }
        }
        AnswerBy::Either => Answers::Either { push_wait },
        AnswerBy::Push => Answers::Push(PushAnswers {
            unanswered: rules.unanswered.map(|rate| (rate.count, rate.per)),
            notice: rules.notice(),
            link: rules.link(),
            fetch_words: rules.fetch_words.clone(),
        }),
    }
}

/// The receiver's spool: none if the queue is a file, which is never out of reach, or if none is wanted. It blocks, for as
/// long as it takes to open a few files.
///
/// # Errors
/// When there can't be one where the configuration wants it. If only the disk says no, the receiver does without a
/// spool: while its Redis is well, it must not stay away for that.
pub fn claimed_spool(config: &Config) -> Result<Option<ClaimedSpool>, Failure> {
    let (QueueUrl::Redis(_), Some(spool)) = (&config.queue.url, &config.receiver.spool) else {
        return Ok(None);
    };
    // The same after a restart: what is left in its folder is its own.
    let owner = format!("{} {}", gethostname::gethostname().display(), config.receiver.listen);
    match ClaimedSpool::open(folders(spool).owned_by(owner), spool.max_age) {
        Ok(claimed_spool) => Ok(Some(claimed_spool)),
        Err(error @ (SpoolError::Unavailable { .. } | SpoolError::Broken { .. })) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            tracing::error!(%error, cause, "the receiver starts without its spool");
            Ok(None)
        }
        Err(error) => {
            let hint = "correct `receiver.spool.dir`, or set `spool = false` under [receiver]: then pushes are \
                refused while Redis is unavailable";
            Err(Failure::from(error).with_hint(hint))
        }
    }
}

/// Whether the configuration wants a receiver to have a spool.
pub fn wants_spool(config: &Config) -> bool {
    matches!(config.queue.url, QueueUrl::Redis(_)) && config.receiver.spool.is_some()
}

/// Where spools are.
pub fn folders(config: &SpoolConfig) -> Folders {
    let limits = SpoolLimits { max_bytes: config.max_size.bytes(), reserve_bytes: config.reserve.bytes() };
    Folders::new(&config.dir, limits, Clock::Store)
}
