//! The one place that touches signals.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// What the exit code is made of when a second signal ends the process at once.
const SIGNALLED: i32 = 128;

/// A token that the first SIGTERM or SIGINT cancels. The second ends the process at once: what ran comes again when its
/// lease runs out.
pub fn on_signals() -> CancellationToken {
    let stop = CancellationToken::new();
    let first = stop.clone();
    tokio::spawn(async move {
        let name = signal().await;
        tracing::info!(signal = name, "stopping; a second signal ends at once");
        first.cancel();
        let name = signal().await;
        tracing::warn!(signal = name, "ended at once");
        // Lets the line above reach its reader.
        tokio::time::sleep(Duration::from_millis(10)).await;
        std::process::exit(SIGNALLED + if name == "SIGINT" { 2 } else { 15 });
    });
    stop
}

#[cfg(unix)]
async fn signal() -> &'static str {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals can't be listened to: stop the process by kill -9");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}

#[cfg(not(unix))]
async fn signal() -> &'static str {
    if tokio::signal::ctrl_c().await.is_err() {
        return std::future::pending().await;
    }
    "SIGINT"
}
