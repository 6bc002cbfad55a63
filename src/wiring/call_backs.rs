//! Answers by call back: what workers give out, and what takes answers in.

use std::sync::Arc;

use anyhow::Context as _;
use huixin_queue::Queue;
use huixin_worker::AnswerBy;
use huixin_worker::call_back::{AddressSecret, CallBacks};

use crate::call_backs::{CallBackListener, Port, TimeLimits};
use crate::config::Config;
use crate::report::Failure;

/// Makes and opens the addresses for answers; none if the configuration names no public address.
///
/// # Errors
/// When that can't be used.
pub fn call_backs(config: &Config) -> Result<Option<CallBacks>, Failure> {
    let Some(base) = &config.callback.base_url else { return Ok(None) };
    let secrets = config.accounts.iter().filter_map(|(name, account)| {
        let secret = match account.answer_by {
            AnswerBy::Push => AddressSecret::Token(account.token.clone()),
            AnswerBy::Api | AnswerBy::Either => AddressSecret::AppSecret(account.app_secret.clone()?),
        };
        Some((name.clone(), secret))
    });
    Ok(Some(CallBacks::new(base, secrets).context("`callback.base_url` can't be used")?))
}

/// What takes answers in, and where; none if this process doesn't.
///
/// # Errors
/// When it can't listen there. A port that another process has is no error.
pub async fn call_back_listener(
    config: &Config,
    queue: Arc<dyn Queue>,
) -> Result<Option<(Port, CallBackListener)>, Failure> {
    let (Some(address), Some(call_backs)) = (config.callback.listen, call_backs(config)?) else {
        return Ok(None);
    };
    let port = Port::at(address)
        .await
        .with_context(|| format!("cannot listen on `{address}` for answers by call back"))
        .map_err(|error| {
            Failure::from(error).with_hint(
                "correct `callback.listen`, or set it to false: then other processes receive the answers",
            )
        })?;
    Ok(Some((port, CallBackListener { queue, call_backs, limits: TimeLimits::default() })))
}
