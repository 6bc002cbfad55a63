//! The metrics of the listener for answers by call back.

use metrics::{counter, describe_counter, describe_gauge, gauge};

const LISTENING: &str = "huixin_answers_listening";

/// Tells the recorder what each metric means.
pub fn describe() {
    describe_counter!("huixin_answers_total", "Requests to the listener for answers, by account and result");
    describe_gauge!(LISTENING, "1 while this process listens for answers; 0: another one has the port");
}

/// Anyone can ask: only accounts whose token was shown become labels.
pub(super) fn came(account: &str, result: &'static str) {
    counter!("huixin_answers_total", "account" => account.to_owned(), "result" => result).increment(1);
}

/// Shown for as long as it lives.
pub(super) struct Listening(());

impl Listening {
    pub(super) fn begin() -> Self {
        gauge!(LISTENING).set(1.0);
        Self(())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        gauge!(LISTENING).set(0.0);
    }
}
