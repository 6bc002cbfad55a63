//! The queue as metrics show it: what waits in which state, how old the next message is, and whether the queue answers.
//!
//! Every process that serves shows them, and all show the same: a role that shows them alone could be the one that is down. So
//! Prometheus takes the greatest, not the sum. What isn't known while the queue is away is not a number (`NaN`): the last
//! known value would look like one of now, and a 0 like an empty queue.
//!
//! By account there are only the open messages and the ages. The other states are lines that all accounts share on Redis:
//! counting them by account would cost each message a write at each step.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use huixin_queue::{Class, Counts};
use metrics::{Gauge, Unit, counter, describe_counter, describe_gauge, gauge};

/// Age and number of an account's messages, as metrics show them.
const OPEN: &str = "huixin_queue_open";
const OLDEST: &str = "huixin_queue_oldest_age_seconds";

/// Shows how a queue stands.
#[derive(Debug)]
pub(super) struct QueueGauges {
    /// The accounts that are shown: one whose last message has ended goes back to 0.
    accounts: BTreeSet<Class>,
    dead_max: u64,
}

/// Tells the recorder what each metric means.
pub fn describe() {
    describe_gauge!("huixin_queue_up", "1 while the queue answers this process");
    describe_gauge!(OPEN, "Messages that are not yet at their end, by account");
    describe_gauge!(
        "huixin_queue_risk",
        "1 while the Redis is at risk of losing or refusing messages, by risk"
    );
    describe_gauge!("huixin_queue_running", "Messages that workers handle now");
    describe_gauge!(
        "huixin_queue_delayed",
        "Messages that wait for another attempt or for an answer by call back"
    );
    describe_gauge!("huixin_queue_held", "Messages whose answer waits for the user's next action");
    describe_gauge!("huixin_queue_parked", "Users who are paused, and whose turn it was since");
    describe_gauge!("huixin_queue_dead", "Dead letters");
    describe_gauge!("huixin_queue_dead_max", "How many dead letters are kept: queue.dead.max");
    describe_gauge!(
        OLDEST,
        Unit::Seconds,
        "Age of the message that is next in line, by account; 0: none waits for a worker"
    );
    describe_gauge!(
        "huixin_standstill_seconds",
        Unit::Seconds,
        "How long the first of a line has not moved, by line: ready, spool, or stateless (a bug)"
    );
    describe_gauge!(
        "huixin_queue_log_bytes",
        Unit::Bytes,
        "Size of the write-ahead log of a queue in a file"
    );
    describe_counter!(
        "huixin_queue_dead_removed_total",
        "Dead letters that were removed, because too old or too many"
    );
    counter!("huixin_queue_dead_removed_total").increment(0);
}

impl QueueGauges {
    /// Of a queue whose limit of dead letters is `dead_max`. These accounts are shown even without a message.
    pub(super) fn new(accounts: impl IntoIterator<Item = Class>, dead_max: u64) -> Self {
        Self { accounts: accounts.into_iter().collect(), dead_max }
    }

    /// Shows what a look has found; none: the queue did not answer.
    pub(super) fn show(&mut self, counts: Option<&Counts>) {
        gauge!("huixin_queue_up").set(f64::from(u8::from(counts.is_some())));
        set(&gauge!("huixin_queue_dead_max"), Some(self.dead_max));
        for (gauge, value) in [
            (gauge!("huixin_queue_running"), counts.map(|counts| counts.running)),
            (gauge!("huixin_queue_delayed"), counts.map(|counts| counts.delayed)),
            (gauge!("huixin_queue_held"), counts.map(|counts| counts.held)),
            (gauge!("huixin_queue_parked"), counts.map(|counts| counts.parked)),
            (gauge!("huixin_queue_dead"), counts.map(|counts| counts.dead)),
        ] {
            set(&gauge, value);
        }
        if let Some(counts) = counts {
            self.accounts.extend(counts.open.keys().chain(counts.next_ages_us.keys()).cloned());
        }
        for account in &self.accounts {
            let of = |by_class: &BTreeMap<Class, u64>| by_class.get(account).copied().unwrap_or_default();
            let name = || account.to_string();
            set(&gauge!(OPEN, "account" => name()), counts.map(|counts| of(&counts.open)));
            let age = counts
                .map_or(f64::NAN, |counts| Duration::from_micros(of(&counts.next_ages_us)).as_secs_f64());
            gauge!(OLDEST, "account" => name()).set(age);
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "there are never so many")]
fn set(gauge: &Gauge, value: Option<u64>) {
    gauge.set(value.map_or(f64::NAN, |value| value as f64));
}

#[cfg(test)]
mod tests {
    use metrics::with_local_recorder;
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn the_gauges_show_what_waits_and_no_number_while_the_queue_is_away() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let shown = recorder.handle();
        let [idle, main] = ["idle", "main"].map(|name| Class::new(name).expect("a name"));
        let mut gauges = QueueGauges::new([idle], 10);
        let mut lines = |counts: Option<&Counts>| {
            with_local_recorder(&recorder, || gauges.show(counts));
            let text = shown.render();
            let mut lines: Vec<_> =
                text.lines().filter_map(|line| line.strip_prefix("huixin_queue_")).collect();
            lines.sort_unstable();
            lines.join(", ")
        };
        let busy = Counts {
            open: [(main.clone(), 7)].into(),
            next_ages_us: [(main, 2_500_000)].into(),
            running: 1,
            delayed: 2,
            held: 3,
            parked: 4,
            dead: 5,
            ..Counts::default()
        };
        assert_eq!(
            lines(Some(&busy)),
            "dead 5, dead_max 10, delayed 2, held 3, oldest_age_seconds{account=\"idle\"} 0, \
             oldest_age_seconds{account=\"main\"} 2.5, open{account=\"idle\"} 0, open{account=\"main\"} 7, parked 4, \
             running 1, up 1"
        );
        assert_eq!(
            lines(None),
            "dead NaN, dead_max 10, delayed NaN, held NaN, oldest_age_seconds{account=\"idle\"} NaN, \
             oldest_age_seconds{account=\"main\"} NaN, open{account=\"idle\"} NaN, open{account=\"main\"} NaN, parked NaN, \
             running NaN, up 0"
        );
        let empty = lines(Some(&Counts::default()));
        assert!(empty.contains("open{account=\"main\"} 0"), "its last message has ended: {empty}");
    }
}
