//! `POST /wechat/{account}`: a message comes in.
//!
//! Signature first, before anything of the body is parsed, or even read. Then the body within its limit, then its tree,
//! its dedup key, and one call to the intake, which knows where messages go. A signed body that can't be understood isn't refused: WeChat would send it
//! twice more and then show the user a fault. It is acknowledged and lies among the dead letters with its bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::Extension;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use huixin_queue::{Class, HeldEffect, Lane, MessageId};
use huixin_wechat::{DedupKey, Message, PushBody, PushQuery, PushRefusal, QueryError, Trigger, admit, body};
use huixin_worker::{Payload, Rights};

use super::intake::{Arriving, Stored};
use super::metrics::{self, PushOutcome};
use super::refusals::{self, Reason};
use super::{Receiver, ReceiverState};
use crate::serve::{announced, discard};

/// How long the body may take: WeChat itself gives up after five seconds.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// How much of a body that can't be understood is kept.
const UNREADABLE_MAX_BYTES: usize = 64 * 1024;

pub(super) async fn push(
    State(state): State<Arc<ReceiverState>>,
    Extension(ConnectInfo(peer)): Extension<ConnectInfo<SocketAddr>>,
    Path(mut account): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let began = Instant::now();
    account.make_ascii_lowercase();
    let query = query.as_deref().unwrap_or_default();
    let result = match state.origins.judge(peer, &headers) {
        Ok(()) => receive(&state, &account, query, &headers, body).await,
        Err(reason) if state.accounts.contains_key(&account) => {
            state.refusals.note(&account, reason, "");
            PushOutcome::Forbidden
        }
        Err(_) => state.unknown(),
    };
    metrics::pushed(&account, result, began.elapsed());
    let status = match result {
        // Third-party platforms want the word; everybody else wants nothing.
        PushOutcome::Platform => return "success".into_response(),
        PushOutcome::Accepted | PushOutcome::Duplicate | PushOutcome::Spooled | PushOutcome::Unreadable => {
            StatusCode::OK
        }
        PushOutcome::Forbidden => StatusCode::FORBIDDEN,
        PushOutcome::UnknownAccount => StatusCode::NOT_FOUND,
        PushOutcome::Slow => StatusCode::REQUEST_TIMEOUT,
        PushOutcome::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        PushOutcome::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    };
    status.into_response()
}

async fn receive(
    receiver: &ReceiverState,
    name: &str,
    query: &str,
    headers: &HeaderMap,
    body: Body,
) -> PushOutcome {
    let Some(account) = receiver.accounts.get(name) else {
        return receiver.unknown();
    };
    let refused = |reason| {
        receiver.refusals.note(name, reason, "");
        PushOutcome::Forbidden
    };
    let query = match PushQuery::parse(query) {
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
    let body = match read(receiver, headers, body).await {
        Ok(body) => body,
        Err((result, reason)) => {
            receiver.refusals.note(name, reason, "");
            return result;
        }
    };
    let inner = match admit(&account.keys, &query, &body) {
        Ok(inner) => inner,
        Err(refusal) => {
            tracing::debug!(account = name, %refusal, "a push is refused");
            return refused(reason_of(&refusal));
        }
    };
    let (push, understood) = arriving(name, &account.class, &receiver.rights, inner, body);
    let result = match (receiver.intake.store(push).await, understood) {
        (Ok(_), PushOutcome::Platform) => PushOutcome::Platform,
        (Ok(Stored::Queued), understood) => understood,
        (Ok(Stored::Known), _) => PushOutcome::Duplicate,
        (Ok(Stored::Counted), _) => PushOutcome::Unreadable,
        (Ok(Stored::Spooled), _) => PushOutcome::Spooled,
        (Err(reason), _) => {
            receiver.outage.refused(name, &reason);
            return PushOutcome::Unavailable;
        }
    };
    receiver.outage.stored();
    result
}

impl ReceiverState {
    /// A request for an account that isn't there.
    pub(super) fn unknown(&self) -> PushOutcome {
        self.refusals.note("", &refusals::ACCOUNT, &self.paths());
        PushOutcome::UnknownAccount
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

/// What the queue gets of a push, and what becomes of the push once that is stored.
fn arriving(
    account: &str,
    class: &Class,
    rights: &Rights,
    inner: PushBody,
    body: Bytes,
) -> (Arriving, PushOutcome) {
    let (body, sealed) = match inner {
        PushBody::Plain => (body, false),
        PushBody::Opened { body, key } => {
            if key > 0 {
                metrics::opened_with_previous_key(account);
            }
            (Bytes::from(body), false)
        }
        PushBody::Sealed => (body, true),
    };
    let understood = match sealed {
        true => Err("the push is encrypted, and the account has no aes_key".to_owned()),
        false => body::parse(&body).map_err(|error| format!("the push can't be understood: {error}")),
    };
    let understood = understood.map(|parsed| {
        if parsed.mended {
            metrics::mended(account);
            tracing::debug!(
                account,
                "a push has damaged text: it is stored as it came, and repaired when it is read"
            );
        }
        Message::from_tree(parsed.tree)
    });
    let message = match understood {
        Ok(message) => message,
        Err(reason) => return (unreadable(account, class, &body, reason), PushOutcome::Unreadable),
    };
    let trigger = message.trigger();
    let push = Arriving {
        id: id_of(&message.dedup_key(account, &body)),
        lane: lane_of(account, &message.from),
        class: class.clone(),
        payload: payload(account, trigger, body),
        held: rights.effect(trigger, message.created_at, SystemTime::now()),
        dead_reason: None,
    };
    match message.tree.get("InfoType") {
        Some(_) => (push, PushOutcome::Platform),
        None => (push, PushOutcome::Accepted),
    }
}

/// A push that becomes a dead letter, with as much of it as is worth keeping.
fn unreadable(account: &str, class: &Class, body: &Bytes, reason: String) -> Arriving {
    tracing::warn!(
        account,
        reason,
        body_bytes = body.len(),
        "a signed push can't be understood: it is kept as a dead letter"
    );
    Arriving {
        id: id_of(&DedupKey::of_unreadable(account, body)),
        lane: lane_of(account, ""),
        class: class.clone(),
        payload: payload(account, Trigger::Silent, body.slice(..body.len().min(UNREADABLE_MAX_BYTES))),
        held: HeldEffect::Leave,
        dead_reason: Some(reason),
    }
}

fn payload(account: &str, trigger: Trigger, body: Bytes) -> Bytes {
    Payload { account: account.to_owned(), trigger, body }.encode()
}

fn id_of(key: &DedupKey) -> MessageId {
    MessageId::new(key.opaque_id()).expect("an opaque id has 23 characters")
}

/// One lane per user of an account; a push without a sender, or with an impossible one, goes to the account's own lane.
fn lane_of(account: &str, user: &str) -> Lane {
    let whole = || Lane::new(account).expect("an account's name has 1 to 32 characters");
    if user.is_empty() { whole() } else { Lane::new(format!("{account}/{user}")).unwrap_or_else(|_| whole()) }
}
