//! How a message leaves a worker, and why its way may stop short.

use huixin_queue::QueueError;

/// How a message left this worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All its replies are with WeChat.
    Answered,
    /// Its handler had nothing to say.
    NoReply,
    /// No route is for it.
    Unmatched,
    /// What is not sent waits for the user's next message.
    Held,
    /// It was to be held, and its user has written meanwhile, or it was to end, and its answer has come by call back: it comes
    /// again at once.
    Waiting,
    /// It comes again later; an attempt was used.
    Retried,
    /// It comes again later; no attempt was used.
    Snoozed,
    /// It waits for its answer by call back.
    Awaiting,
    /// It went back because the worker stops.
    Released,
    /// It is a dead letter.
    Dead,
    /// Somebody else may have it.
    LeaseLost,
    /// The queue was away, and it isn't known here how the message stands: done, or coming again.
    Unsettled,
}

impl End {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::NoReply => "no_reply",
            Self::Unmatched => "unmatched",
            Self::Held => "held",
            Self::Waiting => "waiting",
            Self::Retried => "retried",
            Self::Snoozed => "snoozed",
            Self::Awaiting => "awaiting",
            Self::Released => "released",
            Self::Dead => "dead",
            Self::LeaseLost => "lease_lost",
            Self::Unsettled => "unsettled",
        }
    }
}

/// Why a job stops short of its normal end.
#[derive(Debug)]
pub(crate) enum Stop {
    Lost,
    /// A call made again after an outage found the lease gone: the first one may have been applied.
    PerhapsDone,
    /// An answer by call back has come meanwhile: the message comes again with it.
    Answered,
    Stopping,
    Queue(QueueError),
}

/// A step of a message's way.
pub(crate) type Step<T> = Result<T, Stop>;
