//! What a script says became of a leased message.

use crate::{QueueError, Settled, Standing};

/// It, with what the script gives if all is well.
#[derive(Debug)]
pub(super) enum Outcome<T> {
    Done(T),
    /// What it was to wait for is there: it comes again.
    ComesAgain,
    /// An answer by call back lay there unheard: the message comes again with it.
    Answered,
    LeaseLost,
}

impl Outcome<Standing> {
    /// Where the message of a record stands.
    pub(super) fn standing(self) -> Result<Standing, QueueError> {
        match self {
            Self::Done(standing) => Ok(standing),
            Self::Answered | Self::ComesAgain => Err(QueueError::Answered),
            Self::LeaseLost => Err(QueueError::LeaseLost),
        }
    }
}

impl Outcome<()> {
    /// What a script's number says.
    pub(super) fn of(number: u8) -> Self {
        match number {
            1 => Self::Done(()),
            2 => Self::ComesAgain,
            3 => Self::Answered,
            _ => Self::LeaseLost,
        }
    }

    /// What became of a settlement.
    pub(super) fn settled(self) -> Result<Settled, QueueError> {
        match self {
            Self::Done(()) => Ok(Settled::AsAsked),
            Self::ComesAgain => Ok(Settled::ComesAgain),
            Self::Answered => Err(QueueError::Answered),
            Self::LeaseLost => Err(QueueError::LeaseLost),
        }
    }
}
