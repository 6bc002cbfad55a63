//! `POST …/v1/answers/{token}`: a service gives its answer.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse as _, Response};
use huixin_queue::{CallBackResult, QueueError};
use huixin_worker::call_back::{Addressee, CALL_BACK_PATH, CalledBack};
use huixin_worker::handlers::{ANSWER_MAX_BYTES, read_answer};
use huixin_worker::trace;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::metrics;
use super::post_result::PostResult;
use super::{CallBackListener, ListenerState};
use crate::serve::{self, announced, discard};

pub(super) async fn post(State(state): State<Arc<ListenerState>>, request: Request) -> Response {
    let (Parts { method, uri, headers, .. }, body) = request.into_parts();
    let token = uri.path().rsplit_once(CALL_BACK_PATH).filter(|(before, _)| before.ends_with('/'));
    let addressee = token.map(|(_, token)| state.answers.call_backs.open(token));
    let verdict = match addressee {
        None => PostResult::NoPath,
        Some(_) if method != Method::POST => PostResult::Method,
        Some(None) => PostResult::NoToken,
        Some(Some(addressee)) => {
            let Addressee { account, id, .. } = &addressee;
            let span = tracing::debug_span!(parent: None, "call back", otel.kind = "server", %id, account, result = Empty);
            trace::join(&span, id);
            let verdict = take(&state, &addressee, &headers, body).instrument(span.clone()).await;
            span.record("result", verdict.name());
            log_result(&addressee, &verdict);
            metrics::came(&addressee.account, verdict.name());
            return verdict.into_response();
        }
    };
    discard(&headers, body, state.answers.limits.body).await;
    metrics::came("", verdict.name());
    verdict.into_response()
}

/// The answer to a message of ours.
async fn take(state: &ListenerState, addressee: &Addressee, headers: &HeaderMap, body: Body) -> PostResult {
    let kind = serve::header(headers, header::CONTENT_TYPE);
    if let Some(unread) = kind.filter(|kind| !is_read(kind)) {
        discard(headers, body, state.answers.limits.body).await;
        return PostResult::ContentType(unread.chars().take(100).collect());
    }
    if announced(headers).is_some_and(|bytes| bytes > ANSWER_MAX_BYTES) {
        discard(headers, body, state.answers.limits.body).await;
        return too_large();
    }
    let answers = &state.answers;
    let Ok(Ok(_place)) = tokio::time::timeout(answers.limits.queue, state.bodies.acquire()).await else {
        discard(headers, body, state.answers.limits.body).await;
        return PostResult::Busy;
    };
    let body = match tokio::time::timeout(answers.limits.body, to_bytes(body, ANSWER_MAX_BYTES)).await {
        Ok(Ok(body)) => body,
        // Or the connection broke, and then nobody reads this.
        Ok(Err(_)) => return too_large(),
        Err(_) => return PostResult::Slow,
    };
    match read_answer(kind, &body) {
        Ok(answer) => store(answers, addressee, &answer).await,
        Err(error) => PostResult::Wrong(error),
    }
}

fn too_large() -> PostResult {
    PostResult::TooLarge(format!("the answer has more than {ANSWER_MAX_BYTES} bytes"))
}

async fn store(answers: &CallBackListener, addressee: &Addressee, answer: &CalledBack) -> PostResult {
    let given = answers.queue.answer(&addressee.lane, &addressee.id, answer.encode());
    match tokio::time::timeout(answers.limits.queue, given).await {
        Ok(Ok(CallBackResult::First)) => PostResult::Taken,
        Ok(Ok(CallBackResult::Already)) => PostResult::Already,
        Ok(Ok(CallBackResult::Gone)) => PostResult::TooLate,
        Ok(Err(QueueError::Invalid(problem))) => PostResult::TooLarge(problem),
        Ok(Err(error)) => {
            tracing::warn!(%error, "an answer by call back can't be stored: its service is asked to post it again");
            PostResult::Away
        }
        // The answer may be stored all the same: a service that posts it again hears that it has answered.
        Err(_) => {
            tracing::warn!(
                "the queue is too slow for an answer by call back: its service is asked to post it again"
            );
            PostResult::Away
        }
    }
}

/// What the operator hears. Without the token; the id finds the message.
fn log_result(addressee: &Addressee, verdict: &PostResult) {
    let Addressee { account, id, .. } = addressee;
    let (result, error) = (verdict.name(), verdict.error());
    match verdict {
        PostResult::ContentType(_) | PostResult::TooLarge(_) | PostResult::Wrong(_) | PostResult::Slow => {
            tracing::warn!(account, %id, error, "an answer by call back is refused");
        }
        _ => tracing::debug!(account, %id, result, "an answer by call back"),
    }
}

/// Whether bodies of this type are read. Clients that give no type send a form, whose text would be a mess.
fn is_read(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.is_empty()
        || kind.starts_with("text/")
        || kind == "application/json"
        || (kind.starts_with("application/") && kind.ends_with("+json"))
}
