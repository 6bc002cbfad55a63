//! Trouble on request: chosen calls of an endpoint fail in a chosen way.
//!
//! An order says which calls: the next N, every k-th, or a share of them drawn by a generator with a given seed. So a test
//! knows which call meets which fault, and a run with chance in it can be repeated. Orders are looked at in the order they
//! were given, and the first that wants a call gets it: orders for the next calls queue up behind each other. They act before
//! the request is judged, as a failing gateway would. Each leaves a line in the transcript when it begins, so that a test can
//! wait for "the send hangs now" and then kill something.

use std::{collections::VecDeque, time::Duration};

use parking_lot::Mutex;

mod form;
mod order;

pub use form::{FaultForm, HangUpAt};
pub use order::{FaultOrder, FaultState, When};

use crate::{Endpoint, OpenId};
use order::ActiveFault;

/// How many orders may stand at once; more are ignored, with a warning.
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
    /// The call is answered with status 200 and an HTML page, as a captive portal or a gateway on the way would.
    Html,
}

/// Where in a push's try WeChat closes the connection. Whatever is answered then is lost, and the next try follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HangUp {
    /// So long after the request was written, without reading anything.
    Before(Duration),
    /// When the response begins, with the rest of it unread.
    Within,
    /// When the response is read to its end.
    After,
}

/// The faults of one sandbox.
#[derive(Debug, Default)]
pub struct Faults {
    active: Mutex<Orders>,
    lost_acks: Mutex<u32>,
    /// The next tries of pushes in which WeChat hangs up, in order.
    hang_ups: Mutex<VecDeque<HangUp>>,
}

#[derive(Debug, Default)]
struct Orders {
    list: Vec<ActiveFault>,
    last_id: u64,
}

impl Faults {
    /// The next `times` calls of custom/send meet this fault.
    pub fn on_send(&self, fault: Fault, times: u32) {
        self.on(Endpoint::Send, fault, times);
    }

    /// The next `times` token calls, of either endpoint, meet this fault.
    pub fn on_token(&self, fault: Fault, times: u32) {
        self.order(FaultOrder::new(Endpoint::TOKENS, fault, When::Next(times)));
    }

    /// The next `times` calls of an endpoint meet this fault.
    pub fn on(&self, endpoint: Endpoint, fault: Fault, times: u32) {
        self.order(FaultOrder::new([endpoint], fault, When::Next(times)));
    }

    /// Any order. Gives its number, by which it can be cancelled, or `None` when it can't be taken: it would never act, or
    /// too many stand already.
    pub fn order(&self, order: FaultOrder) -> Option<u64> {
        if !order.ever_acts() {
            return None;
        }
        let mut orders = self.active.lock();
        if orders.list.len() >= MAX_ORDERS {
            tracing::warn!(fault = ?order.fault, most = MAX_ORDERS, "too many faults are ordered: a new one is ignored");
            return None;
        }
        if let When::Share { share, seed } = order.when {
            tracing::info!(fault = ?order.fault, on = ?order.on, share, seed, "a fault for a share of the calls");
        }
        orders.last_id += 1;
        let id = orders.last_id;
        orders.list.push(ActiveFault::new(id, order));
        Some(id)
    }

    /// Forgets one order; false when there is none of that number any more.
    pub fn cancel(&self, id: u64) -> bool {
        let mut orders = self.active.lock();
        let before = orders.list.len();
        orders.list.retain(|active| active.state.id != id);
        orders.list.len() < before
    }

    /// The orders that stand, in the order they are looked at.
    pub fn active(&self) -> Vec<FaultState> {
        self.active.lock().list.iter().map(|active| active.state.clone()).collect()
    }

    /// The answers to the next `times` tries of pushes get lost: WeChat counts them as timeouts, without waiting.
    pub fn lose_acks(&self, times: u32) {
        let mut lost = self.lost_acks.lock();
        *lost = lost.saturating_add(times);
    }

    /// WeChat hangs up in the next `times` tries of pushes; those ordered before come first. False when that would be too many
    /// orders: then nothing is ordered.
    pub fn hang_up(&self, how: HangUp, times: u32) -> bool {
        let (mut next, times) = (self.hang_ups.lock(), times as usize);
        let fits = times <= MAX_ORDERS.saturating_sub(next.len());
        if fits {
            next.extend(std::iter::repeat_n(how, times));
        }
        fits
    }

    /// What the next tries of pushes meet, each with how many they are.
    pub(crate) fn next_tries(&self) -> Vec<(FaultForm, u32)> {
        let mut tries = Vec::new();
        let lost = *self.lost_acks.lock();
        if lost > 0 {
            tries.push((FaultForm::LostAck, lost));
        }
        let hang_ups = self.hang_ups.lock();
        if let Some(next) = hang_ups.front() {
            tries.push((FaultForm::from(*next), u32::try_from(hang_ups.len()).unwrap_or(u32::MAX)));
        }
        tries
    }

    /// Forgets all faults. A call that has met one already goes on meeting it.
    pub fn clear(&self) {
        self.active.lock().list.clear();
        *self.lost_acks.lock() = 0;
        self.hang_ups.lock().clear();
    }

    /// The fault that a call meets, if any. `account` and `user` are empty when the call named none.
    pub(crate) fn take(&self, endpoint: Endpoint, account: &str, user: &OpenId) -> Option<Fault> {
        let mut orders = self.active.lock();
        let fault = orders.list.iter_mut().find_map(|active| active.take(endpoint, account, user));
        if fault.is_some() {
            orders.list.retain(|active| !active.is_used_up());
        }
        fault
    }

    pub(crate) fn take_hang_up(&self) -> Option<HangUp> {
        self.hang_ups.lock().pop_front()
    }

    pub(crate) fn take_lost_ack(&self) -> bool {
        let mut lost = self.lost_acks.lock();
        let any = *lost > 0;
        *lost = lost.saturating_sub(1);
        any
    }
}
