//! The numbers of a step out of two readings of the metrics.
//!
//! They are read out of the text that Prometheus gets, which the recorder makes of its own atomic counters: there is no other way to its
//! histograms, and twice a minute it costs nothing that matters.

use crate::operator::ChartStep;

/// What was counted until a reading, and what is seen at it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct MetricTotals {
    accepted: f64,
    answered: f64,
    no_reply: f64,
    dead: f64,
    refused_sends: f64,
    ack: Buckets,
    queueing: Buckets,
    handling: Buckets,
    open: Option<f64>,
    oldest_ms: Option<f64>,
}

/// How many were at most this large, by the bounds in their order.
#[derive(Clone, Debug, Default, PartialEq)]
struct Buckets(Vec<(f64, f64)>);

impl MetricTotals {
    /// Out of the page of metrics.
    pub(super) fn read(page: &str) -> Self {
        let mut totals = Self::default();
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            // Not a number: not known.
            let Some(value) = value.parse().ok().filter(|value: &f64| value.is_finite()) else { continue };
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            totals.add(name, labels, value);
        }
        totals
    }

    fn add(&mut self, name: &str, labels: &str, value: f64) {
        match name {
            "huixin_receiver_pushes_total" => match label(labels, "result") {
                "accepted" | "spooled" => self.accepted += value,
                "unreadable" => self.dead += value,
                _ => {}
            },
            "huixin_receiver_responses_total" if label(labels, "how") == "answer" => self.answered += value,
            "huixin_worker_messages_total" => match label(labels, "end") {
                "answered" => self.answered += value,
                "no_reply" | "unmatched" => self.no_reply += value,
                "dead" => self.dead += value,
                _ => {}
            },
            // Other results than WeChat's codes have words.
            "huixin_worker_sends_total" if label(labels, "result").parse::<i64>().is_ok() => {
                self.refused_sends += value;
            }
            "huixin_receiver_ack_seconds_bucket" => self.ack.add(labels, value),
            "huixin_worker_queueing_seconds_bucket" => self.queueing.add(labels, value),
            "huixin_worker_handler_seconds_bucket" => self.handling.add(labels, value),
            "huixin_queue_open" => self.open = Some(self.open.unwrap_or_default() + value),
            "huixin_queue_oldest_age_seconds" => {
                self.oldest_ms = Some(self.oldest_ms.unwrap_or_default().max(value * 1_000.0));
            }
            _ => {}
        }
    }

    /// What has happened since an earlier reading.
    pub(super) fn since(&self, before: &Self) -> ChartStep {
        let count = |of: fn(&Self) -> f64| Some(of(self) - of(before));
        let ms = |of: fn(&Self) -> &Buckets, part| {
            of(self).since(of(before)).quantile(part).map(|seconds| (seconds * 10_000.0).round() / 10.0)
        };
        [
            count(|totals| totals.accepted),
            count(|totals| totals.answered),
            count(|totals| totals.no_reply),
            count(|totals| totals.dead),
            count(|totals| totals.refused_sends),
            ms(|totals| &totals.ack, 0.5),
            ms(|totals| &totals.ack, 0.99),
            ms(|totals| &totals.queueing, 0.5),
            ms(|totals| &totals.queueing, 0.99),
            ms(|totals| &totals.handling, 0.99),
            self.open,
            self.oldest_ms.map(f64::round),
        ]
    }
}

impl Buckets {
    /// Adds those of one more series.
    fn add(&mut self, labels: &str, count: f64) {
        let bound = match label(labels, "le") {
            "+Inf" => f64::INFINITY,
            bound => bound.parse().unwrap_or(f64::INFINITY),
        };
        match self.0.iter_mut().find(|(known, _)| *known == bound) {
            Some((_, sum)) => *sum += count,
            None => self.0.push((bound, count)),
        }
    }

    fn since(&self, before: &Self) -> Self {
        let earlier =
            |bound: f64| before.0.iter().find(|(known, _)| *known == bound).map_or(0.0, |(_, sum)| *sum);
        Self(self.0.iter().map(|(bound, sum)| (*bound, sum - earlier(*bound))).collect())
    }

