//! A lane, with its messages.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::{
    Class, Closed, MessageId, NewMessage, Progress, PushTry, Right, SUSPECT_LOSSES, SendState, Token,
};

/// Everything that is known of one lane.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) place: Phase,
    /// From its first take to its end it is in neither list.
    pub(super) current: Option<Current>,
    /// What was accepted from a receiver, or revived.
    pub(super) first: VecDeque<Message>,
    /// What came out of a spool, or was woken.
    pub(super) older: VecDeque<Message>,
    pub(super) held: VecDeque<Held>,
    /// Sends announced since it had nothing to do.
    pub(super) sends: u32,
    /// How many there may be in all, and until when, if that is known.
    pub(super) right: Option<Right>,
    pub(super) closed: Option<Closed>,
}

/// Where a lane stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// It has nothing to do.
    #[default]
    Nowhere,
    Ready,
    Leased {
        token: Token,
        worker: String,
        until_us: u64,
    },
    Delayed {
        until_us: u64,
        awaiting: bool,
    },
    Parked,
}

/// A message that isn't at its end.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) id: MessageId,
    pub(super) class: Class,
    pub(super) payload: Bytes,
    pub(super) arrived_us: u64,
    pub(super) failures: u32,
    /// Set when it is no longer current.
    pub(super) losses: u32,
    /// Its holder's, for the journal.
    pub(super) note: Bytes,
    pub(super) snoozes: u32,
    pub(super) last_error: Option<String>,
    pub(super) progress: Progress,
    pub(super) answer: Option<Bytes>,
    /// It was held, and the message that woke it gets an answer of its own.
    pub(super) woken: bool,
    /// What may go out in responses.
    pub(super) response: Option<Response>,
}

/// An answer that may go out in responses.
#[derive(Clone, Debug)]
pub(super) struct Response {
    /// The next part first.
    pub(super) parts: VecDeque<Bytes>,
    pub(super) total: u32,
    pub(super) dies_of: Option<String>,
    pub(super) resend: bool,
    /// 0: it isn't offered, but held.
    pub(super) offered_until_us: u64,
    pub(super) claim: Option<Claim>,
}

/// A part that was given to a try of a push.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) push: PushTry,
    pub(super) until_us: u64,
}

/// The current message of a lane, and what matters only while it is current.
#[derive(Clone, Debug)]
pub(super) struct Current {
    pub(super) message: Message,
    /// The workers whose leases on it were lost, as far as they count.
    pub(super) lost_by: Vec<String>,
    /// Whether the last take was confirmed by a renewal.
    pub(super) confirmed: bool,
    /// Waking messages that came since it was first taken.
    pub(super) wakes: u32,
    pub(super) timed_out: bool,
    /// It writes no memory any more.
    pub(super) forgets: bool,
    /// Whether there is an answer by call back that no take has given.
    pub(super) call_back_pending: bool,
    /// Whether others waited behind it when it was taken.
    pub(super) followed: bool,
    /// When its first attempt failed.
    pub(super) failing_since_us: Option<u64>,
    /// Until when it may hold up others while it waits for its next attempt.
    pub(super) gives_way_us: Option<u64>,
}

/// A message that is held.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) message: Message,
    pub(super) refused: bool,
    pub(super) until_us: u64,
    pub(super) reason: String,
}

impl Lane {
    /// Whether it has neither a current nor a waiting message.
    pub(super) fn is_idle(&self) -> bool {
        self.current.is_none() && self.first.is_empty() && self.older.is_empty()
    }

    /// The current message, or the one that the next take makes current: the older of the two heads; if both are as old, the
    /// one of the second list.
    pub(super) fn head(&self) -> Option<&Message> {
        let current = self.current.as_ref().map(|current| &current.message);
        current.or(match (self.first.front(), self.older.front()) {
            (Some(first), Some(older)) if first.arrived_us < older.arrived_us => Some(first),
            (first, older) => older.or(first),
        })
    }

    /// Makes its head its current message.
    pub(super) fn pin(&mut self) {
        if self.current.is_some() {
            return;
        }
        let from_first = match (self.first.front(), self.older.front()) {
            (Some(first), Some(older)) => first.arrived_us < older.arrived_us,
            (_, older) => older.is_none(),
        };
        let message = if from_first { self.first.pop_front() } else { self.older.pop_front() };
        if message.is_some() && self.held.iter().any(|held| held.refused) {
            self.close(Closed::Refused);
        }
        self.current = message.map(|message| Current {
            wakes: u32::from(message.woken),
            message,
            lost_by: Vec::new(),
            confirmed: false,
            timed_out: false,
            forgets: false,
            call_back_pending: false,
            followed: false,
            failing_since_us: None,
            gives_way_us: None,
        });
    }

    /// Where its current message stands with the right to send.
    pub(super) fn send_state(&self) -> Option<SendState> {
        let current = self.current.as_ref()?;
        let has_followers = current.followed || current.wakes > 0;
        Some(SendState {
            wakes: current.wakes,
            right: self.right,
            closed: self.closed,
            sends: self.sends,
            has_followers,
        })
    }

    /// Several rights do not add up: the larger number that is left counts, and the later end.
    pub(super) fn widen(&mut self, by: Right) {
        let before = self.right.unwrap_or(Right { sends: 0, until_s: 0 });
        self.right = Some(Right {
            sends: before.sends.max(self.sends + by.sends),
            until_s: before.until_s.max(by.until_s),
        });
        self.closed = None;
    }

    /// Nothing may be sent any more, until a waking message comes.
    pub(super) fn close(&mut self, by: Closed) {
        (self.right, self.closed) = (Some(Right { sends: 0, until_s: 0 }), Some(by));
    }

    /// Whether its head has outlived so many workers that it is taken alone.
    pub(super) fn is_suspect(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.losses() >= SUSPECT_LOSSES)
    }

    /// All messages that aren't at their end, in the order in which they are shown.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Message> {
        let current = self.current.iter().map(|current| &current.message);
        current.chain(self.older.iter().take(100)).chain(self.first.iter().take(100))
    }
}

impl Message {
    /// The part that is next is written. Whether it was the last.
    pub(super) fn part_written(&mut self) -> bool {
        self.progress.sent += 1;
        let Some(response) = &mut self.response else { return false };
        response.parts.pop_front();
        self.progress.sent >= response.total
    }
}

impl Current {
    pub(super) fn losses(&self) -> u32 {
        u32::try_from(self.lost_by.len()).unwrap_or(u32::MAX)
    }
}

impl From<NewMessage> for Message {
    fn from(new: NewMessage) -> Self {
        Self {
            id: new.id,
            class: new.class,
            payload: new.payload,
            arrived_us: new.arrived_us,
            failures: 0,
            losses: 0,
            note: Bytes::new(),
            snoozes: 0,
            last_error: None,
            progress: Progress::default(),
            answer: None,
            woken: false,
            response: None,
        }
    }
}
