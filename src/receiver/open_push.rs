//! A push that is kept open, because an answer may still go out in its response.
//!
//! The message is stored as any other, and beside that the queue learns that the push is open. Then the receiver looks for a
//! part: when there is news of the push's lane, and now and then, since news may be lost. Whether a part goes out is the
//! queue's decision alone, so any number of receivers may serve the tries of one push, and each may be killed. What follows if
//! no part comes is in `decide`.
//!
//! Nothing waits longer than WeChat: all moments are counted from the head of the request, by a clock that never goes back,
//! and when they are over nothing waits for the queue any more. Open pushes have room of their own; while there is none, a push
//! ends at once, as if its time were up. Rejected: keeping them among the ordinary connections, which a slow handler would use
//! up; an ordinary push takes milliseconds.

mod claim;
mod decide;
mod response;
mod serving;
#[cfg(test)]
mod tests;
mod waits;

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::response::Response;
use huixin_queue::{Responder, Shared};
use huixin_wechat::{Message, PushQuery};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use self::claim::Claims;
use self::serving::Serving;
use self::waits::Waits;
use super::answers::PushWay;
use super::intake::Arriving;
use super::{ReceiverAccount, ReceiverState, metrics};
use crate::one_line::one_line;
use crate::serve::Peer;

/// Bounds for open pushes.
#[derive(Clone, Debug)]
pub(super) struct PushLimits {
    /// How many are open at once.
    at_once: usize,
    /// Nothing is claimed so long after a push's head: WeChat hangs up after five seconds.
    claim_until: Duration,
    /// How long the queue may take besides.
    grace: Duration,
    /// When a push is cut that is left unanswered.
    cut_after: Duration,
    /// How often each looks without news.
    look_every: Duration,
}

impl Default for PushLimits {
    fn default() -> Self {
        Self {
            at_once: 2_048,
            claim_until: Duration::from_secs(4),
            grace: Duration::from_millis(300),
            cut_after: Duration::from_secs(6),
            look_every: Duration::from_millis(500),
        }
    }
}

/// The open pushes of a receiver.
pub(super) struct OpenPushes {
    responder: Arc<dyn Responder>,
    shared: Arc<dyn Shared>,
    limits: PushLimits,
    room: Arc<Semaphore>,
    waits: Arc<Waits>,
    claims: Claims,
    /// The receiver's name for the queue, another one in each process.
    receiver: String,
    stop: CancellationToken,
}

/// A genuine push that may be kept open.
#[derive(Clone, Copy)]
pub(super) struct OpenablePush<'a> {
    /// When its head was there.
    pub(super) began: Instant,
    pub(super) name: &'a str,
    pub(super) account: &'a ReceiverAccount,
    pub(super) way: PushWay<'a>,
    pub(super) query: &'a PushQuery,
    /// The place of the key that opened it.
    pub(super) opened_with: Option<usize>,
    pub(super) message: &'a Message,
}

impl OpenPushes {
    pub(super) fn new(responder: Arc<dyn Responder>, shared: Arc<dyn Shared>, limits: PushLimits) -> Self {
        Self {
            room: Arc::new(Semaphore::new(limits.at_once)),
            waits: Arc::default(),
            claims: Claims::new(responder.clone()),
            receiver: format!("{:016x}", rand::random::<u64>()),
            stop: CancellationToken::new(),
            responder,
            shared,
            limits,
        }
    }

    /// Hears what the queue says of them, until the handle is dropped.
    pub(super) fn listen(&self) -> AbortOnDropHandle<()> {
        let listening = self.waits.clone().listen(self.responder.clone(), self.receiver.clone());
        AbortOnDropHandle::new(tokio::spawn(listening))
    }

    /// Ends all of them when it is cancelled.
    pub(super) fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// After the last response: waits until the queue knows what went out.
    pub(super) async fn finish(&self) {
        self.claims.finish().await;
    }

    /// Whether the budget of all receivers lets one more try go unanswered. In doubt it doesn't.
    async fn grants_unanswered(&self, account: &str, (most, per): (u32, Duration), by: Instant) -> bool {
        // Saved ones and those that come with the time are together no more than `most` in any such time.
        let name = format!("unanswered/{account}");
        let problem = match timeout_at(by, self.shared.limit(&name, most.div_ceil(2), per)).await {
            Ok(Ok(wait)) => {
                if !wait.is_zero() {
                    metrics::over_budget(account);
                }
                return wait.is_zero();
            }
            Ok(Err(error)) => one_line(&error),
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::debug!(account, problem, "the budget of unanswered tries can't be asked");
        false
    }

    fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.room.clone().try_acquire_owned().ok()
    }
}

/// Stores a push, keeps it open for its answer, and responds.
pub(super) async fn serve(
    state: &ReceiverState,
    push: OpenablePush<'_>,
    arriving: Arriving,
    peer: &Peer,
) -> Response {
    let serving = Serving::new(state, push, &arriving);
    let fetch = push.way.fetch(push.message);
    let Some(_place) = state.open_pushes.place() else { return serving.without_room(fetch, arriving).await };
    peer.give_permit_back();
    let mut response = serving.keep_open(fetch, arriving).await;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
