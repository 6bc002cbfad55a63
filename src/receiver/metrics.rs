//! The receiver's metrics.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

/// Tells the recorder what each metric means.
pub fn describe() {
    describe_counter!("huixin_receiver_pushes_total", "Pushes, by account and result");
    describe_counter!(
        "huixin_receiver_mended_total",
        "Pushes whose text was broken and is read mended, by account"
    );
    describe_counter!(
        "huixin_receiver_previous_key_total",
        "Pushes sealed with the previous AES key, by account"
    );
    describe_histogram!(
        "huixin_receiver_ack_seconds",
        Unit::Seconds,
        "From a push's headers to its answer, accepted pushes only"
    );
}

/// A push's text had bytes or characters that can't be, and is read with replacements.
pub(super) fn mended(account: &str) {
    counter!("huixin_receiver_mended_total", "account" => account.to_owned()).increment(1);
}

/// A push was sealed with the key before: the change of keys isn't over.
pub(super) fn opened_with_previous_key(account: &str) {
    counter!("huixin_receiver_previous_key_total", "account" => account.to_owned()).increment(1);
}

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Result {
    Accepted,
    Duplicate,
    /// From a third-party platform, which wants another word as the answer.
    Platform,
    /// It can't be understood, and lies among the dead letters.
    Unreadable,
    /// 403.
    Forbidden,
    /// 404.
    UnknownAccount,
    /// 408: the body did not come in time.
    Slow,
    /// 413.
    TooLarge,
    /// 503.
    Unavailable,
}

pub(super) fn pushed(account: &str, result: Result, took: Duration) {
    let name = match result {
        Result::Accepted => "accepted",
        Result::Duplicate => "duplicate",
        Result::Platform => "platform",
        Result::Unreadable => "unreadable",
        Result::Forbidden => "forbidden",
        Result::UnknownAccount => "unknown_account",
        Result::Slow => "slow",
        Result::TooLarge => "too_large",
        Result::Unavailable => "unavailable",
    };
    // Anyone can ask for any account: only known ones may become labels.
    let account = if result == Result::UnknownAccount { "" } else { account };
    counter!("huixin_receiver_pushes_total", "account" => account.to_owned(), "result" => name).increment(1);
    if matches!(result, Result::Accepted | Result::Duplicate | Result::Platform | Result::Unreadable) {
        histogram!("huixin_receiver_ack_seconds").record(took);
    }
}
