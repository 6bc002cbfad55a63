//! The handlers that come with Huixin, chosen by routes of the configuration.

mod http;
mod http_answer;
mod reply;
#[cfg(feature = "sql")]
pub mod sql;

pub use http::{HttpHandler, HttpHandlerError};
pub use reply::{ReplyHandler, ReplyHandlerError};
