//! The one place that touches signals.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// A process that a signal ends at once exits by convention with this plus the signal's number.
const SIGNALLED: i32 = 128;

/// A signal's name, and its number.
type Signal = (&'static str, i32);

/// A token that the first SIGTERM, SIGINT or SIGHUP cancels, on Windows Ctrl-C, Ctrl-Break or the end of the console or the
/// system. The second ends the process at once: what ran comes again when its lease runs out.
pub fn on_signals() -> CancellationToken {
    let stop = CancellationToken::new();
    let first = stop.clone();
    tokio::spawn(async move {
        let (name, _) = signal().await;
        tracing::info!(signal = name, "stopping; a second signal stops at once");
        first.cancel();
        let (name, number) = signal().await;
        tracing::warn!(signal = name, "ended at once");
        // Lets the line above reach its reader.
        tokio::time::sleep(Duration::from_millis(10)).await;
        std::process::exit(SIGNALLED + number);
    });
    stop
}

#[cfg(unix)]
async fn signal() -> Signal {
    use tokio::signal::unix::{SignalKind, signal};
    // A closed terminal sends a hangup, and so does somebody who wants the configuration read again, which takes a new start.
    let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
    let [Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)] = kinds.map(signal) else {
        tracing::error!("can't listen for signals: stop the process with kill -9");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => ("SIGTERM", 15),
        _ = interrupt.recv() => ("SIGINT", 2),
        _ = hangup.recv() => ("SIGHUP", 1),
    }
}

#[cfg(windows)]
async fn signal() -> Signal {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};
    let (Ok(mut c), Ok(mut break_), Ok(mut close), Ok(mut shutdown)) =
        (ctrl_c(), ctrl_break(), ctrl_close(), ctrl_shutdown())
    else {
        tracing::error!("can't listen for signals: stop the process with taskkill /F");
        return std::future::pending().await;
    };
    // Not `ctrl_logoff`, which a service hears for every user that logs off.
    tokio::select! {
        _ = c.recv() => ("Ctrl-C", 2),
        _ = break_.recv() => ("Ctrl-Break", 15),
        // Some seconds after either of these Windows ends the process, whatever `grace` says.
        _ = close.recv() => ("close", 15),
        _ = shutdown.recv() => ("shutdown", 15),
    }
}
