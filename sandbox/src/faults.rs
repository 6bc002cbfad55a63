//! Trouble on request: the next N calls of an endpoint fail in a chosen way.
//!
//! Faults are counted, not timed or drawn by chance, so that a test knows which call meets which fault. They act before the
//! request is judged, as a failing gateway would, and each leaves a line in the transcript when it begins, so that a test
//! can wait for "the send hangs now" and then kill something.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// How many orders may be queued for one endpoint; more are ignored, with a warning.
const MAX_ORDERS: usize = 1_024;

/// One kind of trouble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call is answered with this `errcode`.
    Code(i64),
    /// The call is handled after this time, even if the caller has hung up by then.
    Delay(Duration),
    /// The call is never answered and has no effect.
    Hang,
    /// The connection is closed after the request was read; the call has no effect.
    Cut,
    /// The call has its effect, then the connection is closed without an answer.
    CutAfterAccept,
    /// The call is answered with this HTTP status and no JSON, as a proxy on the way would.
    Status(u16),
}

/// The faults of one sandbox. Orders for the same endpoint queue up behind each other.
#[derive(Debug, Default)]
pub struct Faults {
    send: Mutex<VecDeque<(Fault, u32)>>,
    token: Mutex<VecDeque<(Fault, u32)>>,
    lost_acks: Mutex<u32>,
}

impl Faults {
    /// The next `times` calls of custom/send meet this fault.
    pub fn on_send(&self, fault: Fault, times: u32) {
        order(&self.send, fault, times);
    }

    /// The next `times` token calls, of either endpoint, meet this fault.
    pub fn on_token(&self, fault: Fault, times: u32) {
        order(&self.token, fault, times);
    }

    /// The answers to the next `times` tries of pushes get lost: WeChat counts them as timeouts, without waiting.
    pub fn lose_acks(&self, times: u32) {
        let mut lost = self.lost_acks.lock().unwrap_or_else(PoisonError::into_inner);
        *lost = lost.saturating_add(times);
    }

    /// Forgets all faults that have not acted yet.
    pub fn clear(&self) {
        for queue in [&self.send, &self.token] {
            queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        *self.lost_acks.lock().unwrap_or_else(PoisonError::into_inner) = 0;
    }

    pub(crate) fn take_send(&self) -> Option<Fault> {
        take(&self.send)
    }

    pub(crate) fn take_token(&self) -> Option<Fault> {
        take(&self.token)
    }

    pub(crate) fn take_lost_ack(&self) -> bool {
        let mut lost = self.lost_acks.lock().unwrap_or_else(PoisonError::into_inner);
        let any = *lost > 0;
        *lost = lost.saturating_sub(1);
        any
    }
}

fn order(queue: &Mutex<VecDeque<(Fault, u32)>>, fault: Fault, times: u32) {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    if times == 0 {
        return;
    }
    if queue.len() >= MAX_ORDERS {
        tracing::warn!("{MAX_ORDERS} faults are queued already: {fault:?} is ignored");
        return;
    }
    queue.push_back((fault, times));
}

fn take(queue: &Mutex<VecDeque<(Fault, u32)>>) -> Option<Fault> {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    let (fault, left) = queue.front_mut()?;
    let fault = fault.clone();
    *left -= 1;
    if *left == 0 {
        queue.pop_front();
    }
    Some(fault)
}
