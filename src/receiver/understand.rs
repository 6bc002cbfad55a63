//! What the queue gets of a genuine push, and what the receiver itself knows of it.
//!
//! Nothing here refuses a push: what can't be understood becomes a dead letter, with as much of it as is worth keeping.

use std::time::SystemTime;

use bytes::Bytes;
use huixin_queue::{Class, HeldEffect, Lane, MessageId};
use huixin_wechat::{DedupKey, Message, MessageHead, PushBody, Trigger, body};
use huixin_worker::{Payload, Rights};

use super::ReceiverAccount;
use super::intake::Arriving;
use super::metrics;
use super::outcome::PushOutcome;

/// How much of a body that can't be understood is kept.
const UNREADABLE_MAX_BYTES: usize = 64 * 1024;

/// A genuine push.
pub(super) struct UnderstoodPush {
    /// What the queue gets of it.
    pub(super) arriving: Arriving,
    /// What becomes of the push once that is stored.
    pub(super) outcome: PushOutcome,
    /// Of a user, who may be answered in the response.
    pub(super) message: Option<Message>,
}

pub(super) fn understand(
    name: &str,
    account: &ReceiverAccount,
    rights: &Rights,
    inner: PushBody,
    body: Bytes,
) -> UnderstoodPush {
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
        parsed.tree
    });
    let tree = match understood {
        Ok(tree) => tree,
        Err(reason) => {
            let arriving = unreadable(name, class, &body, reason);
            return UnderstoodPush { arriving, outcome: PushOutcome::Unreadable, message: None };
        }
    };
    let head = MessageHead::of(&tree);
    let trigger = head.trigger();
    let arriving = Arriving {
        id: id_of(&head.dedup_key(name, &body)),
        lane: lane_of(name, head.from()),
        class: class.clone(),
        payload: payload(name, trigger, body),
        held: account.answers.held(rights.effect(trigger, head.created_at(), SystemTime::now())),
        dead_reason: None,
    };
    if tree.get("InfoType").is_some() {
        return UnderstoodPush { arriving, outcome: PushOutcome::Platform, message: None };
    }
    let may_be_kept_open = account.answers.keeps_open(trigger) && arriving.lane.as_str() != name;
    let message = may_be_kept_open.then(|| Message::from_tree(tree));
    UnderstoodPush { arriving, outcome: PushOutcome::Accepted, message }
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
    if user.is_empty() {
        whole()
    } else {
        Lane::new([account, "/", user].concat()).unwrap_or_else(|_| whole())
    }
}
