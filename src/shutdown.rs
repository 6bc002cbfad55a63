//! The one place that touches signals.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// What the exit code is made of when a second signal ends the process at once.
const SIGNALLED: i32 = 128;

/// A token that the first SIGTERM, SIGINT or SIGHUP cancels. The second ends the process at once: what ran comes again when its
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
        std::process::exit(SIGNALLED + number(name));
    });
    stop
}

fn number(name: &str) -> i32 {
    match name {
        "SIGHUP" => 1,
        "SIGINT" => 2,
        _ => 15,
    }
}

#[cfg(unix)]
async fn signal() -> &'static str {
    use tokio::signal::unix::{SignalKind, signal};
    // A terminal that is closed hangs up, and so does who wants a configuration read again; that is a start anew.
    let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
    let [Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)] = kinds.map(signal) else {
        tracing::error!("signals can't be listened to: stop the process by kill -9");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
        _ = hangup.recv() => "SIGHUP",
    }
}

#[cfg(not(unix))]
async fn signal() -> &'static str {
    if tokio::signal::ctrl_c().await.is_err() {
        return std::future::pending().await;
    }
    "SIGINT"
}
