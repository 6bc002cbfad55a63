//! The receiver's metrics. Counters and histograms are there at 0 from its start ([`prepare`]): Prometheus sees no increase in
//! a series that begins at 1.

use std::collections::HashMap;
use std::sync::OnceLock;

use huixin_queue::Accepted;
use huixin_queue::spool::SpoolCounts;
use huixin_worker::metrics::PREPARED_ACCOUNTS_MAX;
use metrics::{
    Counter, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use strum::VariantNames as _;

use super::ReceiverAccount;
use super::answers::Answers;
use super::outcome::PushOutcome;

/// The upper bounds of the buckets of `huixin_receiver_ack_seconds`, around what is promised (milliseconds), the budget of the
/// queue (250 ms) and WeChat's five seconds.
pub const ACK_BUCKETS: [f64; 13] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

const TRY_NUMBERS: [&str; 5] = ["unknown", "1", "2", "3", "more"];

/// Tells the recorder what each metric means.
pub fn describe() {
    describe_counter!("huixin_receiver_pushes_total", "Pushes, by account and result");
    describe_counter!("huixin_receiver_refused_total", "Requests that are refused, by account and reason");
    describe_counter!(
        "huixin_receiver_mended_total",
        "Pushes whose text was damaged, and was repaired to be read, by account"
    );
    describe_counter!(
        "huixin_receiver_previous_key_total",
        "Pushes encrypted with the previous AES key, by account"
    );
    describe_gauge!(
        "huixin_receiver_breaker_open",
        "1 while pushes go to the spool without asking the queue"
    );
    describe_gauge!(
        "huixin_spool_entries",
        "Entries of the spool that the queue doesn't have, or has had for less than two seconds"
    );
    describe_gauge!(
        "huixin_spool_bytes",
        Unit::Bytes,
        "Size of all entries of the spool, as counted against its limit"
    );
    describe_gauge!("huixin_spool_oldest_age_seconds", Unit::Seconds, "Age of the oldest entry; 0: none");
    describe_gauge!(
        "huixin_spool_quarantined_entries",
        "Entries of the spool that the queue refuses while it takes others"
    );
    describe_counter!(
        "huixin_spool_drained_total",
        "Entries of the spool that the queue took, by result; one that is sent again counts again"
    );
    describe_counter!("huixin_spool_quarantined_total", "Entries that were quarantined");
    describe_counter!(
        "huixin_spool_lost_total",
        "Entries that the queue took from the spool and no longer had two seconds later; they are sent again"
    );
    describe_histogram!(
        "huixin_receiver_ack_seconds",
        Unit::Seconds,
        "From a push's headers to its answer; only pushes that are accepted and not kept open for an answer"
    );
    describe_counter!(
        "huixin_receiver_responses_total",
        "Tries of pushes that may be kept open for an answer, by account, how (answer, notice, empty, unanswered, unavailable, \
         left: the client was gone before) and try"
    );
    describe_counter!(
        "huixin_receiver_unsure_parts_total",
        "Parts of answers that may have gone out in a response or not, by account"
    );
    describe_counter!(
        "huixin_receiver_over_budget_total",
        "Tries that could not be left unanswered because the budget for that was used up, by account"
    );
}

/// The counters of an account's pushes, by result. To look one up costs more than to count, so each is kept once it is there.
#[derive(Debug, Default)]
pub(crate) struct PushCounts([OnceLock<Counter>; PushOutcome::VARIANTS.len()]);

impl PushCounts {
    /// A push is done with, as far as storing goes.
    pub(super) fn count(&self, account: &str, result: PushOutcome) {
        self.0[result as usize].get_or_init(|| pushes(account, result.into())).increment(1);
    }
}

/// A push for an account that isn't there. Anyone can ask for any: only known ones may become labels.
pub(super) fn pushed_to_nobody() {
    pushes("", PushOutcome::UnknownAccount.into()).increment(1);
}

fn pushes(account: &str, result: &'static str) -> Counter {
    counter!("huixin_receiver_pushes_total", "account" => account.to_owned(), "result" => result)
}

/// How long pushes take until their answer.
pub(super) fn acks() -> Histogram {
    histogram!("huixin_receiver_ack_seconds")
}

/// Makes every series that is known beforehand: at 0 until something happens. `reasons` are those to refuse a request.
pub(super) fn prepare(
    accounts: &HashMap<String, ReceiverAccount>,
    has_spool: bool,
    reasons: &[&'static str],
) {
    gauge!("huixin_receiver_breaker_open").increment(0.0);
    if has_spool {
        spool(&SpoolCounts::default(), false);
        for result in ["new", "duplicate", "counted"] {
            counter!("huixin_spool_drained_total", "result" => result).increment(0);
        }
        for name in ["huixin_spool_quarantined_total", "huixin_spool_lost_total"] {
            counter!(name).increment(0);
        }
    }
    let unknown: &str = PushOutcome::UnknownAccount.into();
    pushes("", unknown).increment(0);
    prepare_refusals("", reasons);
    if accounts.len() <= PREPARED_ACCOUNTS_MAX {
        accounts.iter().for_each(|(name, account)| prepare_account(name, &account.answers, reasons));
    }
}

fn prepare_account(name: &str, answers: &Answers, reasons: &[&'static str]) {
    let account = || name.to_owned();
    let unknown: &str = PushOutcome::UnknownAccount.into();
    for result in PushOutcome::VARIANTS.iter().filter(|result| **result != unknown) {
        pushes(name, result).increment(0);
    }
    prepare_refusals(name, reasons);
    for name in ["huixin_receiver_mended_total", "huixin_receiver_previous_key_total"] {
        counter!(name, "account" => account()).increment(0);
    }
    if matches!(answers, Answers::Either { .. } | Answers::Push(_)) {
        counter!("huixin_receiver_over_budget_total", "account" => account()).increment(0);
    }
    // Whose pushes may be kept open.
    if !matches!(answers, Answers::Api { may_transfer, .. } if may_transfer.is_empty()) {
        counter!("huixin_receiver_unsure_parts_total", "account" => account()).increment(0);
        for (how, number) in How::VARIANTS.iter().flat_map(|how| TRY_NUMBERS.map(|number| (*how, number))) {
            counter!("huixin_receiver_responses_total", "account" => account(), "how" => how, "try" => number).increment(0);
        }
    }
}

fn prepare_refusals(account: &str, reasons: &[&'static str]) {
    for reason in reasons {
        counter!("huixin_receiver_refused_total", "account" => account.to_owned(), "reason" => *reason)
            .increment(0);
    }
}

/// A request was refused. Anyone can ask for any account: only known ones may become labels.
pub(super) fn refused(account: &str, reason: &'static str) {
    counter!("huixin_receiver_refused_total", "account" => account.to_owned(), "reason" => reason)
        .increment(1);
}

/// A push's text had bytes or characters that can't be, and is read with replacements.
pub(super) fn mended(account: &str) {
    counter!("huixin_receiver_mended_total", "account" => account.to_owned()).increment(1);
}

/// A push was sealed with the previous key: the change of keys isn't over.
pub(super) fn opened_with_previous_key(account: &str) {
    counter!("huixin_receiver_previous_key_total", "account" => account.to_owned()).increment(1);
}

/// How the spool stands.
pub(super) fn spool(counts: &SpoolCounts, breaker_is_open: bool) {
    #[allow(clippy::cast_precision_loss, reason = "gauges are floating point")]
    let set = |name, value: u64| gauge!(name).set(value as f64);
    set("huixin_spool_entries", counts.entries);
    set("huixin_spool_bytes", counts.bytes);
    set("huixin_spool_quarantined_entries", counts.quarantined);
    gauge!("huixin_spool_oldest_age_seconds").set(counts.oldest.unwrap_or_default().as_secs_f64());
    gauge!("huixin_receiver_breaker_open").set(f64::from(u8::from(breaker_is_open)));
}

/// The queue took an entry of the spool.
pub(super) fn drained(accepted: Accepted) {
    let result = match accepted {
        Accepted::Duplicate => "duplicate",
        Accepted::Counted => "counted",
        _ => "new",
    };
    counter!("huixin_spool_drained_total", "result" => result).increment(1);
}

/// An entry was set aside.
pub(super) fn quarantined() {
    counter!("huixin_spool_quarantined_total").increment(1);
}

/// The queue no longer knew entries that it had taken.
pub(super) fn lost(entries: u64) {
    counter!("huixin_spool_lost_total").increment(entries);
}

/// It isn't known whether these parts were written.
pub(super) fn unsure(account: &str, parts: u32) {
    counter!("huixin_receiver_unsure_parts_total", "account" => account.to_owned()).increment(parts.into());
}

/// A try is answered with the notice because the budget of unanswered ones is used up.
pub(super) fn over_budget(account: &str) {
    counter!("huixin_receiver_over_budget_total", "account" => account.to_owned()).increment(1);
}

/// How a try of a push that may be kept open ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub(super) enum How {
    /// With a part of an answer.
    Answer,
    /// With the words for an answer that isn't ready.
    Notice,
    /// With an empty string.
    Empty,
    /// Without a response, on purpose.
    Unanswered,
    /// 503.
    Unavailable,
    /// Its client left before.
    Left,
}

/// Counts how a try ends, when it is dropped.
#[derive(Debug)]
pub(super) struct Tally {
    account: String,
    how: How,
    /// The number of the try; 0 while that isn't known.
    pub(super) number: u32,
}

impl Tally {
    pub(super) fn of(account: &str) -> Self {
        Self { account: account.to_owned(), how: How::Left, number: 0 }
    }

    /// The try has its end.
    pub(super) fn end(mut self, how: How) {
        self.how = how;
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let how: &str = self.how.into();
        let [unknown, first, second, third, more] = TRY_NUMBERS;
        let number = match self.number {
            0 => unknown,
            1 => first,
            2 => second,
            3 => third,
            _ => more,
        };
        let account = std::mem::take(&mut self.account);
        counter!("huixin_receiver_responses_total", "account" => account, "how" => how, "try" => number)
            .increment(1);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ::metrics::with_local_recorder;
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn counters_are_there_before_they_count() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let lines = |name: &str| {
            let shown = recorder.handle().render();
            shown
                .lines()
                .filter(|line| line.starts_with(&format!("{name}{{")))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let either = Answers::Either { push_wait: Duration::from_secs(2) };
        with_local_recorder(&recorder, || prepare_account("main", &either, &["path", "method"]));
        assert_eq!(
            lines("huixin_receiver_unsure_parts_total"),
            ["huixin_receiver_unsure_parts_total{account=\"main\"} 0"]
        );
        let (responses, refused) =
            (lines("huixin_receiver_responses_total"), lines("huixin_receiver_refused_total"));
        assert_eq!((responses.len(), refused.len()), (How::VARIANTS.len() * TRY_NUMBERS.len(), 2));
        with_local_recorder(&recorder, || unsure("main", 2));
        assert_eq!(
            lines("huixin_receiver_unsure_parts_total"),
            ["huixin_receiver_unsure_parts_total{account=\"main\"} 2"]
        );
    }
}
