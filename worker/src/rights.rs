//! What may be sent to a user, and until when.
//!
//! Each action of a user gives a right: so many messages, for so long. Rights do not add up: the larger number counts, of
//! what is left and what the new right gives, and the later end. The message that is answered opened a right when it was
//! pushed. [`Rights::effect`] gives the queue the numbers, which it keeps by the same rule; so the queue says what later
//! messages of the same user give.
//!
//! **WeChat is asked, not second-guessed.** All of this is an estimate: our clocks and our counts may be wrong, and WeChat
//! changes its numbers. So an answer is not held back because of it: it is sent, and if WeChat refuses it with 45015 or
//! 45047 it is held. Two things are held back without asking: what follows such a refusal, until the user acts again,
//! and what would use the one send that a later message's own answer needs. Rejected: holding what the estimate
//! forbids, unasked. It left users without answers that WeChat would have taken, and for good when they wrote no more.

use std::time::{Duration, SystemTime};

use huixin_queue::{HeldEffect, SendState};
use huixin_wechat::Trigger;

/// How long a push may have been on its way: if its own time says more, a clock is wrong.
const LATE_MAX: Duration = Duration::from_secs(20);

/// What each kind of action lets an account send. By default WeChat's numbers of 2025: see [`Trigger::sends`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// After a message of the user.
    pub message: TriggerRight,
    /// After a tap on a menu button, or on an item of a menu message.
    pub click: TriggerRight,
    /// After a QR code was scanned by a follower.
    pub scan: TriggerRight,
    /// After the user followed.
    pub subscribe: TriggerRight,
}

/// How many messages may be sent, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TriggerRight {
    /// How many.
    pub sends: u32,
    /// For how long after the user's action.
    pub window: Duration,
}

/// The right under which a message is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    /// Until when; none if no message opened one.
    pub(crate) until: Option<SystemTime>,
    /// How many sends it allows the lane, those that it has made included; none if that isn't known.
    pub(crate) sends: Option<u32>,
    /// A later message shares it, and its own answer needs a send.
    pub(crate) is_shared: bool,
    /// Nothing may go out, whatever was opened before.
    pub(crate) closed: Option<huixin_queue::Closed>,
}

/// Why nothing may go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendRefusal {
    /// Not now: it is held until the user does something.
    ForNow(&'static str),
    /// The user has left.
    ForGood(&'static str),
}

pub(crate) const RESERVED: &str =
    "the sends that the user's last action allows are used up, except one kept for its own answer";
pub(crate) const GONE: &str = "the user has unsubscribed";
pub(crate) const REFUSED: &str = "WeChat has refused an earlier answer, and the user has done nothing since";

impl Default for Rights {
    fn default() -> Self {
        let right = |trigger: Trigger| TriggerRight { sends: trigger.sends(), window: trigger.window() };
        Self {
            message: right(Trigger::Message),
            click: right(Trigger::Click),
            scan: right(Trigger::Scan),
            subscribe: right(Trigger::Subscribe),
        }
    }
}

impl Rights {
    /// What this kind of action allows; nothing for those that open no right.
    pub fn of(&self, trigger: Trigger) -> Option<TriggerRight> {
        match trigger {
            Trigger::Message => Some(self.message),
            Trigger::Click => Some(self.click),
            Trigger::Scan => Some(self.scan),
            Trigger::Subscribe => Some(self.subscribe),
            Trigger::Unsubscribe | Trigger::Silent => None,
        }
    }

    /// What a push does to its user's right to be written to, and so to the answers that are held for them. `created_at` is
    /// WeChat's time of it, in Unix seconds.
    pub fn effect(&self, trigger: Trigger, created_at: i64, arrived: SystemTime) -> HeldEffect {
        let until = |right: TriggerRight| {
            let until = begins(created_at, arrived).checked_add(right.window)?;
            Some(until.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs())
        };
        match self.of(trigger) {
            _ if trigger == Trigger::Unsubscribe => HeldEffect::Bury,
            None => HeldEffect::Leave,
            Some(right) => HeldEffect::Wake(huixin_queue::Right {
                sends: right.sends,
                until_s: until(right).unwrap_or(huixin_queue::Right::UNTIL_S_MAX),
            }),
        }
    }

    /// The right of a message that was pushed as `own` at `pushed`, in a lane with this send state.
    pub(crate) fn opening(&self, own: Trigger, pushed: SystemTime, send_state: &SendState) -> Opening {
        let (own, lane) = (self.of(own), send_state.right);
        let own_until = own.and_then(|right| pushed.checked_add(right.window));
        let lane_until =
            lane.and_then(|right| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(right.until_s)));
        Opening {
            until: own_until.max(lane_until),
            sends: own.map(|right| right.sends).max(lane.map(|right| right.sends)),
            is_shared: send_state.wakes > 0,
            closed: send_state.closed,
        }
    }
}

