//! Ordering trouble over HTTP. The JSON is that of the parent module's documentation.

use std::time::Duration;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Handled, JsonBody, Strict, account_of, refuse};
use crate::{Endpoint, Fault, FaultOrder, FaultState, HangUp, OpenId, When, served::Served};

const TOO_MANY: &str = "too many faults are ordered already";

#[derive(Deserialize)]
pub(super) struct NewFault {
    on: On,
    account: Option<String>,
    user: Option<OpenId>,
    #[serde(flatten)]
    fault: FaultBody,
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

/// [`Fault`] as JSON, and those that pushes have.
#[derive(Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
enum FaultBody {
    Code {
        code: i64,
    },
    Delay {
        ms: u64,
    },
    Hang,
    Cut,
    CutAfterAccept,
    Status {
        status: u16,
    },
    Html,
    LostAck,
    HangUp {
        at: HangUpAt,
        #[serde(default)]
        ms: u64,
    },
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum HangUpAt {
    Before,
    Within,
    After,
}

pub(super) async fn order(State(served): State<Served>, Strict(new): Strict<NewFault>) -> Handled<JsonBody> {
    if let Some(name) = &new.account {
        account_of(&served, Some(name))?;
    }
    let understood = new.understood().map_err(|error| refuse(StatusCode::BAD_REQUEST, error))?;
    let order = match understood {
        Understood::Order(order) => order,
        Understood::LostAcks(times) => {
            served.sandbox.faults().lose_acks(times);
            return Ok(Json(json!({})));
        }
        Understood::HangUps(how, times) => {
            return match served.sandbox.faults().hang_up(how, times) {
                true => Ok(Json(json!({}))),
                false => Err(refuse(StatusCode::TOO_MANY_REQUESTS, TOO_MANY)),
            };
        }
    };
    let seed = if let When::Share { seed, .. } = order.when { Some(seed) } else { None };
    let id = served.sandbox.faults().order(order);
    let id = id.ok_or_else(|| refuse(StatusCode::TOO_MANY_REQUESTS, TOO_MANY))?;
    Ok(Json(seed.map_or(json!({ "id": id }), |seed| json!({ "id": id, "seed": seed }))))
}

pub(super) async fn cancel(State(served): State<Served>, Path(id): Path<u64>) -> Handled {
    let stood = served.sandbox.faults().cancel(id);
    if stood {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(refuse(StatusCode::NOT_FOUND, "there is no order with this number"))
    }
}

pub(super) async fn clear(State(served): State<Served>) -> StatusCode {
    served.sandbox.faults().clear();
    StatusCode::NO_CONTENT
}

/// An order that stands, for the report.
pub(super) fn shown(state: &FaultState) -> Value {
    let order = &state.order;
    let (fault, which) = (FaultBody::from(&order.fault), order.when);
    json!({
        "id": state.id, "on": order.on, "account": order.account, "user": order.user, "fault": fault, "which": which,
        "seen": state.seen, "met": state.met,
    })
}

enum Understood {
    Order(FaultOrder),
    LostAcks(u32),
    HangUps(HangUp, u32),
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
        let next_tries = on_push && self.account.is_none() && self.user.is_none();
        let fault = match (self.fault, when) {
            (FaultBody::LostAck, When::Next(times)) if next_tries => return Ok(Understood::LostAcks(times)),
            (FaultBody::HangUp { at, ms }, When::Next(times)) if next_tries => {
                return Ok(Understood::HangUps(at.with(ms), times));
            }
            (FaultBody::LostAck | FaultBody::HangUp { .. }, _) => {
                return Err("`lost_ack` and `hang_up` are for `\"on\": \"push\"` and take `times` alone");
            }
            _ if on_push => return Err("a push has two faults, `lost_ack` and `hang_up`"),
            (FaultBody::Code { code }, _) => Fault::Code(code),
            (FaultBody::Delay { ms }, _) => Fault::Delay(Duration::from_millis(ms)),
            (FaultBody::Hang, _) => Fault::Hang,
            (FaultBody::Cut, _) => Fault::Cut,
            (FaultBody::CutAfterAccept, _) => Fault::CutAfterAccept,
            (FaultBody::Status { status }, _) => Fault::Status(status),
            (FaultBody::Html, _) => Fault::Html,
        };
        Ok(Understood::Order(FaultOrder { on, account: self.account, user: self.user, fault, when }))
    }
}

impl HangUpAt {
    fn with(self, ms: u64) -> HangUp {
        match self {
            HangUpAt::Before => HangUp::Before(Duration::from_millis(ms)),
            HangUpAt::Within => HangUp::Within,
            HangUpAt::After => HangUp::After,
        }
    }
}

/// Small enough for every reader of JSON to keep whole.
fn chosen_seed() -> u64 {
    u64::from(rand::random::<u32>())
}

impl From<&Fault> for FaultBody {
    fn from(fault: &Fault) -> FaultBody {
        match fault {
            Fault::Code(code) => FaultBody::Code { code: *code },
            Fault::Delay(time) => {
                FaultBody::Delay { ms: u64::try_from(time.as_millis()).unwrap_or(u64::MAX) }
            }
            Fault::Hang => FaultBody::Hang,
            Fault::Cut => FaultBody::Cut,
            Fault::CutAfterAccept => FaultBody::CutAfterAccept,
            Fault::Status(status) => FaultBody::Status { status: *status },
            Fault::Html => FaultBody::Html,
        }
    }
}
