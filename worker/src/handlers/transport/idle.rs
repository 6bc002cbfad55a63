//! Connections that wait for the next request to the same service.
//!
//! There are as many as were under way at once, which the worker's `concurrency` bounds. The one used last is reused first,
//! so those that aren't needed grow old and are closed. One that the service has closed is noticed when it is taken: no
//! task watches them in the meantime.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// A connection that nobody used for this long is closed.
const IDLE_MAX: Duration = Duration::from_secs(90);

/// The connections to one service that wait.
#[derive(Default)]
pub(super) struct IdleConnections(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    /// Each with the time since when it waits; the oldest first.
    streams: Vec<(TcpStream, Instant)>,
    /// A task runs that closes the old ones.
    swept: bool,
}

impl IdleConnections {
    /// One that the other side has not closed.
    pub(super) fn take(&self) -> Option<TcpStream> {
        let mut waiting = self.0.lock();
        waiting.close_old();
        loop {
            let (stream, _) = waiting.streams.pop()?;
            // Anything to read now would be the end, or an answer to nothing.
            match stream.try_read(&mut [0]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Some(stream),
                _ => {}
            }
        }
    }

    /// Keeps one for later.
    pub(super) fn put(&self, stream: TcpStream) {
        let mut waiting = self.0.lock();
        waiting.streams.push((stream, Instant::now()));
        if !std::mem::replace(&mut waiting.swept, true) {
            tokio::spawn(sweep(Arc::downgrade(&self.0)));
        }
    }
}

impl Waiting {
    fn close_old(&mut self) {
        let young = self.streams.partition_point(|(_, since)| since.elapsed() >= IDLE_MAX);
        self.streams.drain(..young);
    }
}

/// Closes what is old, until nothing is left or nobody asks any more.
async fn sweep(waiting: std::sync::Weak<Mutex<Waiting>>) {
    loop {
        tokio::time::sleep(IDLE_MAX / 3).await;
        let Some(waiting) = waiting.upgrade() else { return };
        let mut waiting = waiting.lock();
        waiting.close_old();
        if waiting.streams.is_empty() {
            waiting.streams = Vec::new();
            waiting.swept = false;
            return;
        }
    }
}