/// When the right of a push begins: at WeChat's own time of it, unless a clock is wrong. Then it is at its arrival, less the
/// time that it may have been on its way.
pub(crate) fn begins(created_at: i64, arrived: SystemTime) -> SystemTime {
    let created = u64::try_from(created_at).ok().map(Duration::from_secs);
    let created = created.and_then(|created| SystemTime::UNIX_EPOCH.checked_add(created));
    let earliest = arrived.checked_sub(LATE_MAX).unwrap_or(arrived);
    created.unwrap_or(arrived).clamp(earliest, arrived)
}

impl Opening {
    /// Whether WeChat is asked to take one more after `sent` sends of the lane.
    pub(crate) fn gate(&self, sent: u32) -> Result<(), SendRefusal> {
        match self.closed {
            Some(huixin_queue::Closed::Ended) => Err(SendRefusal::ForGood(GONE)),
            Some(huixin_queue::Closed::Refused) => Err(SendRefusal::ForNow(REFUSED)),
            None if self.is_shared && self.sends.is_some_and(|sends| sent.saturating_add(1) >= sends) => {
                Err(SendRefusal::ForNow(RESERVED))
            }
            None => Ok(()),
        }
    }

    /// Whether the user can still be written to, as far as the clock tells.
    pub(crate) fn is_open(&self, now: SystemTime) -> bool {
        self.closed.is_none() && self.until.is_some_and(|until| now < until)
    }

    /// How many sends are left after those that the lane has made.
    pub(crate) fn left(&self, send_state: &SendState) -> u32 {
        match (self.closed, self.sends) {
            (None, Some(sends)) => sends.saturating_sub(send_state.sends),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use huixin_queue::Closed as ClosedBy;

    use super::*;

    const T0: u64 = 1_718_000_000;

    fn at(secs: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(T0 + secs)
    }

    /// A lane in which another message has opened a right while this one was current.
    fn widened(sends: u32, until_secs: u64) -> SendState {
        let right = Some(huixin_queue::Right { sends, until_s: T0 + until_secs });
        SendState { wakes: 1, right, ..SendState::default() }
    }

    fn opening(own: Trigger, send_state: SendState) -> Opening {
        Rights::default().opening(own, at(0), &send_state)
    }

    #[test]
    fn what_a_message_opened_itself_is_left_to_wechat_to_judge() {
        let message = opening(Trigger::Message, SendState::default());
        assert_eq!(message.gate(99), Ok(()), "five are allowed, and WeChat may take more");
        assert!(message.is_open(at(48 * 3600 - 1)) && !message.is_open(at(48 * 3600)));
        let click = opening(Trigger::Click, SendState::default());
        assert!(click.is_open(at(59)) && !click.is_open(at(60)));
        assert_eq!(opening(Trigger::Silent, SendState::default()).gate(7), Ok(()));
    }

    #[test]
    fn a_later_message_takes_nothing_away_and_keeps_one_send_for_itself() {
        let woken = opening(Trigger::Click, widened(5, 48 * 3600));
        assert_eq!((woken.gate(3), woken.gate(4)), (Ok(()), Err(SendRefusal::ForNow(RESERVED))));
        // A tap on a menu after two parts of the answer to a text.
        let clicked = opening(Trigger::Message, widened(2 + 3, 160));
        assert_eq!((clicked.gate(3), clicked.gate(4)), (Ok(()), Err(SendRefusal::ForNow(RESERVED))));
        assert_eq!(clicked.left(&SendState { sends: 2, ..SendState::default() }), 3);
        assert!(clicked.is_open(at(3600)), "the text's 48 hours outlast the minute of the tap");
    }

    #[test]
    fn what_is_refused_waits_for_the_user_and_to_somebody_who_has_left_nothing_is_sent() {
        for (closed, kept) in
            [(ClosedBy::Ended, SendRefusal::ForGood(GONE)), (ClosedBy::Refused, SendRefusal::ForNow(REFUSED))]
        {
            let send_state = SendState { closed: Some(closed), ..SendState::default() };
            let opening = opening(Trigger::Message, send_state);
            assert_eq!(opening.gate(0), Err(kept));
            assert!(!opening.is_open(at(6)));
            assert_eq!(opening.left(&send_state), 0);
        }
    }

    #[test]
    fn a_clock_that_is_wrong_neither_closes_a_window_nor_keeps_it_open() {
        let secs = |secs: u64| i64::try_from(T0 + secs).unwrap();
        for (created, arrived, begins_at) in [(100, 101, 100), (100, 160, 140), (100, 40, 40)] {
            assert_eq!(begins(secs(created), at(arrived)), at(begins_at), "{created} {arrived}");
        }
        assert_eq!(begins(-1, at(9)), at(9));
    }

    #[test]
    fn the_queue_is_given_numbers() {
        let rights = Rights::default();
        let effect = |trigger| rights.effect(trigger, i64::try_from(T0).unwrap(), at(1));
        let wake = |sends, until_s| HeldEffect::Wake(huixin_queue::Right { sends, until_s });
        assert_eq!(effect(Trigger::Message), wake(5, T0 + 48 * 3600));
        assert_eq!(effect(Trigger::Click), wake(3, T0 + 60));
        assert_eq!(effect(Trigger::Silent), HeldEffect::Leave);
        assert_eq!(effect(Trigger::Unsubscribe), HeldEffect::Bury);
    }
}
