//! The last hour in steps of half a minute, for charts.
//!
//! Each process keeps the numbers of its own steps in a ring, and stores the ring among the queue's shared values once a step. Who is
//! asked reads all rings and adds them up: counts are summed; of a latency, or of what all processes see alike, the greatest counts. A
//! process that has ended stays in the sums for an hour. A queue in a file has one process, which needs no copy of its ring there.
//!
//! Rejected: a time series store, which most who run this have already, behind `/metrics`. This is for the first look, and for those who
//! have none.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use huixin_queue::{Queue, QueueError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::view::rfc3339;

/// How long a step is, in seconds.
pub(crate) const STEP_S: u64 = 30;
/// How many steps are kept.
const STEPS: usize = 120;
const KEEP_FOR: Duration = Duration::from_secs(STEP_S * STEPS as u64);
const FOLDER: &str = "charts/";

/// The numbers of a step, in the order of [`SERIES`]; none: not known.
pub(crate) type ChartStep = [Option<f64>; SERIES.len()];

/// Makes one number of those of two processes.
type PutTogether = fn(f64, f64) -> f64;

/// The names, and how the numbers of processes are put together.
const SERIES: [(&str, PutTogether); 12] = [
    ("accepted", sum),
    ("answered", sum),
    ("no_reply", sum),
    ("dead", sum),
    ("refused_sends", sum),
    ("ack_p50_ms", f64::max),
    ("ack_p99_ms", f64::max),
    ("queueing_p50_ms", f64::max),
    ("queueing_p99_ms", f64::max),
    ("handling_p99_ms", f64::max),
    ("open", f64::max),
    ("oldest_ms", f64::max),
];

/// The last hour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(super) struct ChartsView {
    /// How long a step is.
    pub step_s: u64,
    /// When the last step has ended.
    #[schema(format = DateTime)]
    pub until: String,
    /// 120 numbers of each series, the oldest first; null: nothing is known of that step. Messages in the step, of all processes:
    /// `accepted`, `answered` (an answer in the responses to pushes counts once for each part), `no_reply`, `dead`; and
    /// `refused_sends`, WeChat's refusals. The latencies of the slowest process: `ack_…` from a push to its ack, `queueing_…` from there
    /// to the handler's start, `handling_…` of the handler. At the end of the step: `open` messages, and `oldest_ms`, the age of the
    /// next in line.
    pub series: BTreeMap<String, Vec<Option<f64>>>,
}

/// The steps of one process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ChartRing {
    /// The number of the youngest: its end, in steps since 1970.
    last: u64,
    steps: VecDeque<ChartStep>,
}

impl ChartRing {
    /// Adds the step that has ended with this number. Of those in between nothing is known.
    pub(crate) fn push(&mut self, number: u64, step: ChartStep) {
        if number == self.last {
            return;
        }
        // A clock that was set back: what lies in its future can't be put in order.
        if number < self.last {
            self.steps.clear();
        }
        if !self.steps.is_empty() {
            let missed = number.saturating_sub(self.last.saturating_add(1));
            let missed = usize::try_from(missed).unwrap_or(STEPS).min(STEPS);
            self.steps.extend(std::iter::repeat_n([None; SERIES.len()], missed));
        }
        self.steps.push_back(step);
        self.last = number;
        self.steps.drain(..self.steps.len().saturating_sub(STEPS));
    }

    /// Stores it for those who are asked.
    pub(crate) async fn store(&self, queue: &dyn Queue, process: &str) -> Result<(), QueueError> {
        let value = serde_json::to_vec(self).unwrap_or_default();
        queue.set(&format!("{FOLDER}{process}"), value.into(), KEEP_FOR).await
    }
}

/// The rings of all processes but this one.
pub(super) async fn others(queue: &dyn Queue, process: &str) -> Result<Vec<ChartRing>, QueueError> {
    let values = queue.values(FOLDER).await?.into_iter();
    let others = values.filter(|(name, _)| name.strip_prefix(FOLDER) != Some(process));
    // What a newer version wrote, it can read.
    Ok(others.filter_map(|(_, value)| serde_json::from_slice(&value).ok()).collect())
}

