//! Tells the user of a message that the queue has buried because workers died of it.
//!
//! When a message fails, the worker that handles it tells the user. Nobody handles this message: the queue ends it when a
//! third worker is lost, and the worker that hears of it sends the route's `failure_reply`, if WeChat still takes it. Nothing
//! of this is recorded, so the reply is sent at most once: the message is at its end, and may kill this worker, too.
//! Rejected: leasing it once more for these words, which would give every engine another state.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use huixin_queue::{LOSSES_MAX, MessageId};
use huixin_wechat::Message;

use crate::account::Interface;
use crate::answer::{Answer, Before};
use crate::attempt::pushed_at;
use crate::payload::Payload;
use crate::route;
use crate::worker_context::WorkerContext;

/// How long it may take in all.
const TELL_WITHIN: Duration = Duration::from_secs(60);

/// Tells the user of this message, if it died of lost workers and there is something to tell.
pub(crate) async fn tell(shared: Arc<WorkerContext>, id: MessageId) {
    match tokio::time::timeout(TELL_WITHIN, send(&shared, &id)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(id = id.as_str(), %error, "the failure reply of a dead message could not be sent");
        }
        Err(_) => {
            tracing::warn!(id = id.as_str(), "the failure reply of a dead message could not be sent in time");
        }
    }
}

async fn send(
    shared: &WorkerContext,
    id: &MessageId,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let Some(letter) = shared.queue.dead_letter(id).await?.filter(|letter| letter.losses >= LOSSES_MAX)
    else {
        return Ok(());
    };
    let payload = Payload::decode(&letter.payload)?;
    let message = Message::parse(&payload.body)?;
    let Some(account) = shared.accounts.get(&payload.account) else { return Ok(()) };
    let Some(client) = account.api() else { return Ok(()) };
    let route = route::find(&shared.routes, &payload.account, &message).map(|(route, _)| route);
    let Some(text) = route.and_then(|route| route.failure_reply.as_deref()) else { return Ok(()) };
    let now = SystemTime::now();
    let opening = shared.rights.opening(
        payload.trigger,
        pushed_at(&message, letter.arrived_us),
        &huixin_queue::SendState::default(),
    );
    if !opening.is_open(now) || shared.pauses.is_in_trouble(&payload.account) {
        return Ok(());
    }
    let words = Answer::last_words(text, account.text_max_bytes(), Before::default(), letter.reason);
    for part in words.iter().flat_map(|words| &words.parts) {
        account.wait_for_rate(|| account.ask_rate(&*shared.queue, &payload.account)).await?;
        let _line = account.lines.acquire().await?;
        client.send(&message.from, part).await?;
        shared.pauses.passed(&payload.account, Interface::Send).await;
    }
    Ok(())
}
