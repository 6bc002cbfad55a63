//! Everything about one message, as the page's inspector shows it: the push and its tries, the stages in the worker, what the
//! worker asked its services, and the calls to WeChat's API that it led to.
//!
//! The transcript has what users and their account did, in order. A story has what is of interest only when you look at one
//! message, and is forgotten sooner. Each of its lists and each text in it has a bound.

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::{FaultForm, Push, TryOutcome, clock};

mod shown;

pub(crate) use shown::{ApiCallShown, StageShown, TryShown, cut_text};
pub use shown::{Exchange, MessageStage};

/// The longest text that is kept, in bytes.
pub(crate) const TEXT_MAX_BYTES: usize = 16 * 1024;
/// How many tries, stages, exchanges and calls a story has; further ones are left out, except the last stages.
const MAX_EACH: usize = 64;

/// Everything about one message.
#[derive(Debug, Serialize)]
pub(crate) struct Story {
    account: String,
    user: String,
    msg_id: String,
    kind: String,
    content: String,
    said_ms: u64,
    push: SentPush,
    tries: Vec<TryShown>,
    /// The try that is under way.
    open: Option<OpenTry>,
    stages: Vec<StageShown>,
    exchanges: Vec<Exchange>,
    calls: Vec<ApiCallShown>,
    /// To make it again.
    #[serde(skip)]
    pub(crate) original: Push,
}

/// The push as its last try was posted.
#[derive(Debug, Default, Serialize)]
struct SentPush {
    url: Option<String>,
    xml: String,
    /// The body around it, where it is sealed.
    sealed: Option<String>,
    content_type: &'static str,
}

#[derive(Debug, Serialize)]
struct OpenTry {
    n: u32,
    since_ms: u64,
}

impl Story {
    pub(crate) fn new(push: &Push) -> Story {
        let said_ms = clock::unix_ms();
        Story {
            account: push.account.clone(),
            user: push.user.to_string(),
            msg_id: push.msg_id.clone(),
            kind: push.name(),
            content: cut_text(&push.summary()),
            said_ms,
            push: SentPush { content_type: "text/xml", ..SentPush::default() },
            tries: Vec::new(),
            open: None,
            stages: vec![StageShown { at_ms: said_ms, stage: MessageStage::Pushed }],
            exchanges: Vec::new(),
            calls: Vec::new(),
            original: push.clone(),
        }
    }

    /// A try of its push begins.
    pub(crate) fn try_begins(&mut self, n: u32) {
        self.open = Some(OpenTry { n, since_ms: clock::unix_ms() });
    }

    /// It is posted like this.
    pub(crate) fn posted(&mut self, url: &str, body: &Bytes, posted: &Bytes) {
        self.push.url = Some(url.to_owned());
        self.push.xml = cut_text(&String::from_utf8_lossy(body));
        self.push.sealed = (body != posted).then(|| cut_text(&String::from_utf8_lossy(posted)));
    }

    /// It ended, with this response if there was one.
    pub(crate) fn try_ended(&mut self, n: u32, took_ms: f64, outcome: &TryOutcome, response: Option<&Bytes>) {
        let at_ms = self.open.take().map_or_else(clock::unix_ms, |open| open.since_ms);
        push_within(&mut self.tries, TryShown::new(n, at_ms, took_ms, outcome, response));
        let is_stored = self.stages.iter().any(|shown| shown.stage == MessageStage::Stored);
        if outcome.is_ack() && !is_stored {
            self.staged(MessageStage::Stored);
        }
    }

    /// It has come this far.
    pub(crate) fn staged(&mut self, stage: MessageStage) {
        if self.stages.len() >= MAX_EACH {
            // The beginning and the end of a long way are of interest.
            self.stages.remove(MAX_EACH / 2);
        }
        self.stages.push(StageShown { at_ms: clock::unix_ms(), stage });
    }

    /// Its worker has asked a service.
    pub(crate) fn exchanged(&mut self, mut exchange: Exchange) {
        exchange.request = cut_text(&exchange.request);
        exchange.response = exchange.response.map(|response| cut_text(&response));
        push_within(&mut self.exchanges, exchange);
    }

    /// WeChat's API was called for it. A call without an `errcode` was not answered.
    pub(crate) fn called(
        &mut self,
        path: String,
        body: &[u8],
        answer: Option<(i64, String)>,
        fault: Option<FaultForm>,
    ) {
        let request = match body.len() <= TEXT_MAX_BYTES {
            true => serde_json::from_slice(body).ok(),
            false => None,
        };
        let request = request.unwrap_or_else(|| Value::String(cut_text(&String::from_utf8_lossy(body))));
        let (errcode, errmsg) = answer.unzip();
        let (at_ms, bytes) = (clock::unix_ms(), body.len());
        push_within(&mut self.calls, ApiCallShown { at_ms, path, request, errcode, errmsg, fault, bytes });
    }

    /// About how many bytes it holds.
    pub(crate) fn bytes(&self) -> usize {
        let push =
            self.push.xml.len() + self.push.sealed.as_ref().map_or(0, String::len) + self.content.len();
        let tries: usize = self.tries.iter().map(TryShown::bytes).sum();
        let exchanges: usize = self.exchanges.iter().map(Exchange::bytes).sum();
        let calls: usize = self.calls.iter().map(ApiCallShown::bytes).sum();
        1024 + 2 * push + tries + 128 * self.stages.len() + exchanges + calls
    }
}

fn push_within<T>(list: &mut Vec<T>, item: T) {
    if list.len() < MAX_EACH {
        list.push(item);
    }
}
