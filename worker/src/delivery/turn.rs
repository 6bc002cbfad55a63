//! When a part may go out: the account is not paused, its rate has a send left, a line is free, and WeChat takes it.

use std::time::Duration;

use tokio::sync::SemaphorePermit;

use super::{Delivery, Sending, Sent};
use crate::account::Interface;
use crate::job::{Job, Step, Stop};
use crate::rights::Closed;
use crate::worker::{Account, SendRate};

impl Job {
    /// Waits until the account may send, by its pauses and its rate. Something: not in the time that one waits here.
    pub(super) async fn wait_for_turn(&self, sending: &mut Sending<'_>) -> Step<Option<Sent>> {
        let Delivery { account, payload, .. } = *sending.delivery;
        let pauses = &self.shared.pauses;
        if let Some(wait) = self.insist(|| pauses.admit(&payload.account, Interface::Send)).await? {
            return self.wait_out(sending, wait, "the account is paused").await.map(Some);
        }
        let no_token = pauses.remaining(&payload.account, Interface::Token);
        if let Some(wait) = no_token.filter(|_| !account.client.has_token()) {
            return self.wait_out(sending, wait, "no access token can be fetched now").await.map(Some);
        }
        if account.send_rate.is_some() {
            self.held.begins("its turn by the account's rate", Duration::MAX);
            self.wait_for_rate(sending.delivery).await?;
        }
        Ok(None)
    }

    /// Waits until the account's rate has a send left.
    pub(crate) async fn wait_for_rate(&self, delivery: &Delivery<'_>) -> Step<()> {
        let Delivery { account, payload, .. } = *delivery;
        let Some(rate) = account.send_rate else { return Ok(()) };
        let granted = async {
            let _turn = account.turn.lock().await;
            loop {
                match self.ask_rate(&payload.account, rate).await? {
                    Duration::ZERO => return Ok(()),
                    wait => tokio::time::sleep(wait).await,
                }
            }
        };
        tokio::select! {
            biased;
            () = self.held.lost().cancelled() => Err(Stop::Lost),
            () = self.shared.stop_now.cancelled() => Err(Stop::Stopping),
            granted = granted => granted,
        }
    }

    /// Waits with a part that was refused, as long as the message may be sent at all.
    pub(super) async fn wait_here(&self, wait: Duration) -> Step<()> {
        tokio::select! {
            biased;
            () = self.held.lost().cancelled() => Err(Stop::Lost),
            () = self.shared.stop_now.cancelled() => Err(Stop::Stopping),
            () = tokio::time::sleep(wait) => Ok(()),
        }
    }

    /// Asks for one send of an account's rate: nothing, or how long until there may be one.
    pub(crate) async fn ask_rate(&self, account: &str, rate: SendRate) -> Step<Duration> {
        let name = format!("sends/{account}");
        self.insist(|| self.queue().limit(&name, rate.sends, rate.per)).await
    }

    /// A line to WeChat, held until the send has ended.
    pub(crate) async fn line<'a>(&self, account: &'a Account) -> Step<SemaphorePermit<'a>> {
        tokio::select! {
            biased;
            () = self.held.lost().cancelled() => Err(Stop::Lost),
            () = self.shared.stop_now.cancelled() => Err(Stop::Stopping),
            line = account.lines.acquire() => Ok(line.expect("the lines are never closed")),
        }
    }

    /// Why WeChat isn't asked to take the next part, after all sends of the lane but this part's own.
    pub(super) fn closed(&self, sending: &Sending<'_>, own: u32) -> Option<Closed> {
        let Delivery { message, payload, .. } = *sending.delivery;
        let standing = self.standing();
        let mut opening = self.opening(message, payload);
        if let Some(right) = standing.right.filter(|_| sending.answer.was_held) {
            opening.sends = Some(right.sends);
        }
        opening.gate(standing.sends.saturating_sub(own)).err()
    }
}
