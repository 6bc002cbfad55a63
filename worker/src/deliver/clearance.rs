//! When a part may go out: the account is not paused, its rate has a send left, a line is free, and WeChat takes it.

use std::time::Duration;

use huixin_queue::Standing;
use tokio::sync::SemaphorePermit;

use crate::account::{Account, Interface};
use crate::attempt::Attempt;
use crate::calls::Calls;
use crate::end::Step;
use crate::rights::Closed;

/// Waits until the account may send, by its pauses and its rate. Something: not in the time that one waits here; how long, and
/// why.
pub(super) async fn wait_for_turn(
    attempt: &Attempt<'_>,
    calls: &Calls<'_>,
) -> Step<Option<(Duration, &'static str)>> {
    let (pauses, name) = (&attempt.shared.pauses, &attempt.payload.account);
    if let Some(wait) = calls.insist(|| pauses.admit(name, Interface::Send)).await? {
        return Ok(Some((wait, "the account is paused")));
    }
    let no_token = pauses.remaining(name, Interface::Token);
    if let Some(wait) = no_token.filter(|_| !attempt.account.client.has_token()) {
        return Ok(Some((wait, "no access token can be fetched now")));
    }
    if attempt.account.send_rate.is_some() {
        calls.guard.begins("its turn by the account's rate", Duration::MAX);
        wait_for_rate(attempt, calls).await?;
    }
    Ok(None)
}

/// Waits until the account's rate has a send left.
pub(crate) async fn wait_for_rate(attempt: &Attempt<'_>, calls: &Calls<'_>) -> Step<()> {
    calls.wait_for(attempt.account.wait_for_rate(|| ask_rate(attempt, calls))).await?
}

/// Asks for one send of the account's rate: nothing, or how long until there may be one.
pub(crate) async fn ask_rate(attempt: &Attempt<'_>, calls: &Calls<'_>) -> Step<Duration> {
    let Some(rate) = attempt.account.send_rate else { return Ok(Duration::ZERO) };
    let limit = rate.limit(&attempt.payload.account);
    calls.insist(|| calls.queue().limit(&limit, rate.sends, rate.per)).await
}

/// A line to WeChat, held until the send has ended.
pub(crate) async fn line<'a>(account: &'a Account, calls: &Calls<'_>) -> Step<SemaphorePermit<'a>> {
    let line = calls.wait_for(account.lines.acquire()).await?;
    Ok(line.expect("the lines are never closed"))
}

/// Why WeChat isn't asked to take the next part of an answer, after all sends of the lane but this part's `own`.
pub(super) fn closed(attempt: &Attempt<'_>, standing: &Standing, was_held: bool, own: u32) -> Option<Closed> {
    let mut opening = attempt.opening(standing);
    if let Some(right) = standing.right.filter(|_| was_held) {
        opening.sends = Some(right.sends);
    }
    opening.gate(standing.sends.saturating_sub(own)).err()
}
