//! What becomes of a message after something failed: decisions without effects.
//!
//! There are two kinds of failure. Those that are the message's own (its handler failed, WeChat doesn't like its
//! answer) use up attempts and end in the dead letters. Those that aren't (WeChat away, the account over its limit)
//! use none: the message is snoozed, however often, as long as its answer may be held. After that an answer
//! that is there is held until its user does something; a message without one dies.
//!
//! A failing message holds up what its user wrote after it. So while something waits behind it, not only its attempts
//! are limited but also its time, by its route's patience.

use std::time::{Duration, SystemTime};

use huixin_wechat::{ApiError, CodeClass, Whose};

use crate::account::{Interface, PauseCause};
use crate::backoff;

/// What to do with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Try again later; an attempt is used.
    Retry {
        /// When.
        after: Duration,
    },
    /// Try again later; no attempt is used.
    Snooze {
        /// When.
        after: Duration,
    },
    /// Give it up.
    Die,
}

/// What a refused or failed send means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SendVerdict {
    /// WeChat has it already: as good as sent.
    Sent,
    /// The account can't call this interface now: everything that needs it waits.
    Account(Interface, PauseCause),
    /// It may be the account, which needs proof: until then, this verdict holds for the message.
    Unclear(Box<SendVerdict>),
    /// It waits until the user does something.
    Hold,
    /// It is sent once more after a short wait.
    Soon {
        /// How long.
        after: Duration,
    },
    /// Nobody knows whether WeChat took it: the route's policy says what to do.
    Unsure,
    /// It concerns this message.
    Message(Verdict),
}

/// How long a failing message may hold up others, and how long it has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HoldUp {
    /// Whether others wait behind it.
    pub(crate) has_followers: bool,
    /// Since its first failure, which may be this one.
    pub(crate) failing_for: Duration,
    pub(crate) patience: Duration,
}

impl HoldUp {
    /// Whether the others have waited long enough.
    pub(crate) fn is_over(&self) -> bool {
        self.has_followers && self.failing_for >= self.patience
    }

    /// Why it dies, for people: its last attempt need not be the last that it was allowed.
    pub(crate) fn in_words(&self, reason: &str) -> String {
        let seconds = self.failing_for.as_secs();
        format!("{reason}; after {seconds} s of failures it made way for the user's next messages")
    }
}

/// After the handler asked for another attempt. `failures` counts the attempts that failed before this one.
pub(crate) fn after_handler(
    failures: u32,
    attempts: u32,
    hold_up: &HoldUp,
    asked: Option<Duration>,
    reply_until: Option<SystemTime>,
    now: SystemTime,
) -> Verdict {
    if failures.saturating_add(1) >= attempts || hold_up.is_over() {
        return Verdict::Die;
    }
    let after = asked.unwrap_or_else(|| backoff::full_jitter(failures + 1)).max(backoff::SHORTEST);
    in_time(Verdict::Retry { after }, after, reply_until, now)
}

/// What was tried before, and what may still be.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trial {
    /// Sends of this answer that failed before.
    pub(crate) failures: u32,
    /// Waits of the message since there is this answer.
    pub(crate) snoozes: u32,
    /// How many failures there may be.
    pub(crate) attempts: u32,
    pub(crate) hold_up: HoldUp,
    /// When the answer is too late.
    pub(crate) until: Option<SystemTime>,
    /// The user's window is open, as far as is known here.
    pub(crate) is_open: bool,
    /// How often WeChat has said for this part that the window is closed.
    pub(crate) refusals: u32,
}

/// WeChat says that the window is over, or the user has left.
const TOO_LATE: i64 = 45015;
/// How long to wait after it has said so in a window that should be open: the push may have been faster than its right.
const TOO_EARLY: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(5)];

