//! What is served, as the handlers of all routes see it.

use tokio_util::sync::CancellationToken;

use crate::Sandbox;

/// What handlers share: the sandbox, and the news that this server stops.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) sandbox: Sandbox,
    /// Cancelled when the server is to stop. Streams of events and hanging calls end by it.
    pub(crate) stopping: CancellationToken,
}
