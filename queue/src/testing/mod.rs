//! What tests of queues need: the conformance suite every engine must pass, a queue in memory to compare them
//! with, a real redis-server to run one on, a network that breaks, and settlements in fewer words.

pub mod conformance;
mod proxy;
mod redis_server;
mod reference;
mod settling;

pub use proxy::Proxy;
pub use redis_server::{RedisServer, free_port};
pub use reference::ReferenceQueue;
pub use settling::Settling;
