//! Trouble as a scenario orders it: the table of `POST /sandbox/faults` of the control API.

use std::time::Duration;

use huixin_sandbox::{Endpoint, Fault, FaultForm, FaultOrder, HangUp, HangUpAt, OpenId, When};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::step::StepAction;

/// The keys of the fault itself.
const OF_THE_FAULT: [&str; 5] = ["fault", "code", "ms", "status", "at"];

/// The other keys: which calls meet it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WhichCalls {
    on: String,
    times: Option<u32>,
    every: Option<u32>,
    share: Option<f64>,
    seed: Option<u64>,
    account: Option<String>,
    user: Option<OpenId>,
}

/// Understands the table `fault` of a step.
pub(super) fn understood(mut written: toml::Table) -> Result<StepAction, String> {
    let of_the_fault = OF_THE_FAULT.iter().filter_map(|key| written.remove_entry(*key)).collect();
    let form: FaultForm = exact(of_the_fault)?;
    let which: WhichCalls =
        toml::Value::Table(written).try_into().map_err(|error| error.message().to_owned())?;
    let when = which.when()?;
    let fault = match form {
        FaultForm::LostAck => return which.next_tries(when).map(StepAction::LoseAcks),
        FaultForm::HangUp { at, ms } => {
            let how = match at {
                HangUpAt::Before => HangUp::Before(Duration::from_millis(ms)),
                HangUpAt::Within => HangUp::Within,
                HangUpAt::After => HangUp::After,
            };
            return which.next_tries(when).map(|times| StepAction::HangUps(how, times));
        }
        FaultForm::Code { code } => Fault::Code(code),
        FaultForm::Delay { ms } => Fault::Delay(Duration::from_millis(ms)),
        FaultForm::Hang => Fault::Hang,
        FaultForm::Cut => Fault::Cut,
        FaultForm::CutAfterAccept => Fault::CutAfterAccept,
        FaultForm::Status { status } => Fault::Status(status),
        FaultForm::Html => Fault::Html,
    };
    let on = which.endpoints()?;
    Ok(StepAction::Fault(FaultOrder { on, account: which.account, user: which.user, fault, when }))
}

impl WhichCalls {
    fn when(&self) -> Result<When, String> {
        let when = match (self.times, self.every, self.share) {
            (times, None, None) => When::Next(times.unwrap_or(1)),
            (None, Some(nth), None) => When::Every(nth),
            (None, None, Some(share)) => When::Share { share, seed: self.seed.unwrap_or(1) },
            _ => return Err("one of `times`, `every` and `share`".to_owned()),
        };
        let acts = match when {
            When::Next(count) | When::Every(count) => count > 0,
            When::Share { share, .. } => share > 0.0 && share <= 1.0,
        };
        if acts { Ok(when) } else { Err("it never acts".to_owned()) }
    }

    fn endpoints(&self) -> Result<Vec<Endpoint>, String> {
        let on: Vec<Endpoint> = match self.on.as_str() {
            "all" => Endpoint::ALL.to_vec(),
            "tokens" => Endpoint::TOKENS.to_vec(),
            name => Endpoint::ALL.iter().copied().filter(|endpoint| endpoint.as_str() == name).collect(),
        };
        let known = || Endpoint::ALL.iter().map(|endpoint| endpoint.as_str()).collect::<Vec<_>>().join(", ");
        if on.is_empty() { Err(format!("`on` is one of all, tokens, push, {}", known())) } else { Ok(on) }
    }

    /// How many tries of pushes.
    fn next_tries(&self, when: When) -> Result<u32, String> {
        match when {
            When::Next(times) if self.on == "push" && self.account.is_none() && self.user.is_none() => {
                Ok(times)
            }
            _ => Err("`lost_ack` and `hang_up` are `on = \"push\"` and take `times` alone".to_owned()),
        }
    }
}

/// A table that has all its keys in the form that it has as JSON: those of a tagged enum, which refuses no unknown ones itself.
pub(super) fn exact<T: DeserializeOwned + Serialize>(written: toml::Table) -> Result<T, String> {
    let keys: Vec<String> = written.keys().cloned().collect();
    let read: T = toml::Value::Table(written).try_into().map_err(|error| error.message().to_owned())?;
    let known = serde_json::to_value(&read).unwrap_or_default();
    match keys.iter().find(|key| known.get(key.as_str()).is_none()) {
        Some(key) => Err(format!("this kind has no `{key}`")),
        None => Ok(read),
    }
}