/// What a failed call of an interface means, by the policy table of the protocol.
pub(crate) fn after_call(error: &ApiError, called: Interface, trial: &Trial, now: SystemTime) -> SendVerdict {
    if let Some((interface, cause)) = of_the_account(error, called) {
        return SendVerdict::Account(interface, cause);
    }
    match (error, error.class()) {
        (ApiError::Unsure(_), _) => SendVerdict::Unsure,
        // What can't even be asked for can't be sent later.
        (ApiError::NotSent(_), CodeClass::OurBug) => SendVerdict::Message(Verdict::Die),
        // Nothing left this machine, or only the token was asked for: not the message's fault, and never twice.
        (ApiError::NotSent(_) | ApiError::Token(_), _) => {
            let after = backoff::full_jitter(trial.snoozes.saturating_add(1));
            or_hold(in_time(Verdict::Snooze { after }, after, trial.until, now))
        }
        // A token that is refused, fetched anew, and refused again: another system may have fetched one by force, once.
        (_, CodeClass::Token) => match again(trial, now) {
            retry @ SendVerdict::Message(Verdict::Retry { .. }) if trial.failures == 0 => retry,
            _ => SendVerdict::Account(Interface::Send, PauseCause::Trouble),
        },
        (_, CodeClass::Retry) => again(trial, now),
        (_, CodeClass::Duplicate) => SendVerdict::Sent,
        (_, CodeClass::Window) => match TOO_EARLY.get(trial.refusals as usize) {
            Some(&after) if trial.is_open && error.code() == Some(TOO_LATE) => SendVerdict::Soon { after },
            _ => SendVerdict::Hold,
        },
        (_, CodeClass::Unknown) => SendVerdict::Unclear(Box::new(again(trial, now))),
        (_, CodeClass::Doubtful) => SendVerdict::Unclear(Box::new(SendVerdict::Message(Verdict::Die))),
        // Media and agents were mended before, as far as they could be; those of the account are above.
        (
            _,
            CodeClass::Media
            | CodeClass::Agent
            | CodeClass::Permanent
            | CodeClass::OurBug
            | CodeClass::Config
            | CodeClass::Rate(_),
        ) => SendVerdict::Message(Verdict::Die),
    }
}

/// Which interface of the account a failed call stops, if it does. Without a token none can be called.
pub(crate) fn of_the_account(error: &ApiError, called: Interface) -> Option<(Interface, PauseCause)> {
    let is_of_the_token = matches!(error, ApiError::Token(_));
    match error.class() {
        CodeClass::Config => {
            Some((if is_of_the_token { Interface::Send } else { called }, PauseCause::Trouble))
        }
        CodeClass::Rate(limit) => {
            Some((if is_of_the_token { Interface::Token } else { called }, PauseCause::Limit(limit)))
        }
        _ => None,
    }
}

/// Whether WeChat's refusal shows that the account can call the interface.
pub(crate) fn is_own(error: &ApiError) -> bool {
    matches!(error, ApiError::Refused { .. }) && matches!(error.class().whose(), Whose::Message)
        || error.class() == CodeClass::Duplicate
}

/// One more try of a send that failed, if there is one left.
pub(crate) fn again(trial: &Trial, now: SystemTime) -> SendVerdict {
    if trial.failures.saturating_add(1) >= trial.attempts || trial.hold_up.is_over() {
        return SendVerdict::Message(Verdict::Die);
    }
    let after = backoff::full_jitter(trial.failures + 1);
    or_hold(in_time(Verdict::Retry { after }, after, trial.until, now))
}

/// A wait for the account: as long as it takes, and a little more, so that not all come back at once. `Die` if it would
/// be over too late.
pub(crate) fn snooze_until(wait: Duration, reply_until: Option<SystemTime>, now: SystemTime) -> Verdict {
    let after = wait.saturating_add(backoff::full_jitter(1));
    in_time(Verdict::Snooze { after }, after, reply_until, now)
}

/// An answer that is there needn't die because its window closes: it can be sent in the next.
fn or_hold(verdict: Verdict) -> SendVerdict {
    match verdict {
        Verdict::Die => SendVerdict::Hold,
        verdict => SendVerdict::Message(verdict),
    }
}

