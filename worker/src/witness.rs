//! A witness sees each step of each message while it happens: for tests, and for programs that show a message's way.
//!
//! ```
//! use huixin_worker::{Witness, WitnessEvent, WitnessedMessage};
//!
//! struct Printer;
//!
//! impl Witness for Printer {
//!     fn saw(&self, message: &WitnessedMessage, event: &WitnessEvent<'_>) {
//!         println!("{} {event:?}", message.id);
//!     }
//! }
//! // worker.witness(Arc::new(Printer))
//! ```
//!
//! It sees texts of users and what services say, so it is nothing for production: there are the journal, metrics and traces.
//! A worker without one does nothing here: what a witness would see isn't even made.
//!
//! How a handler's calls get here: the handler runs with its message in a task-local variable, and those who call services look
//! there. Rejected: a field in [`Context`](crate::Context), which everybody who makes one in a test would have to fill, and a
//! layer of `tracing`, whose fields are texts without bounds that any other layer would see too. A task that a handler starts
//! by itself is out of sight.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use huixin_wechat::Message;

/// The longest text that a witness gets of a call, in bytes.
pub const WITNESSED_MAX_BYTES: usize = 16 * 1024;

/// Who sees each step of each message.
pub trait Witness: Send + Sync + 'static {
    /// Something has happened to a message. The message waits until this returns.
    fn saw(&self, message: &WitnessedMessage, event: &WitnessEvent<'_>);
}

/// The message that something happens to.
#[derive(Clone, Debug)]
pub struct WitnessedMessage {
    /// Its id: opaque, the same on every attempt.
    pub id: String,
    /// The account's name in the configuration.
    pub account: String,
    /// Which attempt it is, from 1: failed attempts and lost leases both count.
    pub attempt: u32,
    /// The message as handlers get it.
    pub message: Message,
    /// Its body, byte for byte as WeChat pushed it.
    pub body: Bytes,
}

/// What happens to a message. Each attempt begins with [`Taken`](Self::Taken) and ends with [`Ended`](Self::Ended), unless the
/// worker dies.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WitnessEvent<'a> {
    /// This worker has taken it.
    Taken,
    /// Its handler begins.
    Handling {
        /// The route.
        route: &'a str,
    },
    /// Its handler has asked a service, a model or a database.
    Called(&'a ServiceCall),
    /// Its handler has ended.
    Handled {
        /// How long it took.
        took: Duration,
        /// Why it failed, if it did.
        failure: Option<&'a str>,
    },
    /// Its answer is recorded; of one that can be computed again, the intent to send it.
    Recorded {
        /// How many parts the answer has.
        parts: usize,
    },
    /// WeChat has taken a part of its answer by the API.
    Sent {
        /// Which, from 1.
        part: usize,
        /// Of how many.
        of: usize,
    },
    /// This worker lets it go.
    Ended {
        /// How: `answered`, `no_reply`, `unmatched`, `held`, `offered` (in a response), `retried`, `snoozed`, `awaiting`, `dead` …
        end: &'a str,
        /// Why it failed or waits, if it does.
        reason: Option<&'a str>,
    },
}

/// One call of a service, a model or a database, with at most [`WITNESSED_MAX_BYTES`] of each text.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceCall {
    /// When it began.
    pub began: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// `POST`; `SQL` for a database.
    pub method: &'static str,
    /// Who was asked, without what may be secret.
    pub url: String,
    /// What was asked.
    pub request: String,
    /// The HTTP status, if there is one.
    pub status: Option<u16>,
    /// What was answered.
    pub response: Option<String>,
    /// Why there was no answer.
    pub error: Option<String>,
}

/// The eyes on one message, if there are any.
#[derive(Clone, Default)]
pub(crate) struct Eyes(Option<Arc<WatchedMessage>>);

struct WatchedMessage {
    witness: Arc<dyn Witness>,
    message: WitnessedMessage,
}

tokio::task_local! {
    static WATCHED: Arc<WatchedMessage>;
}

impl Eyes {
    pub(crate) fn of(witness: Option<&Arc<dyn Witness>>, message: impl FnOnce() -> WitnessedMessage) -> Self {
        Self(witness.map(|witness| Arc::new(WatchedMessage { witness: witness.clone(), message: message() })))
    }

    pub(crate) fn saw(&self, event: &WitnessEvent<'_>) {
        if let Some(watched) = &self.0 {
            watched.witness.saw(&watched.message, event);
        }
    }

    /// Does something for the message: calls of services in it are seen.
    pub(crate) fn within<T>(&self, act: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(watched) => WATCHED.sync_scope(watched.clone(), act),
            None => act(),
        }
    }
}

/// A call under way that a witness will see.
pub(crate) struct WatchedCall {
    watched: Arc<WatchedMessage>,
    started: Instant,
    call: ServiceCall,
}

impl WatchedCall {
    /// A call begins; `None` if nobody watches.
    pub(crate) fn begin(
        method: &'static str,
        url: &str,
        request: impl FnOnce() -> String,
    ) -> Option<Box<Self>> {
        let watched = WATCHED.try_with(Clone::clone).ok()?;
        let (began, url, request) = (SystemTime::now(), url.to_owned(), cut(request()));
        let call = ServiceCall {
            began,
            took: Duration::ZERO,
            method,
            url,
            request,
            status: None,
            response: None,
            error: None,
        };
        Some(Box::new(Self { watched, started: Instant::now(), call }))
    }

    /// It was answered.
    pub(crate) fn answered(mut self, status: Option<u16>, response: String) {
        (self.call.status, self.call.response) = (status, Some(cut(response)));
        self.end();
    }

    /// It was not, or not in a way that can be used.
    pub(crate) fn failed(mut self, error: String) {
        self.call.error = Some(cut(error));
        self.end();
    }

    fn end(mut self) {
        self.call.took = self.started.elapsed();
        let WatchedMessage { witness, message } = &*self.watched;
        witness.saw(message, &WitnessEvent::Called(&self.call));
    }
}

fn cut(mut text: String) -> String {
    if text.len() > WITNESSED_MAX_BYTES {
        text.truncate(text.floor_char_boundary(WITNESSED_MAX_BYTES));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_two_characters() {
        assert_eq!(cut("短".to_owned()), "短");
        let cut = cut("长".repeat(WITNESSED_MAX_BYTES));
        assert!(cut.ends_with("长…") && cut.len() <= WITNESSED_MAX_BYTES + '…'.len_utf8());
    }

    #[test]
    fn without_a_witness_nothing_is_made() {
        let eyes = Eyes::of(None, || unreachable!("no message is made"));
        eyes.saw(&WitnessEvent::Taken);
        let call =
            eyes.within(|| WatchedCall::begin("POST", "http://service/", || unreachable!("no text is made")));
        assert!(call.is_none());
    }
}
