//! The handlers that come with Huixin, chosen by routes of the configuration.

mod body;
mod chat;
mod http;
mod http_answer;
mod reply;
#[cfg(feature = "sql")]
pub mod sql;
mod transport;
mod unreachable;

pub use body::BODY_MAX_BYTES as ANSWER_MAX_BYTES;
pub use chat::{ChatHandler, ChatHandlerError, ChatSettings};
pub use http::{HttpHandler, HttpHandlerError, TrialResult};
pub use http_answer::read_answer;
pub use reply::{ReplyHandler, ReplyHandlerError};
