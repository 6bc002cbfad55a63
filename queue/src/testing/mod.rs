//! What tests of queues need: the conformance suite every engine must pass, a real redis-server to run one on, and a
//! network that breaks.

pub mod conformance;
mod proxy;
mod redis_server;

pub use proxy::Proxy;
pub use redis_server::RedisServer;
