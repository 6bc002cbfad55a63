//! What its workers have counted and logged.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::Stage;
use crate::support::{eventually, logs};

impl Stage {
    /// The sum of a counter over its labels, for this account.
    pub(crate) fn counted(&self, counter: &str, label: &str) -> u64 {
        let account = format!("account=\"{}\"", self.account());
        let lines = recorder().render();
        let of_account = lines.lines().filter(|line| {
            line.starts_with(&format!("{counter}{{")) && line.contains(&account) && line.contains(label)
        });
        of_account.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    /// How many messages left a worker this way.
    pub(crate) fn ended(&self, end: &str) -> u64 {
        self.counted("huixin_worker_messages_total", &format!("end=\"{end}\""))
    }

    /// How many parts were sent again although they may have arrived.
    pub(crate) fn unsure(&self) -> u64 {
        self.counted("huixin_worker_unsure_sends_total", "")
    }

    /// The log lines above debug that name this test's account.
    pub(crate) fn log(&self) -> Vec<String> {
        logs::lines_with(self.account())
    }

    /// Waits until one of them says this.
    pub(crate) async fn logs(&self, text: &str) {
        let says = async || self.log().iter().any(|line| line.contains(text)).then_some(());
        eventually(&format!("a log line says {text:?}"), says).await;
    }

    /// Those of all tests that contain this.
    pub(crate) fn logged(&self, text: &str) -> Vec<String> {
        logs::lines_with(text)
    }
}

/// The recorder of all tests' metrics, which differ by the account.
pub(super) fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let handle = PrometheusBuilder::new().install_recorder().unwrap();
        huixin_worker::metrics::describe();
        handle
    })
}
