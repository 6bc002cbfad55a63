//! All log lines above debug, of all tests together. Tests find theirs by names that only they have.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing_subscriber::filter::LevelFilter;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Begins to capture, if that hasn't been done.
pub(super) fn capture() {
    // It fails from the second time on: there is one for all.
    let _ = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::INFO)
        .with_ansi(false)
        .with_writer(|| Writer)
        .try_init();
}

/// The lines that contain this.
pub(super) fn lines_with(text: &str) -> Vec<String> {
    let all = String::from_utf8_lossy(&lines()).into_owned();
    all.lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
}

fn lines() -> MutexGuard<'static, Vec<u8>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lines().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
