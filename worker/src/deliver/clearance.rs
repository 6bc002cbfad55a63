//! When a part may go out: the account is not paused, its rate has a send left, and a line is free.

use std::time::Duration;

use huixin_wechat::Client;
use tokio::sync::SemaphorePermit;

use crate::account::Interface;
use crate::attempt::Attempt;
use crate::message_end::StepResult;

/// Waits until the account may send, by its pauses and its rate. `Some` if that takes longer than a wait here may: how long,
/// and why.
pub(super) async fn wait_for_turn(attempt: &Attempt<'_>) -> StepResult<Option<(Duration, &'static str)>> {
    let (pauses, name) = (&attempt.calls.shared.pauses, &attempt.payload.account);
    if let Some(wait) = attempt.calls.insist(|| pauses.admit(name, Interface::Send)).await? {
        return Ok(Some((wait, "the account is paused")));
    }
    let no_token = pauses.remaining(name, Interface::Token);
    if let Some(wait) = no_token.filter(|_| !attempt.account.api().is_some_and(Client::has_token)) {
        return Ok(Some((wait, "no access token can be fetched now")));
    }
    if attempt.account.send_rate.is_some() {
        attempt.calls.guard.begins("its turn under the account's `send_rate`", Duration::MAX);
        wait_for_rate(attempt).await?;
    }
    Ok(None)
}

/// Waits until the account's rate has a send left.
pub(crate) async fn wait_for_rate(attempt: &Attempt<'_>) -> StepResult<()> {
    attempt.calls.wait_for(attempt.account.wait_for_rate(|| ask_rate(attempt))).await?
}

/// Asks for one send of the account's rate: zero if it is granted, or how long until there may be one.
pub(crate) async fn ask_rate(attempt: &Attempt<'_>) -> StepResult<Duration> {
    let calls = attempt.calls;
    calls.insist(|| attempt.account.ask_rate(calls.queue(), &attempt.payload.account)).await
}

/// A line to WeChat, held until the send has ended.
pub(crate) async fn line<'a>(attempt: &Attempt<'a>) -> StepResult<SemaphorePermit<'a>> {
    let line = attempt.calls.wait_for(attempt.account.lines.acquire()).await?;
    Ok(line.expect("the lines are never closed"))
}
