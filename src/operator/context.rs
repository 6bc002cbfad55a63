//! What the requests of one admin listener share.

use std::sync::Arc;

use huixin_queue::Queue;

use super::access::Access;

/// What the requests of one admin listener share.
pub struct OperatorContext {
    /// The queue.
    pub queue: Arc<dyn Queue>,
    /// Who may do what.
    pub access: Access,
}
