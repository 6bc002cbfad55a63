//! Serves HTTP until told to stop, and then not for ever.

use std::future::Future;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long requests under way may take after the stop. A client that never finishes its request must not keep the
/// process alive.
const FINISH_WITHIN: Duration = Duration::from_secs(8);

/// Serves `routes` on `listener` until `shutdown` is done, and lets requests under way finish for some seconds.
///
/// # Errors
/// When the listener fails for good.
pub async fn until(
    listener: TcpListener,
    routes: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    // An answer is one small packet: waiting to fill it would cost more than everything else.
    let listener = listener.tap_io(|connection| {
        let _ = connection.set_nodelay(true);
    });
    let stopping = CancellationToken::new();
    let told = stopping.clone();
    let stop = async move {
        shutdown.await;
        told.cancel();
    };
    tokio::select! {
        served = axum::serve(listener, routes).with_graceful_shutdown(stop) => served,
        () = async { stopping.cancelled().await; tokio::time::sleep(FINISH_WITHIN).await } => {
            tracing::warn!("connections that did not end were cut");
            Ok(())
        }
    }
}
