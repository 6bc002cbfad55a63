//! The receiver: what WeChat talks to.
//!
//! It checks a push, stores it, and answers an empty string. The order is the promise: never an acknowledgement before
//! the queue has said that the message is durable, and if it can't say so within the budget, 503, so that WeChat tries
//! again. It makes no outbound call but to its queue, runs no business logic, and keeps nothing in memory: it may be
//! killed at any moment, and there may be any number of them.

mod metrics;
mod origin;
mod outage;
mod page;
mod push;
mod refusals;
mod verify;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use huixin_queue::{Class, Queue};
use huixin_wechat::{Keys, PushQuery};
use tokio::net::TcpListener;

pub use metrics::describe;
pub use origin::Origins;
use outage::Outage;
use refusals::Refusals;

/// What a receiver needs to know.
pub struct Receiver {
    /// Where messages go.
    pub queue: Arc<dyn Queue>,
    /// The accounts by their names in the path.
    pub accounts: HashMap<String, ReceiverAccount>,
    /// The largest body that is read, in bytes.
    pub max_body_bytes: usize,
    /// How long storing may take before the answer is 503.
    pub ack_budget: Duration,
    /// How far a push's timestamp may be off this machine's clock; none: as far as it likes.
    pub max_skew: Option<Duration>,
    /// Which clients may push.
    pub origins: Origins,
}

/// An account as the receiver knows it.
pub struct ReceiverAccount {
    /// What its pushes are checked with.
    pub keys: Keys,
    /// The queue's class for its messages.
    pub class: Class,
}

/// Serves pushes on `listener` until `shutdown` is done; requests under way are finished.
///
/// # Errors
/// When the listener fails for good.
pub async fn run(
    listener: TcpListener,
    receiver: Receiver,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    crate::serve::until(
        listener,
        routes(Arc::new(Door { receiver, outage: Outage::default(), refusals: Refusals::default() })),
        shutdown,
    )
    .await
}

/// All there is to ask for. Another method on the same path is answered 405, another path 404, both without a body.
fn routes(door: Arc<Door>) -> Router {
    Router::new()
        .route("/wechat/{account}", get(verify::verify).post(push::push))
        .fallback(|| async { axum::http::StatusCode::NOT_FOUND })
        .with_state(door)
}

/// A running receiver.
struct Door {
    receiver: Receiver,
    outage: Outage,
    refusals: Refusals,
}

impl std::ops::Deref for Door {
    type Target = Receiver;

    fn deref(&self) -> &Receiver {
        &self.receiver
    }
}

impl Receiver {
    /// Whether a request's timestamp is near enough to now.
    fn is_fresh(&self, query: &PushQuery) -> bool {
        let Some(max_skew) = self.max_skew else { return true };
        let Ok(timestamp) = query.timestamp.parse::<u64>() else { return false };
        let now =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.as_secs());
        now.abs_diff(timestamp) <= max_skew.as_secs()
    }
}
