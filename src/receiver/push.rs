//! `POST /wechat/{account}`: a message comes in.
//!
//! Signature first, before anything of the body is parsed, or even read. Then the body within its limit, then its tree,
//! its dedup key, and one call to the intake, which knows where messages go. A signed body that can't be understood isn't refused: WeChat would send it
//! twice more and then show the user a fault. It is acknowledged and lies among the dead letters with its bytes.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Extension;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use huixin_wechat::{PushBody, PushKeys, PushQuery, PushRefusal, QueryError};
use tokio::time::Instant;

use super::metrics;
use super::open_push::{self, OpenablePush};
use super::outcome::PushOutcome;
use super::refusals::{self, Reason};
use super::understand::{UnderstoodPush, understand};
use super::{Receiver, ReceiverAccount, ReceiverState};
use crate::serve::{Peer, announced, discard};

/// How long the body may take: WeChat itself gives up after five seconds.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn push(
    State(state): State<Arc<ReceiverState>>,
    Extension(peer): Extension<Peer>,
    Path(account): Path<String>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    push_to(&state, &account, &peer, &parts, body).await
}

/// A push to the account of this name, in whatever letters.
pub(super) async fn push_to(
    state: &ReceiverState,
    name: &str,
    peer: &Peer,
    head: &Parts,
    body: Body,
) -> Response {
    let began = Instant::now();
    let known = state.accounts.get_key_value(name);
    let known = known.or_else(|| state.accounts.get_key_value(&name.to_ascii_lowercase()));
    let Some((name, account)) = known else {
        state.unknown();
        metrics::pushed_to_nobody();
        return PushOutcome::UnknownAccount.into_response();
    };
    let (query, headers) = (head.uri.query().unwrap_or_default(), &head.headers);
    let request = PushRequest { began, name, account, peer, query, headers };
    let result = match state.origins.judge(peer.address, headers) {
        Ok(()) => receive(state, request, body).await,
        Err(reason) => {
            state.refusals.note_of(name, reason, "", query);
            Err(PushOutcome::Forbidden)
        }
    };
    result.unwrap_or_else(|outcome| {
        account.counts.count(name, outcome);
        if outcome.is_acked() {
            state.acks.record(began.elapsed());
        }
        outcome.into_response()
    })
}

/// A request to a known account, but for its body.
#[derive(Clone, Copy)]
struct PushRequest<'a> {
    began: Instant,
    name: &'a str,
    account: &'a ReceiverAccount,
    peer: &'a Peer,
    query: &'a str,
    headers: &'a HeaderMap,
}

/// Gives the response of a push that may be kept open, and what became of any other.
async fn receive(
    receiver: &ReceiverState,
    request: PushRequest<'_>,
    body: Body,
) -> Result<Response, PushOutcome> {
    let PushRequest { began, name, account, peer, query: raw_query, headers } = request;
    let refused = |reason| {
        receiver.refusals.note_of(name, reason, "", raw_query);
        Err(PushOutcome::Forbidden)
    };
    // Asked before anything that costs time.
    if receiver.intake.is_overloaded() {
        receiver.refusals.note_of(name, &refusals::BUSY, "", raw_query);
        return Err(PushOutcome::Unavailable);
    }
    let query = match PushQuery::parse(raw_query) {
        Ok(query) => query,
        Err(error) => {
            tracing::debug!(account = name, %error, "a push has no usable signature");
            return refused(unusable(&error));
        }
    };
    let prechecked = match account.keys.precheck(&query) {
        Ok(prechecked) => prechecked,
        Err(refusal) => return refused(reason_of(&refusal)),
    };
    if !receiver.is_fresh(&account.keys, &query) {
        return refused(&refusals::TIMESTAMP);
    }
    let body = read(receiver, headers, body).await.map_err(|(outcome, reason)| {
        receiver.refusals.note_of(name, reason, "", raw_query);
        outcome
    })?;
    let inner = match prechecked.admit(&body) {
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
        let push = OpenablePush { began, name, account, way, query: &query, opened_with, message };
        // Boxed, so that other pushes don't carry room for it.
        return Ok(Box::pin(open_push::serve(receiver, push, arriving, peer)).await);
    }
    Err(receiver.store(name, arriving, outcome).await.0)
}

impl ReceiverState {
    /// A request for an account that isn't there.
    pub(super) fn unknown(&self) {
        self.refusals.note("", &refusals::ACCOUNT, &self.paths());
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
