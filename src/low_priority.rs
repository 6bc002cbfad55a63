//! Threads that give way to others of the same process.
//!
//! A push must be acked within WeChat's five seconds, and an answer takes as long as it takes. So when both are the work of
//! one process and it has more to do than processors, the acks go first, and the answers get what is left: at least a tenth.
//! Only what has no deadline belongs here: leases are renewed on a thread of their own.
//!
//! Rejected: fewer threads for the answers, which would leave processors idle when nothing is pushed; a limit on takes while
//! pushes come, which would have to guess how busy the machine is.

use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

/// By how much a thread is nicer than others, as the kernel counts it.
const NICE: i32 = 10;

/// A runtime with such threads. Its tasks end with it.
pub(crate) struct LowPriority {
    handle: Handle,
    /// Always there until the end.
    runtime: Option<Runtime>,
}

impl LowPriority {
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().enable_all().on_thread_start(give_way).build()?;
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

/// On Linux this is of the calling thread; elsewhere it would be of the whole process.
#[cfg(target_os = "linux")]
fn give_way() {
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::debug!(%error, "threads have the same priority");
    }
}

#[cfg(not(target_os = "linux"))]
fn give_way() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[tokio::test]
    async fn its_threads_give_way_and_others_do_not() {
        let own = getpriority_process(None).expect("a thread has a priority");
        let low_priority = LowPriority::start().expect("threads can be started");
        let theirs = low_priority.handle().spawn(async { getpriority_process(None) }).await;
        let theirs = theirs.expect("nothing panics").expect("a thread has a priority");
        assert_eq!(theirs, (own + NICE).min(19));
        assert_eq!(getpriority_process(None).expect("a thread has a priority"), own);
    }
}