    /// The value that this part of all is at most, as Prometheus estimates it: within its bucket they lie evenly. None: there were
    /// none.
    fn quantile(&self, part: f64) -> Option<f64> {
        let (_, all) = self.0.last().filter(|(_, all)| *all > 0.0)?;
        let (rank, mut below) = (part * all, (0.0, 0.0));
        for &(bound, sum) in &self.0 {
            if sum >= rank {
                // Beyond the last bound nothing more is known.
                let is_last = bound.is_infinite();
                return Some(if is_last {
                    below.0
                } else {
                    below.0 + (bound - below.0) * (rank - below.1) / (sum - below.1).max(f64::MIN_POSITIVE)
                });
            }
            below = (bound, sum);
        }
        None
    }
}

/// The value of a label: behind its name, up to the next quote. Names of accounts and routes have neither.
fn label<'l>(labels: &'l str, name: &str) -> &'l str {
    let value = labels.split(['{', ',']).find_map(|label| label.strip_prefix(name)?.strip_prefix("=\""));
    value.and_then(|value| value.split('"').next()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "# TYPE huixin_receiver_pushes_total counter
huixin_receiver_pushes_total{account=\"main\",result=\"accepted\"} 100
huixin_receiver_ack_seconds_bucket{le=\"0.001\"} 10
huixin_receiver_ack_seconds_bucket{le=\"0.01\"} 100
huixin_receiver_ack_seconds_bucket{le=\"+Inf\"} 100
huixin_queue_open{account=\"main\"} NaN
";
    const AFTER: &str = "huixin_receiver_pushes_total{account=\"main\",result=\"accepted\"} 105
huixin_receiver_pushes_total{account=\"other\",result=\"spooled\"} 2
huixin_receiver_pushes_total{account=\"main\",result=\"duplicate\"} 50
huixin_receiver_pushes_total{account=\"main\",result=\"unreadable\"} 1
huixin_receiver_responses_total{account=\"main\",how=\"answer\",try=\"1\"} 3
huixin_receiver_responses_total{account=\"main\",how=\"notice\",try=\"3\"} 8
huixin_worker_messages_total{account=\"main\",end=\"answered\"} 4
huixin_worker_messages_total{account=\"main\",end=\"unmatched\"} 2
huixin_worker_messages_total{account=\"main\",end=\"dead\"} 1
huixin_worker_messages_total{account=\"main\",end=\"retried\"} 9
huixin_worker_sends_total{account=\"main\",result=\"ok\"} 40
huixin_worker_sends_total{account=\"main\",result=\"-1\"} 1
huixin_worker_sends_total{account=\"main\",result=\"45015\"} 2
huixin_receiver_ack_seconds_bucket{le=\"0.001\"} 20
huixin_receiver_ack_seconds_bucket{le=\"0.01\"} 120
huixin_receiver_ack_seconds_bucket{le=\"+Inf\"} 130
huixin_worker_handler_seconds_bucket{account=\"main\",route=\"a, b\",le=\"1\"} 1
huixin_worker_handler_seconds_bucket{account=\"main\",route=\"a, b\",le=\"2\"} 1
huixin_worker_handler_seconds_bucket{account=\"main\",route=\"c\",le=\"1\"} 0
huixin_worker_handler_seconds_bucket{account=\"main\",route=\"c\",le=\"2\"} 1
huixin_queue_open{account=\"main\"} 7
huixin_queue_open{account=\"other\"} 1
huixin_queue_oldest_age_seconds{account=\"main\"} 2.5
huixin_queue_oldest_age_seconds{account=\"other\"} 0
";

    #[test]
    fn a_step_is_what_was_counted_between_two_readings() {
        let (before, after) = (MetricTotals::read(BEFORE), MetricTotals::read(AFTER));
        // Of 30 acks 10 took up to a millisecond, 10 up to ten, and 10 longer.
        assert_eq!(
            after.since(&before),
            [7.0, 7.0, 2.0, 2.0, 3.0, 5.5, 10.0, f64::NAN, f64::NAN, 1980.0, 8.0, 2500.0]
                .map(|value| Some(value).filter(|value| !value.is_nan()))
        );
        let nothing = before.since(&before);
        assert_eq!(nothing[..5], [Some(0.0); 5]);
        assert_eq!(nothing[5..], [None; 7], "nothing was measured, and the queue was away");
    }
}
