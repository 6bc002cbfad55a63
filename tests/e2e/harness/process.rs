//! The real binary as a child process.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::PATIENCE;

/// A running `huixin`; killed when dropped.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it in `folder`, its output in `log`.
    pub(crate) fn spawn(arguments: &[&str], folder: &Path, log: PathBuf, variables: &[(&str, &str)]) -> Self {
        let output = File::create(&log).expect("the log can be made");
        // Measures may name the release build.
        let huixin = std::env::var_os("E2E_HUIXIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_huixin").into());
        let child = Command::new(huixin)
            .args(arguments)
            .current_dir(folder)
            .envs(variables.iter().copied())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a file handle can be doubled"))
            .stderr(output)
            .spawn()
            .expect("the binary starts");
        Self { child, log }
    }

    /// Waits until `/readyz` says yes.
    pub(crate) async fn ready(&self) {
        let url = format!("{}readyz", self.url_after("health and metrics are served url=").await);
        let client = huixin_wechat::http_client().expect("a client can be made");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = client.get(&url).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            assert!(Instant::now() < deadline, "it is not ready: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What a metric shows, summed over its labels; 0 if it shows nothing yet.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        self.metric_with(name, "").await
    }

    /// The same for those with this label, written as in `policy="drop"`.
    pub(crate) async fn metric_with(&self, name: &str, label: &str) -> f64 {
        let text = self.metrics().await;
        let of = |line: &str| {
            let rest = line.strip_prefix(name)?;
            if rest.starts_with(['{', ' ']) && rest.contains(label) {
                rest.rsplit(' ').next()?.parse::<f64>().ok()
            } else {
                None
            }
        };
        text.lines().filter_map(of).sum()
    }

    /// The whole page of metrics.
    pub(crate) async fn metrics(&self) -> String {
        let url = format!("{}metrics", self.url_after("health and metrics are served url=").await);
        let client = huixin_wechat::http_client().expect("a client can be made");
        client.get(&url).send().await.expect("it answers").text().await.expect("to the end")
    }

    /// The URL that a log line names after these words.
    pub(crate) async fn url_after(&self, words: &str) -> String {
        let line = self.wait_for_log(words).await;
        let rest = line.split(words).nth(1).unwrap_or_default();
        rest.split_whitespace().next().unwrap_or_default().to_owned()
    }

    /// The first log line with this text, once there is one.
    pub(crate) async fn wait_for_log(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = self.log();
            // Only whole lines: the last may still be growing.
            let whole = log.rfind('\n').map_or("", |end| &log[..end]);
            if let Some(line) = whole.lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            assert!(Instant::now() < deadline, "the log never says {text:?}: {log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Everything it has printed.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The memory it holds, in KiB, by the kernel's count.
    pub(crate) fn resident_kib(&self) -> u64 {
        self.status_kib("VmRSS:")
    }

    /// The most memory it has held so far, likewise.
    pub(crate) fn peak_kib(&self) -> u64 {
        self.status_kib("VmHWM:")
    }

    fn status_kib(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel counts it");
        line.trim().trim_end_matches("kB").trim().parse().expect("it is a number")
    }

    /// The processor time it has used so far, by the kernel's count.
    pub(crate) fn cpu_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        // Its name stands in brackets, and may hold anything. After it, fields 14 and 15 are hundredths of a second.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let hundredths = fields.skip(11).take(2).map(|field| field.parse::<u64>().expect("it is a number"));
        Duration::from_millis(hundredths.sum::<u64>() * 10)
    }

    /// Where its output goes.
    pub(crate) fn log_file(&self) -> &Path {
        &self.log
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends a signal, such as `-TERM`.
    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "it can be signalled");
    }

    /// How it has ended, if it has.
    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.has_ended() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// SIGTERM, and the exit code it ends with.
    pub(crate) async fn stop(&mut self) -> Option<i32> {
        self.signal("-TERM");
        self.ended().await.code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
