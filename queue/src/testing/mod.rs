//! What tests of queues need: the conformance suite every engine must pass, and a real redis-server to run one on.

pub mod conformance;
mod redis_server;

pub use redis_server::RedisServer;
