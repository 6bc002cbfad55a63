//! What becomes of a message after something failed: decisions without effects.
//!
//! Two kinds of failure are told apart. Those that are the message's own (its handler failed, WeChat doesn't like its
//! answer) use up attempts and end in the dead letters. Those that aren't (WeChat away, the account over its limit)
//! use none: the message is snoozed, however often, as long as its answer can still be delivered.

use std::time::{Duration, SystemTime};

use huixin_wechat::{ApiError, CodeClass};

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
    /// The account can't send now: everything of it waits, and somebody should know.
    AccountTrouble(Verdict),
    /// It concerns this message.
    Message(Verdict),
}

/// The wait when WeChat says that the account is over its limit for this minute.
const RATE_PAUSE: Duration = Duration::from_secs(60);
/// The wait when a person must mend the account's settings first.
const TROUBLE_PAUSE: Duration = Duration::from_secs(60);

/// After the handler asked for another attempt. `failures` counts the attempts that failed before this one.
pub(crate) fn after_handler(
    failures: u32,
    attempts: u32,
    asked: Option<Duration>,
    reply_until: Option<SystemTime>,
    now: SystemTime,
) -> Verdict {
    if failures.saturating_add(1) >= attempts {
        return Verdict::Die;
    }
    let after = asked.unwrap_or_else(|| backoff::full_jitter(failures + 1)).max(backoff::SHORTEST);
    in_time(Verdict::Retry { after }, after, reply_until, now)
}

/// After a send failed. `failures` counts the sends of this answer that failed before, `snoozes` all waits of the
/// message.
pub(crate) fn after_send(
    error: &ApiError,
    failures: u32,
    snoozes: u32,
    attempts: u32,
    reply_until: Option<SystemTime>,
    now: SystemTime,
) -> SendVerdict {
    let message = SendVerdict::Message;
    let retry = || {
        if failures.saturating_add(1) >= attempts {
            return Verdict::Die;
        }
        let after = backoff::full_jitter(failures + 1);
        in_time(Verdict::Retry { after }, after, reply_until, now)
    };
    let snooze = |after| in_time(Verdict::Snooze { after }, after, reply_until, now);
    match (error, error.class()) {
        (_, CodeClass::Config) => SendVerdict::AccountTrouble(snooze(TROUBLE_PAUSE)),
        (_, CodeClass::Rate) => SendVerdict::AccountTrouble(snooze(RATE_PAUSE)),
        // Nothing left this machine, or only the token was asked for: not the message's fault, and never twice.
        (ApiError::NotSent(_) | ApiError::Token(_), _) => {
            message(snooze(backoff::full_jitter(snoozes.saturating_add(1))))
        }
        (_, CodeClass::Retry | CodeClass::Token) => message(retry()),
        (_, CodeClass::Duplicate) => SendVerdict::Sent,
        (_, CodeClass::Window | CodeClass::Permanent | CodeClass::OurBug) => message(Verdict::Die),
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
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn refused(code: i64) -> ApiError {
        ApiError::Refused { code, message: String::new(), rid: None }
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
        assert_eq!(
            after_send(&refused(45011), 0, 0, 5, until, NOW + Duration::from_secs(1)),
            SendVerdict::AccountTrouble(Verdict::Die)
        );
    }

    #[test]
    fn an_error_code_decides_what_becomes_of_the_message() {
        let verdict = |code| after_send(&refused(code), 0, 0, 5, None, NOW);
        assert!(matches!(verdict(-1), SendVerdict::Message(Verdict::Retry { .. })));
        assert!(matches!(verdict(40001), SendVerdict::Message(Verdict::Retry { .. })));
        assert_eq!(verdict(44007), SendVerdict::Sent);
        for dead in [45015, 45047, 40003, 48002, 45002, 40033] {
            assert_eq!(verdict(dead), SendVerdict::Message(Verdict::Die), "{dead}");
        }
        for trouble in [48001, 40164, 50002, 45009, 45011] {
            assert!(
                matches!(verdict(trouble), SendVerdict::AccountTrouble(Verdict::Snooze { .. })),
                "{trouble}"
            );
        }
        let last = after_send(&refused(-1), 4, 0, 5, None, NOW);
        assert_eq!(last, SendVerdict::Message(Verdict::Die));
    }
}
