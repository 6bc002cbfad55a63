//! A worker that can be killed: it has a runtime, and on Redis a connection, of its own.

use huixin_worker::{Route, WorkerSettings};
use tokio::runtime::{Builder, Runtime};

use super::Stage;

/// Something like a worker's process. Dropping or killing it ends all its tasks where they stand.
pub(crate) struct Process(Option<Runtime>);

impl Process {
    pub(crate) fn start(
        stage: &Stage,
        settings: WorkerSettings,
        routes: impl IntoIterator<Item = Route>,
    ) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let worker = {
            let _inside = runtime.enter();
            stage.worker(stage.another_queue(), settings, routes)
        };
        runtime.spawn(worker.run(std::future::pending()));
        Self(Some(runtime))
    }

    /// `kill -9`.
    pub(crate) fn kill(self) {}
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
