//! Ordering trouble over HTTP. The JSON is that of the parent module's documentation.

use std::time::Duration;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Handled, JsonBody, Strict, account_of, refuse};
use crate::{
    Endpoint, Fault, FaultForm, FaultOrder, FaultState, Faults, HangUp, OpenId, When, served::Served,
};

const TOO_MANY: &str = "too many faults are ordered already";

#[derive(Deserialize)]
pub(super) struct NewFault {
    on: On,
    account: Option<String>,
    user: Option<OpenId>,
    #[serde(flatten)]
    fault: FaultForm,
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

/// The orders that stand; those for pushes have no number, and are forgotten with all others.
pub(super) fn standing(faults: &Faults) -> Vec<Value> {
    let orders = faults.active().into_iter().map(|FaultState { id, order, seen, met }| {
        let FaultOrder { on, account, user, fault, when } = order;
        let fault = FaultForm::from(&fault);
        json!({
            "id": id, "on": on, "account": account, "user": user, "fault": fault, "which": when, "seen": seen, "met": met,
        })
    });
    let on_pushes = faults.next_tries().into_iter();
    let on_pushes =
        on_pushes.map(|(fault, times)| json!({ "on": ["push"], "fault": fault, "which": When::Next(times) }));
    orders.chain(on_pushes).collect()
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
            (FaultForm::LostAck, When::Next(times)) if next_tries => return Ok(Understood::LostAcks(times)),
            (FaultForm::HangUp { at, ms }, When::Next(times)) if next_tries => {
                return Ok(Understood::HangUps(at.with(ms), times));
            }
            (FaultForm::LostAck | FaultForm::HangUp { .. }, _) => {
                return Err("`lost_ack` and `hang_up` are for `\"on\": \"push\"` and take `times` alone");
            }
            _ if on_push => return Err("a push has two faults, `lost_ack` and `hang_up`"),
            (FaultForm::Code { code }, _) => Fault::Code(code),
            (FaultForm::Delay { ms }, _) => Fault::Delay(Duration::from_millis(ms)),
            (FaultForm::Hang, _) => Fault::Hang,
            (FaultForm::Cut, _) => Fault::Cut,
            (FaultForm::CutAfterAccept, _) => Fault::CutAfterAccept,
            (FaultForm::Status { status }, _) => Fault::Status(status),
            (FaultForm::Html, _) => Fault::Html,
        };
        Ok(Understood::Order(FaultOrder { on, account: self.account, user: self.user, fault, when }))
    }
}

/// Small enough for every reader of JSON to keep whole.
fn chosen_seed() -> u64 {
    u64::from(rand::random::<u32>())
}