/// A wait past the reply window is no use: the answer would be refused.
fn in_time(verdict: Verdict, after: Duration, reply_until: Option<SystemTime>, now: SystemTime) -> Verdict {
    match reply_until {
        // A wait that no clock can show is past every window.
        Some(until) if now.checked_add(after).is_none_or(|then| then > until) => Verdict::Die,
        _ => verdict,
    }
}

#[cfg(test)]
mod tests {
    use huixin_wechat::Limit;

    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn refused(code: i64) -> ApiError {
        ApiError::Refused { code, message: String::new(), rid: None }
    }

    fn after_send(error: &ApiError, trial: &Trial, now: SystemTime) -> SendVerdict {
        after_call(error, Interface::Send, trial, now)
    }

    fn trial(failures: u32, until: Option<SystemTime>) -> Trial {
        Trial { failures, until, attempts: 5, ..Trial::default() }
    }

    /// After a failure with an attempt left.
    fn after_handler(
        failures: u32,
        attempts: u32,
        asked: Option<Duration>,
        until: Option<SystemTime>,
        now: SystemTime,
    ) -> Verdict {
        super::after_handler(failures, attempts, &HoldUp::default(), asked, until, now)
    }

    #[test]
    fn a_failing_message_dies_when_others_have_waited_for_its_patience() {
        let s = Duration::from_secs;
        for (has_followers, failing_for, patience, dies) in [
            (false, s(0), s(20), false),
            (false, s(3600), s(20), false),
            (true, s(0), s(20), false),
            (true, Duration::from_millis(19_999), s(20), false),
            (true, s(20), s(20), true),
            (true, s(3600), s(20), true),
            (true, s(0), s(0), true),
            (false, s(0), s(0), false),
            (true, s(3600), Duration::MAX, false),
        ] {
            let hold_up = HoldUp { has_followers, failing_for, patience };
            let verdict = super::after_handler(0, 5, &hold_up, None, None, NOW);
            assert_eq!(verdict == Verdict::Die, dies, "{hold_up:?}");
            let trial = Trial { hold_up, ..trial(0, None) };
            let sent = after_send(&refused(-1), &trial, NOW);
            assert_eq!(sent == SendVerdict::Message(Verdict::Die), dies, "{hold_up:?}");
            // Not its fault, and so not what its patience is for.
            let away = after_send(&ApiError::NotSent(huixin_wechat::CallCause::Status(503)), &trial, NOW);
            assert!(matches!(away, SendVerdict::Message(Verdict::Snooze { .. })), "{hold_up:?}");
        }
    }

    #[test]
    fn the_last_attempt_is_followed_by_death() {
        assert!(matches!(after_handler(0, 5, None, None, NOW), Verdict::Retry { .. }));
        assert!(matches!(after_handler(3, 5, None, None, NOW), Verdict::Retry { .. }));
        assert_eq!(after_handler(4, 5, None, None, NOW), Verdict::Die);
        assert_eq!(after_handler(0, 1, None, None, NOW), Verdict::Die);
        assert_eq!(after_handler(u32::MAX, 5, None, None, NOW), Verdict::Die);
    }

    #[test]
    fn the_handlers_own_wait_is_kept() {
        let after = Duration::from_secs(300);
        assert_eq!(after_handler(0, 5, Some(after), None, NOW), Verdict::Retry { after });
    }

    #[test]
    fn no_wait_is_too_long_or_too_short_for_the_arithmetic() {
        assert_eq!(after_handler(0, 5, Some(Duration::MAX), Some(NOW), NOW), Verdict::Die);
        assert!(matches!(after_handler(0, 5, Some(Duration::MAX), None, NOW), Verdict::Retry { .. }));
        let shortest = Verdict::Retry { after: backoff::SHORTEST };
        assert_eq!(after_handler(0, 5, Some(Duration::ZERO), None, NOW), shortest);
    }

