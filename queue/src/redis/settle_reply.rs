//! What a script says became of a leased message.

use crate::{QueueError, SendState, Settled};

/// It, with what the script gives if all is well.
#[derive(Debug)]
pub(super) enum SettleReply<T> {
    Done(T),
    /// What it was to wait for is there: it comes again.
    ComesAgain,
    /// An answer by call back lay there unheard: the message comes again with it.
    CallBackPending,
    LeaseLost,
}

impl SettleReply<SendState> {
    /// Where the message of a record stands.
    pub(super) fn send_state(self) -> Result<SendState, QueueError> {
        match self {
            Self::Done(send_state) => Ok(send_state),
            Self::CallBackPending | Self::ComesAgain => Err(QueueError::CallBackPending),
            Self::LeaseLost => Err(QueueError::LeaseLost),
        }
    }
}

impl SettleReply<()> {
    /// What a script's number says.
    pub(super) fn of(number: u8) -> Self {
        match number {
            1 => Self::Done(()),
            2 => Self::ComesAgain,
            3 => Self::CallBackPending,
            _ => Self::LeaseLost,
        }
    }

    /// What became of a settlement.
    pub(super) fn settled(self) -> Result<Settled, QueueError> {
        match self {
            Self::Done(()) => Ok(Settled::AsAsked),
            Self::ComesAgain => Ok(Settled::ComesAgain),
            Self::CallBackPending => Err(QueueError::CallBackPending),
            Self::LeaseLost => Err(QueueError::LeaseLost),
        }
    }
}
