//! The response of a push that was kept open.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::SystemTime;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use huixin_wechat::passive::{Form, PassiveReplyError, respond};
use huixin_wechat::{Message, PushKeys, PushQuery};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::claim::Written;
use crate::receiver::metrics::{How, Tally};

/// A push as its response needs it.
#[derive(Clone, Copy)]
pub(super) struct ResponseEnvelope<'a> {
    pub(super) keys: &'a PushKeys,
    pub(super) query: &'a PushQuery,
    /// The place of the key that opened it.
    pub(super) opened_with: Option<usize>,
    pub(super) message: &'a Message,
}

impl ResponseEnvelope<'_> {
    /// What is said to the user, as the body of the response.
    pub(super) fn body(self, mut form: Form) -> Result<String, PassiveReplyError> {
        // An answer to an event may have several articles, and go out in the response to a message, which may have one.
        if let (Form::News { articles }, false) = (&mut form, self.message.is_event()) {
            articles.truncate(1);
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.as_secs());
        respond(self.keys, self.opened_with, self.query, self.message, form, now)
    }
}

/// A response that says something.
pub(super) fn said(body: impl Into<Body>) -> Response {
    ([(CONTENT_TYPE, "application/xml; charset=utf-8")], body.into()).into_response()
}

/// The body with a part: tells when the connection takes it.
pub(super) struct PartBody {
    bytes: Option<Bytes>,
    ends: Option<(Written, Tally)>,
}

impl PartBody {
    pub(super) fn new(bytes: String, written: Written, tally: Tally) -> Self {
        Self { bytes: Some(bytes.into()), ends: Some((written, tally)) }
    }
}

impl HttpBody for PartBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some((written, tally)) = self.ends.take() {
            written.tell();
            tally.end(How::Answer);
        }
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
