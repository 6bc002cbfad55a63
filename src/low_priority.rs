//! Threads that give way to others of the same process.
//!
//! A push must be acked within WeChat's five seconds, and most answers take as long as they take. So when both are the work of
//! one process and it has more to do than processors, the acks go first: a thread of these has a quarter of a processor beside
//! one of the others. An answer that should go out in the response to a push may be late then, and is fetched. Leases are
//! renewed on a thread of their own.
//!
//! Rejected: fewer threads for the answers, which would leave processors idle when nothing is pushed; a limit on takes while
//! pushes come, which would have to guess how busy the machine is.

use std::io;

use rustix::process::{getpriority_process, setpriority_process};
use tokio::runtime::{Builder, Handle, Runtime};

/// By how much a thread is nicer than those of its process, as the kernel counts it, up to its limit.
const NICER: i32 = 5;
const NICEST: i32 = 19;

/// A runtime with such threads. Its tasks end with it.
pub(crate) struct LowPriority {
    handle: Handle,
    /// Always there until the end.
    runtime: Option<Runtime>,
}

impl LowPriority {
    pub(crate) fn start() -> io::Result<Self> {
        // Asked here: a thread that such a thread starts has its priority already.
        let nice = lower_priority();
        let runtime =
            Builder::new_multi_thread().enable_all().on_thread_start(move || give_way(nice)).build()?;
        let handle = runtime.handle().clone();
        Ok(Self { handle, runtime: Some(runtime) })
    }

    /// Where to spawn.
    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Drop for LowPriority {
    fn drop(&mut self) {
        // Waiting for the threads is forbidden inside of another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The priority of such a thread; none where it can't be set for a thread.
fn lower_priority() -> Option<i32> {
    // Elsewhere it would be of the whole process.
    let own = if cfg!(target_os = "linux") { getpriority_process(None).ok() } else { None };
    own.map(|own| (own + NICER).min(NICEST))
}

fn give_way(nice: Option<i32>) {
    if let Some(Err(error)) = nice.map(|nice| setpriority_process(None, nice)) {
        tracing::debug!(%error, "threads have the same priority");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn its_threads_give_way_and_others_do_not() {
        let own = getpriority_process(None).expect("a thread has a priority");
        let low_priority = LowPriority::start().expect("threads can be started");
        let theirs = low_priority.handle().spawn(async { getpriority_process(None) }).await;
        let blocking = low_priority
            .handle()
            .spawn(async { tokio::task::spawn_blocking(|| getpriority_process(None)).await })
            .await;
        let blocking = blocking.expect("nothing panics");
        for nice in [theirs, blocking] {
            let nice = nice.expect("nothing panics").expect("a thread has a priority");
            assert_eq!(nice, (own + NICER).min(NICEST));
        }
        assert_eq!(getpriority_process(None).expect("a thread has a priority"), own);
    }
}
