//! The worker's metrics, each in one place with its name, unit and labels.
//!
//! They go to whatever recorder the process has installed; without one they cost next to nothing. Counters and histograms are
//! there at 0 from the worker's start ([`prepare`]): Prometheus sees no increase in a series that begins at 1.

use std::time::{Duration, SystemTime};

use huixin_wechat::ApiError;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// A process with more accounts than this shows an account's series from its first event on: thousands of accounts would
/// make a page of a hundred thousand zeros.
pub const PREPARED_ACCOUNTS_MAX: usize = 20;

/// The upper bounds of the histograms' buckets, by the metric's name. Around what is promised and what WeChat allows
/// (five seconds for a push) they are close enough to tell more from less.
pub const BUCKETS: [(&str, &[f64]); 4] = [
    (
        "huixin_worker_queueing_seconds",
        &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 8.0, 30.0, 300.0, 3600.0],
    ),
    (
        "huixin_worker_handler_seconds",
        &[0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0],
    ),
    (
        "huixin_worker_reply_seconds",
        &[0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0, 3600.0],
    ),
    ("huixin_worker_send_seconds", &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]),
];

/// Tells the recorder what each metric means. Call it once, after installing one.
pub fn describe() {
    describe_counter!("huixin_worker_messages_total", "Messages that left this worker, by account and end");
    describe_counter!("huixin_worker_sends_total", "Calls of WeChat's send API, by account and result");
    describe_counter!(
        "huixin_worker_unsure_sends_total",
        "Sends that may or may not have arrived, by account and what was done about it"
    );
    describe_counter!("huixin_worker_leases_lost_total", "Messages given up because their lease was lost");
    describe_counter!("huixin_worker_queue_errors_total", "Failed calls to take messages off the queue");
    describe_counter!("huixin_worker_damaged_total", "Damaged data in the queue that was set aside");
    describe_counter!("huixin_worker_notices_total", "Notices sent while a handler was slow, by account");
    describe_counter!(
        "huixin_worker_crowded_total",
        "Messages that found their route's handler full, by route and result: waited or put_off"
    );
    describe_gauge!(
        "huixin_worker_account_paused",
        "1 while an account can't call an interface (send: it can't answer), by account, interface and WeChat's code"
    );
    describe_gauge!("huixin_worker_running", "Messages being handled now");
    describe_gauge!("huixin_worker_concurrency", "How many messages are handled at once at most");
    describe_gauge!(
        "huixin_worker_overdue",
        "Messages that have run longer than all their timeouts allow: above 0 is a bug"
    );
    describe_gauge!(
        "huixin_worker_last_take_timestamp_seconds",
        Unit::Seconds,
        "Unix time of the last successful take; 0: none yet"
    );
    describe_histogram!(
        "huixin_worker_handler_seconds",
        Unit::Seconds,
        "Run time of handlers, by account and route"
    );
    describe_histogram!("huixin_worker_send_seconds", Unit::Seconds, "Duration of sends, by account");
    describe_histogram!(
        "huixin_worker_queueing_seconds",
        Unit::Seconds,
        "From acceptance to the start of the handler"
    );
    describe_histogram!(
        "huixin_worker_reply_seconds",
        Unit::Seconds,
        "From acceptance to the last part sent, by account"
    );
}

/// What series are known by before anything happens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownLabels<'a> {
    pub(crate) accounts: &'a [String],
    pub(crate) routes: &'a [String],
    /// How a message leaves a worker.
    pub(crate) ends: &'static [&'static str],
    /// What is done about an unsure send.
    pub(crate) policies: &'static [&'static str],
}

/// Makes every series that is known beforehand: at 0 until something happens.
pub(crate) fn prepare(known: KnownLabels<'_>) {
    let counters = [
        "huixin_worker_leases_lost_total",
        "huixin_worker_queue_errors_total",
        "huixin_worker_damaged_total",
    ];
    for name in counters {
        counter!(name).increment(0);
    }
    let gauges =
        ["huixin_worker_running", "huixin_worker_overdue", "huixin_worker_last_take_timestamp_seconds"];
    for name in gauges {
        gauge!(name).increment(0.0);
    }
    let _ = histogram!("huixin_worker_queueing_seconds");
    for route in known.routes {
        for what in ["waited", "put_off"] {
            counter!("huixin_worker_crowded_total", "route" => route.clone(), "what" => what).increment(0);
        }
    }
    if known.accounts.len() <= PREPARED_ACCOUNTS_MAX {
        known.accounts.iter().for_each(|account| prepare_account(account, known));
    }
}

