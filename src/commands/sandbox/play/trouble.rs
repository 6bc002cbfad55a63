//! Trouble as a scenario orders it: with the names that `POST /sandbox/faults` of the control API has.

use std::time::Duration;

use huixin_sandbox::{Endpoint, Fault, FaultOrder, HangUp, OpenId, When};
use serde::Deserialize;

use super::scenario::StepAction;

/// The table `fault` of a step.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenFault {
    on: String,
    fault: FaultName,
    code: Option<i64>,
    ms: Option<u64>,
    status: Option<u16>,
    at: Option<HangUpPlace>,
    times: Option<u32>,
    every: Option<u32>,
    share: Option<f64>,
    seed: Option<u64>,
    account: Option<String>,
    user: Option<OpenId>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FaultName {
    Code,
    Delay,
    Hang,
    Cut,
    CutAfterAccept,
    Status,
    Html,
    LostAck,
    HangUp,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum HangUpPlace {
    Before,
    Within,
    After,
}

impl WrittenFault {
    pub(super) fn understood(self) -> Result<StepAction, String> {
        let when = self.when()?;
        let pause = Duration::from_millis(self.ms.unwrap_or_default());
        let fault = match self.fault {
            FaultName::Code => Fault::Code(self.code.ok_or("`fault`: write `code`, like 45015")?),
            FaultName::Delay if self.ms.is_none() => return Err("`fault`: write `ms`, like 2000".to_owned()),
            FaultName::Delay => Fault::Delay(pause),
            FaultName::Hang => Fault::Hang,
            FaultName::Cut => Fault::Cut,
            FaultName::CutAfterAccept => Fault::CutAfterAccept,
            FaultName::Status => Fault::Status(self.status.ok_or("`fault`: write `status`, like 502")?),
            FaultName::Html => Fault::Html,
            FaultName::LostAck | FaultName::HangUp => return self.of_a_push(when, pause),
        };
        let on = match self.on.as_str() {
            "all" => Endpoint::ALL.to_vec(),
            "tokens" => Endpoint::TOKENS.to_vec(),
            name => Endpoint::ALL.iter().copied().filter(|endpoint| endpoint.as_str() == name).collect(),
        };
        if on.is_empty() {
            let known: Vec<&str> = Endpoint::ALL.iter().map(|endpoint| endpoint.as_str()).collect();
            return Err(format!("`fault`: `on` is one of all, tokens, push, {}", known.join(", ")));
        }
        Ok(StepAction::Fault(FaultOrder { on, account: self.account, user: self.user, fault, when }))
    }

    fn of_a_push(&self, when: When, pause: Duration) -> Result<StepAction, String> {
        let When::Next(times) = when else {
            return Err("`fault`: a push's faults have `times` alone".to_owned());
        };
        if self.on != "push" || self.account.is_some() || self.user.is_some() {
            return Err(
                "`fault`: `lost_ack` and `hang_up` are `on = \"push\"` of every account and user".to_owned()
            );
        }
        Ok(match (self.fault, self.at) {
            (FaultName::LostAck, _) => StepAction::LoseAcks(times),
            (_, Some(HangUpPlace::Within)) => StepAction::HangUps(HangUp::Within, times),
            (_, Some(HangUpPlace::After)) => StepAction::HangUps(HangUp::After, times),
            (_, Some(HangUpPlace::Before) | None) => StepAction::HangUps(HangUp::Before(pause), times),
        })
    }

    fn when(&self) -> Result<When, String> {
        let when = match (self.times, self.every, self.share) {
            (times, None, None) => When::Next(times.unwrap_or(1)),
            (None, Some(nth), None) => When::Every(nth),
            (None, None, Some(share)) => When::Share { share, seed: self.seed.unwrap_or(1) },
            _ => return Err("`fault`: one of `times`, `every` and `share`".to_owned()),
        };
        let acts = match when {
            When::Next(count) | When::Every(count) => count > 0,
            When::Share { share, .. } => share > 0.0 && share <= 1.0,
        };
        if acts { Ok(when) } else { Err("`fault`: it never acts".to_owned()) }
    }
}
