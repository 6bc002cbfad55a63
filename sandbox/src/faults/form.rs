//! A fault as JSON: its name, with its numbers beside it. The control API reads it so, and the transcript shows it so.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Fault, HangUp};

/// [`Fault`] as JSON, and those that pushes have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum FaultForm {
    /// [`Fault::Code`].
    Code {
        /// The `errcode`.
        code: i64,
    },
    /// [`Fault::Delay`].
    Delay {
        /// How long.
        ms: u64,
    },
    /// [`Fault::Hang`].
    Hang,
    /// [`Fault::Cut`].
    Cut,
    /// [`Fault::CutAfterAccept`].
    CutAfterAccept,
    /// [`Fault::Status`].
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// [`Fault::Html`].
    Html,
    /// The answer to a try of a push gets lost.
    LostAck,
    /// [`HangUp`].
    HangUp {
        /// Where.
        at: HangUpAt,
        /// How long before the response, when it is before that.
        #[serde(default)]
        ms: u64,
    },
}

/// The places of [`HangUp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HangUpAt {
    /// [`HangUp::Before`].
    Before,
    /// [`HangUp::Within`].
    Within,
    /// [`HangUp::After`].
    After,
}

impl HangUpAt {
    pub(crate) fn with(self, ms: u64) -> HangUp {
        match self {
            HangUpAt::Before => HangUp::Before(Duration::from_millis(ms)),
            HangUpAt::Within => HangUp::Within,
            HangUpAt::After => HangUp::After,
        }
    }
}

impl From<&Fault> for FaultForm {
    fn from(fault: &Fault) -> FaultForm {
        match fault {
            Fault::Code(code) => FaultForm::Code { code: *code },
            Fault::Delay(time) => FaultForm::Delay { ms: millis(*time) },
            Fault::Hang => FaultForm::Hang,
            Fault::Cut => FaultForm::Cut,
            Fault::CutAfterAccept => FaultForm::CutAfterAccept,
            Fault::Status(status) => FaultForm::Status { status: *status },
            Fault::Html => FaultForm::Html,
        }
    }
}

impl From<HangUp> for FaultForm {
    fn from(how: HangUp) -> FaultForm {
        let (at, ms) = match how {
            HangUp::Before(after) => (HangUpAt::Before, millis(after)),
            HangUp::Within => (HangUpAt::Within, 0),
            HangUp::After => (HangUpAt::After, 0),
        };
        FaultForm::HangUp { at, ms }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
