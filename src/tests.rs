//! A recorder of metrics with a bug, for tests of what survives one: almost everything counts something.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

/// Panics once. Installed by `metrics::set_default_local_recorder`, it is of one thread only.
pub(crate) struct Broken {
    used: Arc<AtomicUsize>,
    breaks_at: usize,
}

impl Broken {
    /// Works so many times, then panics, and works again.
    pub(crate) fn after(times: usize) -> Self {
        Self { used: Arc::default(), breaks_at: times }
    }

    /// How often it was used.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::SeqCst)
    }

    fn stumble(&self) {
        assert_ne!(self.used.fetch_add(1, Ordering::SeqCst), self.breaks_at, "the recorder has a bug");
    }
}

impl Recorder for Broken {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        self.stumble();
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        self.stumble();
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        self.stumble();
        Histogram::noop()
    }
}
