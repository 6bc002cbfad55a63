//! What tests of queues need: the conformance suite every engine must pass, a queue in memory to compare them
//! with, a real redis-server to run one on, a network and a disk that are bad, and settlements in fewer words.

mod bad_disk;
pub mod conformance;
mod proxy;
mod redis_server;
mod reference;
mod settling;

pub use bad_disk::{full_disk, slow_disk};
pub use proxy::Proxy;
pub use redis_server::{RedisServer, free_port};
pub use reference::ReferenceQueue;
pub use settling::Settling;
