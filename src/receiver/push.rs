//! `POST /wechat/{account}`: a message comes in.
//!
//! Signature first, before anything of the body is parsed, or even read. Then the body within its limit, then its tree,
//! its dedup key, and one call to the intake, which knows where messages go. A signed body that can't be understood isn't refused: WeChat would send it
//! twice more and then show the user a fault. It is acknowledged and lies among the dead letters with its bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Extension;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use huixin_queue::{Class, HeldEffect, Lane, MessageId};
use huixin_wechat::{DedupKey, Message, PushBody, PushQuery, PushRefusal, QueryError, Trigger, admit, body};
use huixin_worker::{Payload, Rights};
use tokio::time::Instant;

use super::intake::Arriving;
use super::metrics;
use super::open_push::{self, OpenablePush};
use super::outcome::PushOutcome;
use super::refusals::{self, Reason};
use super::{Receiver, ReceiverAccount, ReceiverState};
use crate::serve::{ConnectionPermit, announced, discard};

/// How long the body may take: WeChat itself gives up after five seconds.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// How much of a body that can't be understood is kept.
const UNREADABLE_MAX_BYTES: usize = 64 * 1024;

pub(super) async fn push(
    State(state): State<Arc<ReceiverState>>,
    Extension(ConnectInfo(peer)): Extension<ConnectInfo<SocketAddr>>,
    Extension(permit): Extension<ConnectionPermit>,
    Path(mut account): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let began = Instant::now();
    account.make_ascii_lowercase();
    let query = query.as_deref().unwrap_or_default();
    let request = PushRequest { began, permit, headers };
    let result = match state.origins.judge(peer, &request.headers) {
        Ok(()) => receive(&state, &account, query, &request, body).await,
        Err(reason) if state.accounts.contains_key(&account) => {
            state.refusals.note(&account, reason, "");
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
    permit: ConnectionPermit,
    headers: HeaderMap,
}

/// Gives the response of a push that may be kept open, and what became of any other.
async fn receive(
    receiver: &ReceiverState,
    name: &str,
    query: &str,
    request: &PushRequest,
    body: Body,
) -> Result<Response, PushOutcome> {
    let Some(account) = receiver.accounts.get(name) else {
        return Err(receiver.unknown());
    };
    let refused = |reason| {
        receiver.refusals.note(name, reason, "");
        Err(PushOutcome::Forbidden)
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
    let body = read(receiver, &request.headers, body).await.map_err(|(outcome, reason)| {
        receiver.refusals.note(name, reason, "");
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
    let Understood { arriving, outcome, message } = understand(name, account, &receiver.rights, inner, body);
    if let Some(message) = &message
        && let Some(way) = account.answers.way(name, message)
    {
        let began = request.began;
        let push = OpenablePush { began, name, account, way, query: &query, opened_with, message };
        return Ok(open_push::serve(receiver, push, arriving, &request.permit).await);
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

/// A genuine push.
struct Understood {
    /// What the queue gets of it.
    arriving: Arriving,
    /// What becomes of the push once that is stored.
    outcome: PushOutcome,
    /// Of a user, who may be answered.
    message: Option<Message>,
}

fn understand(
    name: &str,
    account: &ReceiverAccount,
    rights: &Rights,
    inner: PushBody,
    body: Bytes,
) -> Understood {
    let class = &account.class;
    let (body, sealed) = match inner {
        PushBody::Plain => (body, false),
        PushBody::Opened { body, key } => {
            if key > 0 {
                metrics::opened_with_previous_key(name);
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
            metrics::mended(name);
            tracing::debug!(
                account = name,
                "a push has damaged text: it is stored as it came, and repaired when it is read"
            );
        }
        Message::from_tree(parsed.tree)
    });
    let message = match understood {
        Ok(message) => message,
        Err(reason) => {
            let arriving = unreadable(name, class, &body, reason);
            return Understood { arriving, outcome: PushOutcome::Unreadable, message: None };
        }
    };
    let trigger = message.trigger();
    let arriving = Arriving {
        id: id_of(&message.dedup_key(name, &body)),
        lane: lane_of(name, &message.from),
        class: class.clone(),
        payload: payload(name, trigger, body),
        held: account.answers.held(rights.effect(trigger, message.created_at, SystemTime::now())),
        dead_reason: None,
    };
    match message.tree.get("InfoType") {
        Some(_) => Understood { arriving, outcome: PushOutcome::Platform, message: None },
        None => {
            let message = (arriving.lane.as_str() != name).then_some(message);
            Understood { arriving, outcome: PushOutcome::Accepted, message }
        }
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
