//! Takes WeChat messages off a Huixin queue, runs handlers, and delivers their replies.
//!
//! A message's way through a worker: a free permit comes first, then the message is taken under a *lease*; a *route* finds
//! its *handler*; the handler's replies are recorded, sent through WeChat's customer-service API, and the message is
//! settled. A crash at any point loses nothing: the lease runs out, another worker takes the message and goes on from
//! what was recorded.
//!
//! Write a [`Handler`], give it to a [`Route`], give that to a [`Worker`]:
//!
//! ```
//! use async_trait::async_trait;
//! use huixin_worker::{Context, Handler, Outcome, Route};
//! use huixin_wechat::Message;
//!
//! struct Greeter;
//!
//! #[async_trait]
//! impl Handler for Greeter {
//!     async fn handle(&self, message: &Message, context: &Context) -> Outcome {
//!         // Seconds or minutes of work. It may run twice for one message: `context.id` is the same then.
//!         Outcome::text(format!("you said {}", message.content().unwrap_or_default()))
//!     }
//! }
//!
//! let route = Route::new("greet", Greeter).attempts(3).failure_reply("please try again later");
//! ```
//!
//! `examples/slow_answer.rs` runs a whole worker. In tests of your own, a [`Witness`] sees each step of each message.

mod account;
mod admission;
mod answer;
mod attempt;
mod backoff;
mod conclude;
mod condition;
mod deliver;
mod dispatcher;
mod error_text;
mod execute;
mod handler;
mod health;
mod lease;
mod lease_calls;
mod memory;
mod message_end;
mod note;
mod payload;
mod policy;
mod process;
mod recorder;
mod respond;
mod rights;
mod route;
mod settings;
mod stored_json;
mod tell_of_death;
mod template;
mod witness;
mod worker;
mod worker_context;

pub mod call_back;
pub mod handlers;
pub mod media;
pub mod metrics;
pub mod reply;
pub mod text;
pub mod trace;

pub use account::{Account, AccountPause, AnswerBy, Interface, InterfaceState, PUSH_WAIT, SendRate};
pub use condition::{Captures, Condition, Mismatch, normalised};
pub use dispatcher::Stopped;
pub use handler::{Context, Handler, MEMORY_MAX_BYTES, Outcome};
pub use health::{CLOCKS_APART_S, WorkerHealth};
pub use lease::RunningMessage;
pub use note::Note;
pub use payload::{Payload, PayloadError};
pub use rights::{Rights, TriggerRight};
pub use route::{
    ANSWER_WITHIN_DEFAULT, ATTEMPTS_DEFAULT, AiLabel, HOLD_FOR_ACTION, HOLD_FOR_DEFAULT, MEMORY_FOR_DEFAULT,
    PATIENCE_DEFAULT, Route, Unsure,
};
pub use settings::WorkerSettings;
pub use template::{TEMPLATE_NAMES, Template, TemplateError};
pub use witness::{ServiceCall, WITNESSED_MAX_BYTES, Witness, WitnessEvent, WitnessedMessage};
pub use worker::{Worker, WorkerError};
