//! The WeChat Official Account protocol: what a pushed message is, whether it is genuine, and how an answer is sent.
//!
//! Three parts, which meet only in the hands of the caller:
//!
//! - **in**: [`authentication`] decides whether a request comes from WeChat, by [`signature`] and [`envelope`]; [`body`] reads its
//!   [`xml`] or [`json`] into an ordered tree, [`message`] gives the tree types, and [`dedup`] names it, so that WeChat's
//!   second and third try are known for what they are;
//! - **out**: [`api`] holds the access token and sends customer-service messages; [`api::classify`] says what an error
//!   code means for the sender;
//! - **secrets**: [`Secret`], [`AesKey`] and [`AccessToken`] print as `***`, and no error of this crate shows any.
//!
//! Nothing here knows of queues or workers, no task is started, and only [`api`] does I/O: everything else is
//! functions from bytes to values, which is why it can be tested by tables and by random input.

pub mod api;
pub mod authentication;
pub mod body;
pub mod dedup;
pub mod envelope;
pub mod json;
mod mend;
pub mod message;
pub mod passive;
pub mod secret;
pub mod signature;
pub mod xml;

pub use api::{
    AccessToken, ApiError, Article, CallCause, Client, ClientConfig, CodeClass, Content, Downloaded,
    FileType, Limit, Media, MediaKind, MenuItem, Outgoing, POLICY, Rule, UNKNOWN, Unsendable, Uploaded,
    Whose, classify, http_client, http_client_through, rule,
};
pub use authentication::{PrecheckedPush, PushBody, PushKeys, PushRefusal, admit};
pub use body::{BodyError, ParsedBody};
pub use dedup::DedupKey;
pub use envelope::{AesKey, KeyError};
pub use message::{Event, Kind, Message, MessageHead, Trigger};
pub use secret::Secret;
pub use signature::{PushQuery, QueryError, sign};
pub use xml::{Element, TreeLimits, XmlError};
