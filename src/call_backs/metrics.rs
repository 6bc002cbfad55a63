//! The metrics of the listener for answers by call back.

use std::convert::Infallible;
use std::time::Duration;

use huixin_worker::metrics::PREPARED_ACCOUNTS_MAX;
use metrics::{counter, describe_counter, describe_gauge, gauge};
use strum::VariantNames as _;

use super::post_result::PostResult;

const LISTENING: &str = "huixin_answers_listening";
const SHOWN_EVERY: Duration = Duration::from_secs(1);

/// Tells the recorder what each metric means.
pub fn describe() {
    describe_counter!("huixin_answers_total", "Requests to the listener for answers, by account and result");
    describe_gauge!(LISTENING, "1 while this process listens for answers; 0: another one has the port");
}

/// Makes every series that is known beforehand: at 0 until something happens.
pub(super) fn prepare<'a>(accounts: impl ExactSizeIterator<Item = &'a str>) {
    let is_few = accounts.len() <= PREPARED_ACCOUNTS_MAX;
    for account in accounts.filter(|_| is_few).chain([""]) {
        for result in PostResult::VARIANTS {
            counter!("huixin_answers_total", "account" => account.to_owned(), "result" => *result)
                .increment(0);
        }
    }
}

/// Anyone can ask: only accounts whose token was shown become labels.
pub(super) fn came(account: &str, result: &'static str) {
    counter!("huixin_answers_total", "account" => account.to_owned(), "result" => result).increment(1);
}

/// Shows whether this process listens. Again and again: the recorder may be installed later than the listener.
pub(super) async fn listening(listens: bool) -> Infallible {
    loop {
        gauge!(LISTENING).set(f64::from(u8::from(listens)));
        tokio::time::sleep(SHOWN_EVERY).await;
    }
}