    #[test]
    fn a_wait_past_the_reply_window_is_death_at_once() {
        let until = Some(NOW + Duration::from_secs(60));
        let ask = |seconds| after_handler(0, 5, Some(Duration::from_secs(seconds)), until, NOW);
        assert!(matches!(ask(60), Verdict::Retry { .. }));
        assert_eq!(ask(61), Verdict::Die);
        let late = NOW + Duration::from_secs(61);
        assert_eq!(
            after_send(&refused(-1), &trial(0, until), late),
            SendVerdict::Hold,
            "the answer is there"
        );
    }

    #[test]
    fn an_error_code_decides_what_becomes_of_the_message() {
        let verdict = |code| after_send(&refused(code), &trial(0, None), NOW);
        assert!(matches!(verdict(-1), SendVerdict::Message(Verdict::Retry { .. })));
        assert!(matches!(verdict(40001), SendVerdict::Message(Verdict::Retry { .. })));
        assert_eq!(verdict(44007), SendVerdict::Sent);
        for dead in [40003, 48002, 45002, 40033, 40007, 61452] {
            assert_eq!(verdict(dead), SendVerdict::Message(Verdict::Die), "{dead}");
        }
        for held in [45015, 45047] {
            assert_eq!(verdict(held), SendVerdict::Hold, "{held}");
        }
        for trouble in [48001, 40164, 50002] {
            assert_eq!(
                verdict(trouble),
                SendVerdict::Account(Interface::Send, PauseCause::Trouble),
                "{trouble}"
            );
        }
        let daily = SendVerdict::Account(Interface::Send, PauseCause::Limit(Limit::Day));
        assert_eq!(verdict(45009), daily);
        assert_eq!(verdict(45011), SendVerdict::Account(Interface::Send, PauseCause::Limit(Limit::Minute)));
        for unclear in [40013, 65401] {
            let dies = Box::new(SendVerdict::Message(Verdict::Die));
            assert_eq!(verdict(unclear), SendVerdict::Unclear(dies), "{unclear}");
        }
        assert!(matches!(verdict(123_456), SendVerdict::Unclear(tried)
            if matches!(*tried, SendVerdict::Message(Verdict::Retry { .. }))));
        let twice = after_send(&refused(40001), &trial(1, None), NOW);
        assert_eq!(twice, SendVerdict::Account(Interface::Send, PauseCause::Trouble));
        let last = after_send(&refused(-1), &trial(4, None), NOW);
        assert_eq!(last, SendVerdict::Message(Verdict::Die));
    }

    #[test]
    fn a_window_that_should_be_open_is_tried_twice_more_before_the_answer_is_held() {
        let verdict = |refusals, is_open, code| {
            after_send(&refused(code), &Trial { refusals, is_open, ..trial(0, None) }, NOW)
        };
        let soon = |seconds| SendVerdict::Soon { after: Duration::from_secs(seconds) };
        assert_eq!([0, 1, 2].map(|n| verdict(n, true, 45015)), [soon(2), soon(5), SendVerdict::Hold]);
        assert_eq!(verdict(0, false, 45015), SendVerdict::Hold, "it is over by our clock too");
        assert_eq!(verdict(0, true, 45047), SendVerdict::Hold, "a count that is used up stays so");
    }

    #[test]
    fn a_limit_stops_the_interface_that_said_it_and_a_wrong_secret_stops_all() {
        let of_the_token = |code| ApiError::Token(Box::new(refused(code)));
        let day = PauseCause::Limit(Limit::Day);
        for (error, called, stops) in [
            (refused(45009), Interface::Upload, Some((Interface::Upload, day))),
            (refused(48001), Interface::Upload, Some((Interface::Upload, PauseCause::Trouble))),
            (of_the_token(45009), Interface::Upload, Some((Interface::Token, day))),
            (of_the_token(40125), Interface::Upload, Some((Interface::Send, PauseCause::Trouble))),
            (of_the_token(40013), Interface::Send, Some((Interface::Send, PauseCause::Trouble))),
            (refused(40013), Interface::Send, None),
            (refused(-1), Interface::Send, None),
        ] {
            assert_eq!(of_the_account(&error, called), stops, "{error:?} from {called:?}");
        }
    }
}
