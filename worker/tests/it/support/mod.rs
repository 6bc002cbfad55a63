//! What the tests share.
//!
//! A [`Stage`] is one test's world: a queue, a pretend WeChat, an account and users with names of their own. Its
//! [`Stage::finish`] must be called, and checks what must hold after every test: nothing is left in the queue, nothing
//! is dead but what the test names, the queue's invariant holds, and no log line has a secret or a whole OpenID in it.

mod backend;
#[cfg(feature = "sql")]
pub(crate) mod database;
mod handlers;
mod logs;
mod process;
mod queue;
mod stage;

use std::fmt::Debug;
use std::time::{Duration, Instant};

use huixin_queue::Clock;
use huixin_queue::prelude::*;
use huixin_queue::redis::{RedisQueue, RedisSettings};
use huixin_worker::WorkerHealth;

pub(crate) use backend::{Answer, Asked, Backend};
pub(crate) use handlers::{Gate, act, echo, text};
pub(crate) use process::Process;
pub(crate) use queue::{Call, Renewing, Tampered};
pub(crate) use stage::{Left, Stage};

/// Far longer than anything takes; only a failing test waits for it.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// The lease of workers unless a test says otherwise.
pub(crate) const LEASE: Duration = Duration::from_secs(2);

const DEDUP_WINDOW: Duration = Duration::from_secs(3600);

/// Which queue a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Redis,
}

/// Makes a test for each engine of functions from [`Engine`] to a future.
macro_rules! on_both_engines {
    ($($name:ident)*) => {
        mod on_sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(crate::support::Engine::Sqlite).await;
                }
            )*
        }
        mod on_redis {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(crate::support::Engine::Redis).await;
                }
            )*
        }
    };
}
pub(crate) use on_both_engines;

/// Waits for something that has its own event, and says what if it doesn't come.
pub(crate) async fn within<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(SOON, future).await.unwrap_or_else(|_| panic!("not within {SOON:?}: {what}"))
}

/// Asks again and again until there is an answer: for what has no event.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(what, asking).await
}

/// Waits until a take of this worker has begun after now and has ended: it has looked, and left what it left.
pub(crate) async fn looked(health: &WorkerHealth) {
    // The first that ends may have begun before.
    for _ in 0..2 {
        let began = Instant::now();
        eventually("a take has ended", async || {
            let elapsed = began.elapsed();
            health.since_last_take().filter(|since| *since < elapsed)
        })
        .await;
    }
}

/// An error of a queue that is out of reach.
pub(crate) async fn an_outage() -> huixin_queue::QueueError {
    // A bound port that nobody listens at refuses every connection.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("redis://{}/0", socket.local_addr().unwrap());
    let settings = RedisSettings { url, prefix: "p".into(), dedup_window: DEDUP_WINDOW, clock: Clock::Store };
    let error = RedisQueue::open(&settings).unwrap().ping().await.unwrap_err();
    assert!(error.is_outage(), "{error:?}");
    error
}

/// Asserts that the list has these texts.
#[track_caller]
pub(crate) fn assert_texts<T: AsRef<str> + Debug>(texts: &[T], expected: &[&str]) {
    let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
    assert_eq!(texts, expected);
}
