//! `POST /wechat/{account}`: a message comes in.
//!
//! Signature first, before anything of the body is parsed, or even read. Then the body within its limit, then its tree,
//! its dedup key, and one call to the intake, which knows where messages go. A signed body that can't be understood isn't refused: WeChat would send it
//! twice more and then show the user a fault. It is acknowledged and lies among the dead letters with its bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt as _;
use huixin_queue::{Class, HeldEffect, Lane, MessageId};
use huixin_wechat::{DedupKey, Inner, Message, PushQuery, Refusal, Trigger, admit, body};
use huixin_worker::{Payload, note};

use super::intake::{Arriving, Stored};
use super::metrics::{self, Result as Pushed};
use super::{Door, Receiver};

/// The likeliest mistake of a first set-up.
pub(super) const WRONG_SIGNATURE: &str = "their signature is made with another token";
pub(super) const WRONG_SIGNATURE_REMEDY: &str =
    "give `token` of the account the text that is in WeChat's console";
/// How long the body may take: WeChat itself gives up after five seconds.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// A body that is too large is read and thrown away up to this size, so that its sender sees why; a larger one is cut.
const DISCARDED_MAX_BYTES: u64 = 8 * 1024 * 1024;
/// How much of a body that can't be understood is kept.
const UNREADABLE_MAX_BYTES: usize = 64 * 1024;

pub(super) async fn push(
    State(door): State<Arc<Door>>,
    Extension(ConnectInfo(peer)): Extension<ConnectInfo<SocketAddr>>,
    Path(account): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let began = Instant::now();
    let query = query.as_deref().unwrap_or_default();
    let allowed = door.origins.allow(peer, &headers);
    let result = match allowed {
        true => receive(&door, &account, query, &headers, body).await,
        false if door.accounts.contains_key(&account) => {
            door.refusals.note(
                &account,
                "their address is not in `allow_from`",
                "add WeChat's addresses to it",
            );
            Pushed::Forbidden
        }
        false => Pushed::UnknownAccount,
    };
    metrics::pushed(&account, result, began.elapsed());
    let status = match result {
        // Third-party platforms want the word; everybody else wants nothing.
        Pushed::Platform => return "success".into_response(),
        Pushed::Accepted | Pushed::Duplicate | Pushed::Spooled | Pushed::Unreadable => StatusCode::OK,
        Pushed::Forbidden => StatusCode::FORBIDDEN,
        Pushed::UnknownAccount => StatusCode::NOT_FOUND,
        Pushed::Slow => StatusCode::REQUEST_TIMEOUT,
        Pushed::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Pushed::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    };
    status.into_response()
}

async fn receive(receiver: &Door, name: &str, query: &str, headers: &HeaderMap, body: Body) -> Pushed {
    let Some(account) = receiver.accounts.get(name) else {
        // Without the name, which anybody may choose.
        let known: Vec<_> = receiver.accounts.keys().map(String::as_str).collect();
        let remedy = format!("the URL ends in /wechat/ and one of: {}", known.join(", "));
        receiver.refusals.note("", "they are for an account that is not configured", &remedy);
        return Pushed::UnknownAccount;
    };
    let refused = |(reason, remedy)| {
        receiver.refusals.note(name, reason, remedy);
        Pushed::Forbidden
    };
    let query = match PushQuery::parse(query) {
        Ok(query) => query,
        Err(error) => {
            tracing::debug!(account = name, %error, "a push has no usable signature");
            return refused(("they have no signature", "see whether a proxy cuts the query off"));
        }
    };
    if let Err(refusal) = account.keys.glance(&query) {
        return refused(told(&refusal));
    }
    if !receiver.is_fresh(&query) {
        return refused((
            "their timestamp is too far from now",
            "set this machine's clock, or mend `max_skew`",
        ));
    }
    let body = match read(receiver, headers, body).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let inner = match admit(&account.keys, &query, &body) {
        Ok(inner) => inner,
        Err(refusal) => {
            tracing::debug!(account = name, %refusal, "a push is refused");
            return refused(told(&refusal));
        }
    };
    let (push, understood) = stored(name, &account.class, inner, body);
    let result = match (receiver.intake.store(push).await, understood) {
        (Ok(_), Pushed::Platform) => Pushed::Platform,
        (Ok(Stored::Queued), understood) => understood,
        (Ok(Stored::Known), _) => Pushed::Duplicate,
        (Ok(Stored::Counted), _) => Pushed::Unreadable,
        (Ok(Stored::Spooled), _) => Pushed::Spooled,
        (Err(reason), _) => {
            receiver.outage.refused(name, &reason);
            return Pushed::Unavailable;
        }
    };
    receiver.outage.stored();
    result
}

