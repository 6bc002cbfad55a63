//! Pushes that are kept open, over real sockets: the tests play WeChat and the worker.

mod answered;
mod fetched;
mod stage;
mod trouble;
mod unanswered;
mod wire;
