//! Answers by call back: the listener to which services post answers that they didn't have when they were asked.
//!
//! An address carries a sealed token (see [`huixin_worker::call_back`]), so nothing is looked up, and every process with
//! the accounts' secrets and the queue can take an answer: workers and receivers alike, whichever a proxy leads to. The
//! body is read and checked here, by the code that reads an HTTP answer, because here the service still hears what is
//! wrong. An answer is taken when the queue has it durably, and not before.
//!
//! Services on the Internet may have to reach it, so everything is bounded: time, bytes, and bodies in hand. Without a token
//! of ours no body is kept. The token is a key to one message: no log line has it.

mod metrics;
mod port;
mod post;
mod post_result;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use huixin_queue::Queue;
use huixin_worker::call_back::CallBacks;
use tokio::sync::Semaphore;

pub use metrics::describe;
pub use port::Port;

/// Bodies in hand at once: each may be a MiB, and as JSON some MiB more.
const BODIES_MAX: usize = 32;

/// What the listener needs.
pub struct CallBackListener {
    /// Where answers go.
    pub queue: Arc<dyn Queue>,
    /// Opens the addresses that workers have given.
    pub call_backs: CallBacks,
    /// How long things may take.
    pub limits: TimeLimits,
}

/// How long things may take; services wait longer than that for an answer.
#[derive(Clone, Copy, Debug)]
pub struct TimeLimits {
    /// A body, from its first byte to its last; then it is refused with 408.
    pub body: Duration,
    /// The queue, and before it the wait for a turn; then an answer is refused with 503.
    pub queue: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self { body: Duration::from_secs(10), queue: Duration::from_secs(5) }
    }
}

/// A running listener.
struct ListenerState {
    answers: CallBackListener,
    bodies: Semaphore,
}

/// Takes answers in until `shutdown` is done; requests under way are finished. A port that another process has is waited for.
///
/// # Errors
/// When the listener fails for good.
pub async fn run(
    port: Port,
    answers: CallBackListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    metrics::prepare(answers.call_backs.accounts());
    let mut shutdown = pin!(shutdown);
    let listener = tokio::select! {
        listener = port.listener() => listener,
        () = &mut shutdown => return Ok(()),
        never = metrics::listening(false) => match never {},
    };
    let state = ListenerState { answers, bodies: Semaphore::new(BODIES_MAX) };
    tokio::select! {
        served = crate::serve::until(listener, routes(Arc::new(state)), shutdown) => served,
        never = metrics::listening(true) => match never {},
    }
}

/// Every path comes to one place: a proxy may leave the path of `base_url` in front of ours, or take it off.
fn routes(state: Arc<ListenerState>) -> Router {
    Router::new().fallback(post::post).with_state(state)
}

#[cfg(test)]
mod tests;