/// A refusal as the log tells it, and what to do if it was WeChat's push.
fn told(refusal: &Refusal) -> (&'static str, &'static str) {
    match refusal {
        Refusal::Signature => (WRONG_SIGNATURE, WRONG_SIGNATURE_REMEDY),
        Refusal::Plain => (
            "they are plain, and the account has an aes_key",
            "choose safe mode in WeChat's console, or set `accept_plain` while you change it",
        ),
        Refusal::NoMsgSignature => ("they have no msg_signature", "see whether a proxy cuts the query off"),
        Refusal::Envelope(_) => ("their body is no envelope", "see whether a proxy changes the body"),
        Refusal::Sealed(_) => {
            ("they can't be opened", "give `aes_key` and `app_id` what is in WeChat's console")
        }
    }
}

async fn read(receiver: &Receiver, headers: &HeaderMap, body: Body) -> Result<Bytes, Pushed> {
    let limit = receiver.max_body_bytes;
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if let Some(bytes) = announced.filter(|bytes| *bytes > limit as u64) {
        if bytes <= DISCARDED_MAX_BYTES {
            // A client that still writes when the connection closes sees a broken pipe and never the 413.
            let discard = body.into_data_stream().try_for_each(|_| std::future::ready(Ok(())));
            let _ = tokio::time::timeout(BODY_TIMEOUT, discard).await;
        }
        return Err(Pushed::TooLarge);
    }
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        // Over the limit, or the connection broke, and then nobody reads the answer.
        Ok(Err(_)) => Err(Pushed::TooLarge),
        Err(_) => Err(Pushed::Slow),
    }
}

/// What is to be stored, and what becomes of the push once it is stored.
fn stored(account: &str, class: &Class, inner: Inner, body: Bytes) -> (Arriving, Pushed) {
    let (body, sealed) = match inner {
        Inner::Plain => (body, false),
        Inner::Opened { body, key } => {
            if key > 0 {
                metrics::opened_with_previous_key(account);
            }
            (Bytes::from(body), false)
        }
        Inner::Sealed => (body, true),
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
                "a push had broken text, which is mended where it is read; it is stored as it came"
            );
        }
        Message::from_tree(parsed.tree)
    });
    let payload = |trigger, body| Payload { account: account.to_owned(), trigger, body }.encode();
    match understood {
        Ok(message) => {
            let trigger = message.trigger();
            let push = Arriving {
                id: id_of(&message.dedup_key(account, &body)),
                lane: lane_of(account, &message.from),
                class: class.clone(),
                payload: payload(trigger, body),
                held: held_effect(trigger, message.created_at),
                dead_reason: None,
            };
            (push, if message.tree.get("InfoType").is_some() { Pushed::Platform } else { Pushed::Accepted })
        }
        Err(reason) => {
            tracing::warn!(
                account,
                reason,
                body_bytes = body.len(),
                "a signed push can't be understood: it is kept as a dead letter"
            );
            let push = Arriving {
                id: id_of(&DedupKey::of_unreadable(account, &body)),
                lane: lane_of(account, ""),
                class: class.clone(),
                payload: payload(Trigger::Silent, body.slice(..body.len().min(UNREADABLE_MAX_BYTES))),
                held: HeldEffect::Leave,
                dead_reason: Some(reason),
            };
            (push, Pushed::Unreadable)
        }
    }
}

/// What a push does to the answers that are held for its user, and what it tells those that are under way.
fn held_effect(trigger: Trigger, created_at: i64) -> HeldEffect {
    match trigger {
        Trigger::Unsubscribe => HeldEffect::Bury(note(trigger, created_at)),
        _ if trigger.reopens_window() => HeldEffect::Wake(note(trigger, created_at)),
        _ => HeldEffect::Leave,
    }
}

fn id_of(key: &DedupKey) -> MessageId {
    MessageId::new(key.opaque_id()).expect("an opaque id has 23 characters")
}

/// One lane per user of an account; what has no sender, or none that can be one, shares the account's.
fn lane_of(account: &str, user: &str) -> Lane {
    let whole = || Lane::new(account).expect("an account's name has 1 to 32 characters");
    if user.is_empty() { whole() } else { Lane::new(format!("{account}/{user}")).unwrap_or_else(|_| whole()) }
}
