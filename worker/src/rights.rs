//! What may be sent to a user, and until when.
//!
//! WeChat counts from the user's last action: so many messages, for so long. The message that is answered opened such a
//! right when it was pushed; a later one of the same user opens a new one, which counts instead. What the queue tells of
//! later ones is a [`Note`]: see [`crate::payload`].
//!
//! **WeChat is asked, not second-guessed.** All of this is an estimate: our clocks and our counts may be wrong, and WeChat
//! changes its numbers. So an answer is not held back because of it: it is sent, and if WeChat refuses it with 45015 or
//! 45047 it is held. The estimate decides only what is kept in reserve: an answer that goes out under the right of a later
//! message leaves one send of it, for that message's own answer. Rejected: holding what the estimate forbids, unasked. It
//! left users without answers that WeChat would have taken, and for good when they wrote no more.

use std::time::{Duration, SystemTime};

use huixin_queue::{Note, Standing};
use huixin_wechat::Trigger;

use crate::payload::read_note;

/// What each kind of action lets an account send. By default WeChat's numbers of 2025: see [`Trigger::sends`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// After a message of the user.
    pub message: Right,
    /// After a tap on a menu button, or on an item of a menu message.
    pub click: Right,
    /// After a QR code was scanned by a follower.
    pub scan: Right,
    /// After the user followed.
    pub subscribe: Right,
}

/// So many messages, for so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right {
    /// How many.
    pub sends: u32,
    /// For how long after the user's action.
    pub window: Duration,
}

/// The right under which a message is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    /// Until when; none if the message opened none, and no later one did.
    pub(crate) until: Option<SystemTime>,
    /// How many sends it allows this message, those of others since then included; none if that isn't known.
    pub(crate) sends: Option<u32>,
    /// A later message opened it, whose own answer needs a send.
    pub(crate) is_shared: bool,
    /// The user has unsubscribed: there is nobody to send to.
    pub(crate) is_gone: bool,
}

/// Why nothing may go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Not now: it is held until the user does something.
    ForNow(&'static str),
    /// The user has left.
    ForGood(&'static str),
}

pub(crate) const RESERVED: &str =
    "what the user's last action allows is sent, but for the one message that its own answer needs";
pub(crate) const GONE: &str = "the user has unsubscribed";

impl Default for Rights {
    fn default() -> Self {
        let right = |trigger: Trigger| Right { sends: trigger.sends(), window: trigger.window() };
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
    pub fn of(&self, trigger: Trigger) -> Option<Right> {
        match trigger {
            Trigger::Message => Some(self.message),
            Trigger::Click => Some(self.click),
            Trigger::Scan => Some(self.scan),
            Trigger::Subscribe => Some(self.subscribe),
            Trigger::Unsubscribe | Trigger::Silent => None,
        }
    }

    /// The right of a message that was pushed as `own` at `pushed`, in a lane of which the queue tells `noted`.
    /// What WeChat does when two rights overlap isn't documented: the later one counts while it lasts, then the earlier.
    pub(crate) fn opening(
        &self,
        own: Trigger,
        pushed: SystemTime,
        noted: Option<Note>,
        now: SystemTime,
    ) -> Opening {
        let opening = |right: Option<Right>, at: SystemTime| Opening {
            until: right.and_then(|right| at.checked_add(right.window)),
            sends: right.map(|right| right.sends),
            is_shared: false,
            is_gone: false,
        };
        let own = opening(self.of(own), pushed);
        let Some((trigger, created_secs)) = noted.and_then(read_note) else { return own };
        let created = u64::try_from(created_secs).unwrap_or(0);
        let created = SystemTime::UNIX_EPOCH + Duration::from_secs(created);
        match self.of(trigger) {
            None => Opening { is_gone: trigger == Trigger::Unsubscribe, ..own },
            right => {
                let later = opening(right, created);
                let is_open = |opening: &Opening| opening.until.is_some_and(|until| now < until);
                let counts = if !is_open(&later) && is_open(&own) { own } else { later };
                let sends = counts.sends.map(|sends| sends.saturating_sub(1));
                Opening { sends, is_shared: true, ..counts }
            }
        }
    }
}

impl Opening {
    /// Whether WeChat is asked to take one more after `sent` sends of the lane.
    pub(crate) fn gate(&self, sent: u32) -> Result<(), Closed> {
        if self.is_gone {
            Err(Closed::ForGood(GONE))
        } else if self.is_shared && self.sends.is_some_and(|sends| sent >= sends) {
            Err(Closed::ForNow(RESERVED))
        } else {
            Ok(())
        }
    }

    /// Whether the user can still be written to, as far as the clock tells.
    pub(crate) fn is_open(&self, now: SystemTime) -> bool {
        !self.is_gone && self.until.is_some_and(|until| now < until)
    }

    /// How many sends are left after those that the lane has made.
    pub(crate) fn left(&self, standing: &Standing) -> u32 {
        match (self.is_gone, self.sends) {
            (false, Some(sends)) => sends.saturating_sub(standing.sends),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::note;

    const T0: u64 = 1_718_000_000;

    fn at(secs: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(T0 + secs)
    }

    fn noted(trigger: Trigger, secs: u64) -> Option<Note> {
        Some(note(trigger, i64::try_from(T0 + secs).unwrap()))
    }

    #[test]
    fn what_a_message_opened_itself_is_left_to_wechat_to_judge() {
        let opening = Rights::default().opening(Trigger::Message, at(0), None, at(60));
        assert_eq!(opening.gate(99), Ok(()), "five are allowed, and WeChat may take more");
        assert!(opening.is_open(at(48 * 3600 - 1)) && !opening.is_open(at(48 * 3600)));
        let click = Rights::default().opening(Trigger::Click, at(0), None, at(60));
        assert!(click.is_open(at(59)) && !click.is_open(at(60)));
    }

    #[test]
    fn a_later_message_counts_instead_and_keeps_one_send_for_itself() {
        let rights = Rights::default();
        let woken = rights.opening(Trigger::Click, at(0), noted(Trigger::Message, 3600), at(4000));
        assert_eq!((woken.gate(3), woken.gate(4)), (Ok(()), Err(Closed::ForNow(RESERVED))));
        let clicked = rights.opening(Trigger::Message, at(0), noted(Trigger::Click, 100), at(120));
        assert_eq!((clicked.gate(1), clicked.gate(2)), (Ok(()), Err(Closed::ForNow(RESERVED))));
        let after = rights.opening(Trigger::Message, at(0), noted(Trigger::Click, 100), at(170));
        assert_eq!(after.gate(3), Ok(()), "the earlier right outlasts the later");
    }

    #[test]
    fn to_somebody_who_has_unsubscribed_nothing_is_sent() {
        let opening =
            Rights::default().opening(Trigger::Message, at(0), noted(Trigger::Unsubscribe, 5), at(6));
        assert_eq!(opening.gate(0), Err(Closed::ForGood(GONE)));
        assert!(!opening.is_open(at(6)));
        assert_eq!(opening.left(&Standing::default()), 0);
    }

    #[test]
    fn what_opens_no_right_is_left_to_wechat_to_judge() {
        let opening = Rights::default().opening(Trigger::Silent, at(0), None, at(60));
        assert_eq!(opening.gate(7), Ok(()));
    }
}