fn prepare_account(account: &str, known: KnownLabels<'_>) {
    let account = || account.to_owned();
    for end in known.ends {
        counter!("huixin_worker_messages_total", "account" => account(), "end" => *end).increment(0);
    }
    for result in ["ok", "unsure", "not_sent", "no_token"] {
        counter!("huixin_worker_sends_total", "account" => account(), "result" => result).increment(0);
    }
    for policy in known.policies {
        counter!("huixin_worker_unsure_sends_total", "account" => account(), "policy" => *policy)
            .increment(0);
    }
    counter!("huixin_worker_notices_total", "account" => account()).increment(0);
    for name in ["huixin_worker_send_seconds", "huixin_worker_reply_seconds"] {
        let _ = histogram!(name, "account" => account());
    }
    for route in known.routes {
        let _ = histogram!("huixin_worker_handler_seconds", "account" => account(), "route" => route.clone());
    }
}

pub(crate) fn damaged() {
    counter!("huixin_worker_damaged_total").increment(1);
}

pub(crate) fn begun() {
    gauge!("huixin_worker_running").increment(1.0);
}

/// How many messages the worker handles at once at most: one that is full takes none, and isn't stuck.
#[allow(clippy::cast_precision_loss, reason = "gauges are floating point")]
pub(crate) fn concurrency(most: usize) {
    gauge!("huixin_worker_concurrency").set(most as f64);
}

/// The handler is started.
pub(crate) fn started(arrived_us: u64) {
    histogram!("huixin_worker_queueing_seconds").record(since(arrived_us));
}

#[allow(clippy::cast_precision_loss, reason = "gauges are floating point")]
pub(crate) fn overdue(messages: usize) {
    gauge!("huixin_worker_overdue").set(messages as f64);
}

pub(crate) fn ended(account: &str, end: &'static str) {
    gauge!("huixin_worker_running").decrement(1.0);
    left(account, end);
}

/// A message is no longer in a worker's hands; `end` says how it left them.
pub(crate) fn left(account: &str, end: &'static str) {
    counter!("huixin_worker_messages_total", "account" => account.to_owned(), "end" => end).increment(1);
}

pub(crate) fn handled(account: &str, route: &str, took: Duration) {
    let labels = [("account", account.to_owned()), ("route", route.to_owned())];
    histogram!("huixin_worker_handler_seconds", &labels).record(took);
}

pub(crate) fn sent(account: &str, took: Duration, result: &Result<(), ApiError>) {
    let result = match result {
        Ok(()) => "ok".to_owned(),
        Err(ApiError::Unsure(_)) => "unsure".to_owned(),
        Err(ApiError::NotSent(_)) => "not_sent".to_owned(),
        Err(error) => error.code().map_or_else(|| "no_token".to_owned(), |code| code.to_string()),
    };
    histogram!("huixin_worker_send_seconds", "account" => account.to_owned()).record(took);
    counter!("huixin_worker_sends_total", "account" => account.to_owned(), "result" => result).increment(1);
}

pub(crate) fn replied(account: &str, arrived_us: u64) {
    histogram!("huixin_worker_reply_seconds", "account" => account.to_owned()).record(since(arrived_us));
}

pub(crate) fn unsure(account: &str, policy: &'static str) {
    let account = account.to_owned();
    counter!("huixin_worker_unsure_sends_total", "account" => account, "policy" => policy).increment(1);
}

/// An interface of an account is paused for another reason than before, or goes on.
pub(crate) fn paused(account: &str, interface: &'static str, before: Option<i64>, now: Option<i64>) {
    let show = |code: Option<i64>, value: f64| {
        if let Some(code) = code {
            let interface = interface.to_owned();
            let labels =
                [("account", account.to_owned()), ("interface", interface), ("code", code.to_string())];
            gauge!("huixin_worker_account_paused", &labels).set(value);
        }
    };
    show(before, 0.0);
    show(now, 1.0);
}

pub(crate) fn notice_sent(account: &str) {
    counter!("huixin_worker_notices_total", "account" => account.to_owned()).increment(1);
}

pub(crate) fn crowded(route: &str, what: &'static str) {
    counter!("huixin_worker_crowded_total", "route" => route.to_owned(), "what" => what).increment(1);
}

pub(crate) fn lease_lost() {
    counter!("huixin_worker_leases_lost_total").increment(1);
}

pub(crate) fn take_failed() {
    counter!("huixin_worker_queue_errors_total").increment(1);
}

pub(crate) fn taken() {
    gauge!("huixin_worker_last_take_timestamp_seconds").set(since(0));
}

/// Seconds since a time in Unix microseconds, by this machine's clock; 0 for a time to come.
fn since(us: u64) -> f64 {
    let then = SystemTime::UNIX_EPOCH + Duration::from_micros(us);
    SystemTime::now().duration_since(then).unwrap_or_default().as_secs_f64()
}
