//! Ordering trouble over HTTP. The JSON is that of the parent module's documentation.

use std::time::Duration;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Strict, no_such_account, refuse};
use crate::{Endpoint, Fault, FaultOrder, FaultState, OpenId, When, served::Served};

#[derive(Deserialize)]
pub(super) struct NewFault {
    on: On,
    account: Option<String>,
    user: Option<OpenId>,
    #[serde(flatten)]
    fault: Kind,
    times: Option<u32>,
    every: Option<u32>,
    share: Option<f64>,
    seed: Option<u64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum On {
    One(Endpoint),
    Several(Several),
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Several {
    Tokens,
    All,
    Push,
}

/// [`Fault`] as JSON, and the one that pushes have.
#[derive(Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
enum Kind {
    Code { code: i64 },
    Delay { ms: u64 },
    Hang,
    Cut,
    CutAfterAccept,
    Status { status: u16 },
    Html,
    LostAck,
}

pub(super) async fn order(State(served): State<Served>, Strict(new): Strict<NewFault>) -> Response {
    if new.account.as_deref().is_some_and(|name| served.sandbox.account(name).is_none()) {
        return no_such_account();
    }
    match new.understood() {
        Err(error) => refuse(StatusCode::BAD_REQUEST, error),
        Ok(Understood::LostAcks(times)) => {
            served.sandbox.faults().lose_acks(times);
            Json(json!({})).into_response()
        }
        Ok(Understood::Order(order)) => ordered(&served, order),
    }
}

pub(super) async fn cancel(State(served): State<Served>, Path(id): Path<u64>) -> Response {
    if served.sandbox.faults().cancel(id) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        refuse(StatusCode::NOT_FOUND, "no order of this number stands")
    }
}

pub(super) async fn clear(State(served): State<Served>) -> StatusCode {
    served.sandbox.faults().clear();
    StatusCode::NO_CONTENT
}

/// An order that stands, for the report.
pub(super) fn shown(state: &FaultState) -> Value {
    let order = &state.order;
    let (fault, which) = (Kind::from(&order.fault), order.when);
    let which = match which {
        When::Next(times) => json!({ "times": times }),
        When::Every(nth) => json!({ "every": nth }),
        When::Share { share, seed } => json!({ "share": share, "seed": seed }),
    };
    json!({
        "id": state.id, "on": order.on, "account": order.account, "user": order.user, "fault": fault, "which": which,
        "seen": state.seen, "met": state.met,
    })
}

fn ordered(served: &Served, order: FaultOrder) -> Response {
    let when = order.when;
    let Some(id) = served.sandbox.faults().order(order) else {
        return refuse(StatusCode::TOO_MANY_REQUESTS, "too many faults are ordered already");
    };
    Json(match when {
        When::Share { seed, .. } => json!({ "id": id, "seed": seed }),
        When::Next(_) | When::Every(_) => json!({ "id": id }),
    })
    .into_response()
}

enum Understood {
    Order(FaultOrder),
    LostAcks(u32),
}

impl NewFault {
    fn understood(self) -> Result<Understood, &'static str> {
        let on_push = matches!(self.on, On::Several(Several::Push));
        let on = match self.on {
            On::One(endpoint) => vec![endpoint],
            On::Several(Several::Tokens) => Endpoint::TOKENS.to_vec(),
            On::Several(Several::All) => Endpoint::ALL.to_vec(),
            On::Several(Several::Push) => Vec::new(),
        };
        let when = match (self.times, self.every, self.share) {
            (Some(times), None, None) if times > 0 => When::Next(times),
            (None, Some(nth), None) if nth > 0 => When::Every(nth),
            (None, None, Some(share)) if share > 0.0 && share <= 1.0 => {
                When::Share { share, seed: self.seed.unwrap_or_else(chosen_seed) }
            }
            _ => return Err("say which calls: `times` or `every`, from 1, or `share`, over 0 and at most 1"),
        };
        let fault = match (self.fault, when) {
            (Kind::LostAck, When::Next(times))
                if on_push && self.account.is_none() && self.user.is_none() =>
            {
                return Ok(Understood::LostAcks(times));
            }
            (Kind::LostAck, _) => return Err("`lost_ack` is for `\"on\": \"push\"` and takes `times` alone"),
            _ if on_push => return Err("a push has one fault, `lost_ack`"),
            (Kind::Code { code }, _) => Fault::Code(code),
            (Kind::Delay { ms }, _) => Fault::Delay(Duration::from_millis(ms)),
            (Kind::Hang, _) => Fault::Hang,
            (Kind::Cut, _) => Fault::Cut,
            (Kind::CutAfterAccept, _) => Fault::CutAfterAccept,
            (Kind::Status { status }, _) => Fault::Status(status),
            (Kind::Html, _) => Fault::Html,
        };
        Ok(Understood::Order(FaultOrder { on, account: self.account, user: self.user, fault, when }))
    }
}

/// Small enough for every reader of JSON to keep whole.
fn chosen_seed() -> u64 {
    u64::from(rand::random::<u32>())
}

impl From<&Fault> for Kind {
    fn from(fault: &Fault) -> Kind {
        match fault {
            Fault::Code(code) => Kind::Code { code: *code },
            Fault::Delay(time) => Kind::Delay { ms: u64::try_from(time.as_millis()).unwrap_or(u64::MAX) },
            Fault::Hang => Kind::Hang,
            Fault::Cut => Kind::Cut,
            Fault::CutAfterAccept => Kind::CutAfterAccept,
            Fault::Status(status) => Kind::Status { status: *status },
            Fault::Html => Kind::Html,
        }
    }
}
