//! The page of metrics: the recorder behind it, what it says of the process itself, and the buckets of its histograms.
//!
//! The recorder is installed before anything runs, so that nothing is counted into the void. What the process itself costs is
//! read when the page is asked for, which takes a few small files of `/proc`; all else is kept by those who measure it.

use metrics::{describe_gauge, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
#[cfg(target_os = "linux")]
use metrics_process::Collector;

use crate::config::Role;

/// What `/metrics` answers.
#[derive(Clone, Debug)]
pub struct MetricsPage {
    recorder: PrometheusHandle,
    #[cfg(target_os = "linux")]
    process: Collector,
}

/// Installs the recorder of this process's metrics and describes them all.
///
/// # Errors
/// When one is installed already.
pub fn record_metrics(role: Role) -> anyhow::Result<MetricsPage> {
    let full = |name: &str| Matcher::Full(name.to_owned());
    let mut builder = PrometheusBuilder::new()
        .set_buckets_for_metric(full("huixin_receiver_ack_seconds"), &crate::receiver::ACK_BUCKETS)?;
    for (name, buckets) in huixin_worker::metrics::BUCKETS {
        builder = builder.set_buckets_for_metric(full(name), buckets)?;
    }
    let recorder = builder.install_recorder()?;
    crate::call_backs::describe();
    crate::receiver::describe();
    crate::safety::describe();
    huixin_worker::metrics::describe();
    describe_gauge!(
        "huixin_build_info",
        "1, with the version, the commit (none in a development build) and the role as labels"
    );
    let (version, commit, role) =
        (env!("CARGO_PKG_VERSION"), env!("HUIXIN_BUILD_COMMIT"), <&str>::from(role));
    gauge!("huixin_build_info", "version" => version, "commit" => commit, "role" => role).set(1.0);
    #[cfg(target_os = "linux")]
    let process = Collector::default();
    #[cfg(target_os = "linux")]
    process.describe();
    Ok(MetricsPage {
        recorder,
        #[cfg(target_os = "linux")]
        process,
    })
}

impl MetricsPage {
    /// The page, in Prometheus's text format.
    pub(super) fn render(&self) -> String {
        #[cfg(target_os = "linux")]
        self.process.collect();
        self.recorder.render()
    }

    /// Puts the samples of histograms into their buckets. Until then each takes memory.
    pub(super) fn run_upkeep(&self) {
        self.recorder.run_upkeep();
    }
}