impl ChartsView {
    /// All rings together, up to the step that ended with this number.
    pub(super) fn of<'r>(rings: impl IntoIterator<Item = &'r ChartRing>, last: u64) -> Self {
        let mut merged = vec![[None; SERIES.len()]; STEPS];
        for ring in rings {
            for (back, step) in ring.steps.iter().rev().enumerate() {
                let number = ring.last.saturating_sub(back as u64);
                let ago = last.checked_sub(number).and_then(|ago| usize::try_from(ago).ok());
                let Some(slot) = ago.and_then(|ago| STEPS.checked_sub(ago + 1)) else { continue };
                for ((known, more), (_, put_together)) in merged[slot].iter_mut().zip(step).zip(SERIES) {
                    *known = match (*known, *more) {
                        (Some(known), Some(more)) => Some(put_together(known, more)),
                        (known, more) => known.or(more),
                    };
                }
            }
        }
        let series = SERIES.iter().enumerate().map(|(place, (name, _))| {
            ((*name).to_owned(), merged.iter().map(|step: &ChartStep| step[place]).collect())
        });
        let until = rfc3339(last.saturating_mul(STEP_S * 1_000_000));
        Self { step_s: STEP_S, until, series: series.collect() }
    }
}

fn sum(one: f64, other: f64) -> f64 {
    one + other
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(accepted: f64, ack_p50_ms: f64) -> ChartStep {
        let mut step = [None; SERIES.len()];
        (step[0], step[5]) = (Some(accepted), Some(ack_p50_ms));
        step
    }

    fn ends(view: &ChartsView, name: &str) -> Vec<Option<f64>> {
        let all = &view.series[name];
        assert_eq!(all.len(), STEPS);
        all[STEPS - 4..].to_vec()
    }

    #[test]
    fn counts_are_added_up_and_of_latencies_the_greatest_is_shown() {
        let (mut one, mut other) = (ChartRing::default(), ChartRing::default());
        one.push(1_000, step(1.0, 5.0));
        // It missed two: the machine slept.
        one.push(1_003, step(2.0, 1.0));
        other.push(1_003, step(40.0, 0.5));
        other.push(1_004, step(7.0, 3.0));
        let view = ChartsView::of([&one, &other], 1_004);
        assert_eq!(ends(&view, "accepted"), [None, None, Some(42.0), Some(7.0)]);
        assert_eq!(ends(&view, "ack_p50_ms"), [None, None, Some(1.0), Some(3.0)]);
        assert_eq!(ends(&view, "dead"), [None; 4]);
        assert_eq!((view.step_s, view.until.as_str()), (30, "1970-01-01T08:22:00.000Z"));
        // Later, and after more than an hour.
        assert_eq!(ends(&ChartsView::of([&one], 1_005), "accepted")[1], Some(2.0));
        assert!(ChartsView::of([&one, &other], 1_200).series["accepted"].iter().all(Option::is_none));
        // A process whose clock is ahead.
        assert_eq!(ends(&ChartsView::of([&other], 1_003), "accepted")[3], Some(40.0));
    }

    #[test]
    fn a_ring_keeps_an_hour_and_a_clock_that_is_set_back_begins_it_anew() {
        let mut ring = ChartRing::default();
        for number in 1..500 {
            ring.push(number, step(1.0, 1.0));
        }
        assert_eq!(ring.steps.len(), STEPS);
        ring.push(9_000_000, step(2.0, 1.0));
        assert_eq!(ring.steps.iter().filter_map(|step| step[0]).collect::<Vec<_>>(), [2.0]);
        ring.push(400, step(3.0, 1.0));
        assert_eq!((ring.last, ring.steps.len()), (400, 1));
        let stored = serde_json::to_vec(&ring).expect("it is numbers");
        assert_eq!(serde_json::from_slice::<ChartRing>(&stored).expect("it is read"), ring);
    }
}
