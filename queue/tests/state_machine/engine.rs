//! The queue that is compared with the reference, and how it crashes.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use huixin_queue::prelude::*;
use huixin_queue::redis::{RedisQueue, RedisSettings};
use huixin_queue::sqlite::SqliteQueue;
use huixin_queue::testing::conformance::{DEDUP_WINDOW, LEASE};
use huixin_queue::testing::{RedisServer, ReferenceQueue};
use huixin_queue::{Clock, QueueError, TestClock};

use super::damage::{self, Ghosts};

/// How long something may take to be there again.
const PATIENCE: Duration = Duration::from_secs(20);

/// An engine with a fresh, empty queue.
pub(crate) enum Engine<'a> {
    Sqlite { path: PathBuf, clock: TestClock, queue: Option<SqliteQueue>, _folder: tempfile::TempDir },
    Redis { server: &'a mut RedisServer, queue: RedisQueue },
}

impl<'a> Engine<'a> {
    /// In a file of its own.
    pub(crate) fn sqlite(clock: &TestClock) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("queue.db");
        let mut engine = Self::Sqlite { path, clock: clock.clone(), queue: None, _folder: folder };
        engine.open_file();
        engine
    }

    /// On a server that nobody else uses, so that its audit has little to look through.
    pub(crate) fn redis(server: &'a mut RedisServer, clock: &TestClock) -> Self {
        server.cli(&["FLUSHALL"]);
        let queue = RedisQueue::open(&RedisSettings {
            url: server.url(),
            prefix: "test".to_owned(),
            dedup_window: DEDUP_WINDOW,
            clock: Clock::Test(clock.clone()),
        });
        Self::Redis { server, queue: queue.expect("the URL is right") }
    }

    pub(crate) fn queue(&self) -> &dyn Queue {
        match self {
            Self::Sqlite { queue, .. } => queue.as_ref().expect("it is open"),
            Self::Redis { queue, .. } => queue,
        }
    }

    /// The engine dies and comes back, with all that was acknowledged. The reference does what users must notice of that.
    pub(crate) async fn crash(&mut self, hard: bool, reference: &ReferenceQueue) {
        match self {
            Self::Sqlite { queue, .. } => {
                *queue = None;
                self.open_file();
                reference.reopen();
            }
            Self::Redis { server, .. } if !hard => {
                server.cli(&["SCRIPT", "FLUSH"]);
            }
            Self::Redis { server, queue } => {
                // With `everysec` a Redis keeps what it has acknowledged in its memory while its disk is
                // slow, for two seconds at most. That can't be tested away: here it writes before it dies.
                server.cli(&["CONFIG", "SET", "appendfsync", "always"]);
                server.kill();
                server.restart();
                // Its connections are gone; both have to find out. Serving is noted, so in the reference too.
                let deadline = Instant::now() + PATIENCE;
                while queue.ping().await.is_err() || queue.renew(&[], LEASE).await.is_err() {
                    assert!(Instant::now() < deadline, "the queue finds its Redis again");
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                reference.renew(&[], LEASE).await.expect("the reference never fails");
            }
        }
    }

    /// Something is written behind its back.
    pub(crate) fn damage(&self, lane: u8, kind: u8) {
        match self {
            Self::Sqlite { path, .. } => damage::sqlite(path, lane, kind),
            Self::Redis { server, .. } => damage::redis(server, lane, kind),
        }
    }

    /// Which of that damage stands where only a message's lane should, and how it is counted.
    pub(crate) fn ghosts(&self) -> Ghosts {
        match self {
            Self::Sqlite { path, .. } => Ghosts::in_file(path),
            Self::Redis { server, .. } => Ghosts::in_redis(server),
        }
    }

    fn open_file(&mut self) {
        if let Self::Sqlite { path, clock, queue, .. } = self {
            let open = || match SqliteQueue::open(path, DEDUP_WINDOW, Clock::Test(clock.clone())) {
                // Other tests start processes, and for a moment such a child has all files of its parent.
                Err(QueueError::InUse { .. }) => None,
                opened => Some(opened.expect("the file can be opened again")),
            };
            let deadline = Instant::now() + PATIENCE;
            while queue.is_none() {
                assert!(Instant::now() < deadline, "the file is free again");
                *queue = open();
                std::thread::yield_now();
            }
        }
    }
}
