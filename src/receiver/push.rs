//! `POST /wechat/{account}`: a message comes in.
//!
//! Signature first, before anything of the body is parsed, or even read. Then the body within its limit, then its tree,
//! its dedup key, and one call to the intake, which knows where messages go. A signed body that can't be understood isn't refused: WeChat would send it
//! twice more and then show the user a fault. It is acknowledged and lies among the dead letters with its bytes.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Extension;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use huixin_wechat::{PushBody, PushKeys, PushQuery, PushRefusal, QueryError, admit};
use tokio::time::Instant;

use super::metrics;
use super::open_push::{self, OpenablePush};
use super::outcome::PushOutcome;
use super::refusals::{self, Reason};
use super::understand::{UnderstoodPush, understand};
use super::{Receiver, ReceiverState};
use crate::serve::{Peer, announced, discard};

/// How long the body may take: WeChat itself gives up after five seconds.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn push(
    State(state): State<Arc<ReceiverState>>,
    Extension(peer): Extension<Peer>,
    Path(mut account): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let began = Instant::now();
    account.make_ascii_lowercase();
    let query = query.as_deref().unwrap_or_default();
    let request = PushRequest { began, peer, headers };
    let result = match state.origins.judge(request.peer.address, &request.headers) {
        Ok(()) => receive(&state, &account, query, &request, body).await,
        Err(reason) if state.accounts.contains_key(&account) => {
            state.refusals.note_of(&account, reason, "", query);
            Err(PushOutcome::Forbidden)
        }
        Err(_) => Err(state.unknown()),
    };
    result.unwrap_or_else(|outcome| {
        metrics::pushed(&account, outcome, Some(began.elapsed()));
        outcome.into_response()
    })
}

/// A request, apart from what is refused or stored of it.
struct PushRequest {
    began: Instant,
    peer: Peer,
    headers: HeaderMap,
}

/// Gives the response of a push that may be kept open, and what became of any other.
async fn receive(
    receiver: &ReceiverState,
    name: &str,
    raw_query: &str,
    request: &PushRequest,
    body: Body,
) -> Result<Response, PushOutcome> {
    let Some(account) = receiver.accounts.get(name) else {
        return Err(receiver.unknown());
    };
    let refused = |reason| {
        receiver.refusals.note_of(name, reason, "", raw_query);
        Err(PushOutcome::Forbidden)
    };
    let query = match PushQuery::parse(raw_query) {
        Ok(query) => query,
        Err(error) => {
            tracing::debug!(account = name, %error, "a push has no usable signature");
            return refused(unusable(&error));
        }
    };
    if let Err(refusal) = account.keys.precheck(&query) {
        return refused(reason_of(&refusal));
    }
    if !receiver.is_fresh(&account.keys, &query) {
        return refused(&refusals::TIMESTAMP);
    }
    let body = read(receiver, &request.headers, body).await.map_err(|(outcome, reason)| {
        receiver.refusals.note_of(name, reason, "", raw_query);
        outcome
    })?;
    let inner = match admit(&account.keys, &query, &body) {
        Ok(inner) => inner,
        Err(refusal) => {
            tracing::debug!(account = name, %refusal, "a push is refused");
            return refused(reason_of(&refusal));
        }
    };
    let opened_with = match inner {
        PushBody::Opened { key, .. } => Some(key),
        PushBody::Plain | PushBody::Sealed => None,
    };
    let UnderstoodPush { arriving, outcome, message } =
        understand(name, account, &receiver.rights, inner, body);
    if let Some(message) = &message
        && let Some(way) = account.answers.way(name, message)
    {
        let began = request.began;
        let push = OpenablePush { began, name, account, way, query: &query, opened_with, message };
        // Boxed, so that other pushes don't carry room for it.
        return Ok(Box::pin(open_push::serve(receiver, push, arriving, &request.peer)).await);
    }
    Err(receiver.store(name, arriving, outcome).await.0)
}

impl ReceiverState {
    /// A request for an account that isn't there.
    pub(super) fn unknown(&self) -> PushOutcome {
        self.refusals.note("", &refusals::ACCOUNT, &self.paths());
        PushOutcome::UnknownAccount
    }
}

impl Receiver {
    /// Whether a push's timestamp is near enough to now.
    fn is_fresh(&self, keys: &PushKeys, query: &PushQuery) -> bool {
        let max_skew = if keys.judges_plain(query) { self.max_skew.plain } else { self.max_skew.sealed };
        let Some(max_skew) = max_skew else { return true };
        let Ok(timestamp) = query.timestamp.parse::<u64>() else { return false };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        now.abs_diff(timestamp) <= max_skew.as_secs()
    }
}

/// Why a query that can't be read is refused.
pub(super) fn unusable(error: &QueryError) -> &'static Reason {
    match error {
        QueryError::Missing(_) => &refusals::NO_SIGNATURE,
        QueryError::Doubled(_) => &refusals::DOUBLED,
    }
}

/// A refusal as the log tells it.
fn reason_of(refusal: &PushRefusal) -> &'static Reason {
    match refusal {
        PushRefusal::Signature => &refusals::SIGNATURE,
        PushRefusal::Plain => &refusals::PLAIN,
        PushRefusal::NoMsgSignature => &refusals::NO_MSG_SIGNATURE,
        PushRefusal::Envelope(_) => &refusals::ENVELOPE,
        PushRefusal::Sealed(_) => &refusals::SEALED,
    }
}

async fn read(
    receiver: &Receiver,
    headers: &HeaderMap,
    body: Body,
) -> Result<Bytes, (PushOutcome, &'static Reason)> {
    let limit = receiver.max_body_bytes;
    if announced(headers).is_some_and(|bytes| bytes > limit) {
        discard(headers, body, BODY_TIMEOUT).await;
        return Err((PushOutcome::TooLarge, &refusals::TOO_LARGE));
    }
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        // Over the limit, or the connection broke, and then nobody reads the answer.
        Ok(Err(_)) => Err((PushOutcome::TooLarge, &refusals::TOO_LARGE)),
        Err(_) => Err((PushOutcome::Slow, &refusals::SLOW)),
    }
}
