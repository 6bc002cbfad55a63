//! Shows the page of the pretend WeChat what the worker does with each message.

use std::time::{Duration, SystemTime};

use huixin_sandbox::{Exchange, MessageStage, Sandbox};
use huixin_worker::{ServiceCall, Witness, WitnessEvent, WitnessedMessage};

/// Tells the sandbox what the worker does.
pub(super) struct DevWitness(pub(super) Sandbox);

impl Witness for DevWitness {
    fn saw(&self, message: &WitnessedMessage, event: &WitnessEvent<'_>) {
        let (account, body, attempt) = (message.account.as_str(), &message.body, message.attempt);
        let stage = match *event {
            WitnessEvent::Taken => MessageStage::Taken,
            WitnessEvent::Handling { route } => MessageStage::Handling { route: route.to_owned(), attempt },
            WitnessEvent::Called(call) => return self.0.exchanged(account, body, exchange(attempt, call)),
            WitnessEvent::Handled { took, failure } => {
                MessageStage::Handled { ms: ms(took), error: failure.map(str::to_owned) }
            }
            WitnessEvent::Recorded { parts } => MessageStage::Recorded { parts },
            WitnessEvent::Sent { part, of } => MessageStage::Sent { part, of },
            WitnessEvent::Ended { end, reason } => {
                MessageStage::Ended { end: end.to_owned(), reason: reason.map(str::to_owned) }
            }
            // One that this page has no place for.
            _ => return,
        };
        self.0.staged(account, body, stage);
    }
}

fn exchange(attempt: u32, call: &ServiceCall) -> Exchange {
    let at = call.began.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Exchange {
        attempt,
        at_ms: u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
        took_ms: ms(call.took),
        method: call.method.to_owned(),
        url: call.url.clone(),
        request: call.request.clone(),
        status: call.status,
        response: call.response.clone(),
        error: call.error.clone(),
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
