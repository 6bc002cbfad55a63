//! `POST /wechat/{account}`: a message comes in.
//!
//! Signature first, before anything of the body is parsed, or even read. Then the body within its limit, then its tree,
//! its dedup key, and one call to the queue. A signed body that can't be understood isn't refused: WeChat would send it
//! twice more and then show the user a fault. It is acknowledged and lies among the dead letters with its bytes.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use huixin_queue::{Accepted, Class, Lane, MessageId, NewMessage};
use huixin_wechat::{DedupKey, Message, PushQuery, Trigger};
use huixin_worker::Payload;

use super::metrics::{self, Result as Pushed};
use super::{Door, Receiver};

/// The likeliest mistake of a first set-up.
pub(super) const WRONG_SIGNATURE: &str = "their signature is made with another token";
pub(super) const WRONG_SIGNATURE_REMEDY: &str =
    "give `token` of the account the text that is in WeChat's console";
/// How long the body may take: WeChat itself gives up after five seconds.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// How much of a body that can't be understood is kept.
const UNREADABLE_MAX_BYTES: usize = 64 * 1024;

pub(super) async fn push(
    State(door): State<Arc<Door>>,
    Path(account): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> StatusCode {
    let began = Instant::now();
    let arrived_us = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |t| t.as_micros());
    let arrived_us = u64::try_from(arrived_us).unwrap_or(u64::MAX);
    let result =
        receive(&door, &account, query.as_deref().unwrap_or_default(), &headers, body, arrived_us).await;
    metrics::pushed(&account, result, began.elapsed());
    match result {
        Pushed::Accepted | Pushed::Duplicate | Pushed::Unreadable => StatusCode::OK,
        Pushed::Forbidden => StatusCode::FORBIDDEN,
        Pushed::UnknownAccount => StatusCode::NOT_FOUND,
        Pushed::Slow => StatusCode::REQUEST_TIMEOUT,
        Pushed::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Pushed::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn receive(
    receiver: &Door,
    name: &str,
    query: &str,
    headers: &HeaderMap,
    body: Body,
    arrived_us: u64,
) -> Pushed {
    let Some(account) = receiver.accounts.get(name) else {
        // Without the name, which anybody may choose.
        let known: Vec<_> = receiver.accounts.keys().map(String::as_str).collect();
        let remedy = format!("the URL ends in /wechat/ and one of: {}", known.join(", "));
        receiver.refusals.note("", "they are for an account that is not configured", &remedy);
        return Pushed::UnknownAccount;
    };
    match PushQuery::parse(query) {
        Ok(query) if account.signed(&query) => {}
        Ok(_) => {
            receiver.refusals.note(name, WRONG_SIGNATURE, WRONG_SIGNATURE_REMEDY);
            return Pushed::Forbidden;
        }
        Err(error) => {
            tracing::debug!(account = name, %error, "a push has no usable signature");
            receiver.refusals.note(name, "they have no signature", "see whether a proxy cuts the query off");
            return Pushed::Forbidden;
        }
    }
    let body = match read(receiver, headers, body).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let (message, readable) = stored(name, &account.class, body, arrived_us);
    let result = match tokio::time::timeout(receiver.ack_budget, receiver.queue.accept(message)).await {
        Ok(Ok(Accepted::Duplicate)) => Pushed::Duplicate,
        Ok(Ok(Accepted::New)) if readable => Pushed::Accepted,
        Ok(Ok(Accepted::New | Accepted::Counted)) => Pushed::Unreadable,
        Ok(Ok(Accepted::Expired)) => {
            receiver.outage.refused(name, "the queue took it too late");
            return Pushed::Unavailable;
        }
        Ok(Err(error)) => {
            let cause =
                std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            receiver.outage.refused(name, &format!("{error}{cause}"));
            return Pushed::Unavailable;
        }
        Err(_) => {
            receiver
                .outage
                .refused(name, &format!("the queue did not answer within {:?}", receiver.ack_budget));
            return Pushed::Unavailable;
        }
    };
    receiver.outage.stored();
    result
}

async fn read(receiver: &Receiver, headers: &HeaderMap, body: Body) -> Result<Bytes, Pushed> {
    let limit = receiver.max_body_bytes;
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > limit as u64) {
        return Err(Pushed::TooLarge);
    }
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        // Over the limit, or the connection broke, and then nobody reads the answer.
        Ok(Err(_)) => Err(Pushed::TooLarge),
        Err(_) => Err(Pushed::Slow),
    }
}

/// The message to store, and whether it was understood.
fn stored(account: &str, class: &Class, body: Bytes, arrived_us: u64) -> (NewMessage, bool) {
    let understood = Message::parse(&body)
        .map_err(|error| format!("the push can't be understood: {error}"))
        .and_then(|message| {
            // Only an envelope: the inside is encrypted, and there is no key.
            let sealed = message.msg_type().is_empty() && message.tree.get("Encrypt").is_some();
            if sealed {
                Err("the push is encrypted, and safe mode is not available in this version".to_owned())
            } else {
                Ok(message)
            }
        });
    let payload = |trigger, body| Payload { account: account.to_owned(), trigger, body }.encode();
    match understood {
        Ok(message) => {
            let trigger = message.trigger();
            let new = NewMessage {
                id: id_of(&message.dedup_key(account, &body)),
                lane: lane_of(account, &message.from),
                class: class.clone(),
                payload: payload(trigger, body),
                arrived_us,
                not_after: None,
                wakes_held: trigger.reopens_window(),
                dead_reason: None,
            };
            (new, true)
        }
        Err(reason) => {
            tracing::warn!(
                account,
                reason,
                body_bytes = body.len(),
                "a signed push can't be understood: it is kept as a dead letter"
            );
            let new = NewMessage {
                id: id_of(&DedupKey::of_unreadable(account, &body)),
                lane: lane_of(account, ""),
                class: class.clone(),
                payload: payload(Trigger::Silent, body.slice(..body.len().min(UNREADABLE_MAX_BYTES))),
                arrived_us,
                not_after: None,
                wakes_held: false,
                dead_reason: Some(reason),
            };
            (new, false)
        }
    }
}

fn id_of(key: &DedupKey) -> MessageId {
    MessageId::new(key.opaque_id()).expect("an opaque id has 22 characters")
}

/// One lane per user of an account; what has no sender, or none that can be one, shares the account's.
fn lane_of(account: &str, user: &str) -> Lane {
    let whole = || Lane::new(account).expect("an account's name has 1 to 32 characters");
    if user.is_empty() { whole() } else { Lane::new(format!("{account}/{user}")).unwrap_or_else(|_| whole()) }
}
