//! Serves HTTP until told to stop, within bounds.
//!
//! A listener on the Internet meets clients that open a connection and say nothing, or a byte a minute. So the head of a
//! request must come within seconds, and only so many connections are served at once: the next ones wait in the kernel.
//! After the stop, requests under way may finish, but not for ever.
//!
//! What is served is mostly a [`Router`]. A path that is asked for all day may have its own way past it ([`Routes`]).
//!
//! A request whose client leaves is dropped where it waits. A handler that waits for long on purpose has two ways out of the
//! ordinary: it gives its connection's permit back ([`Peer`]), and it may leave the request without a response
//! ([`unanswered`]).

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::Response;
use futures::future::{BoxFuture, Map};
use futures::{FutureExt as _, StreamExt as _};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_service::Service as _;

/// Connections at once at most. Each holds a few KiB and a file descriptor.
const CONNECTIONS_MAX: usize = 8192;
/// How long the head of a request may take, from the connection or the answer before: idle connections end by it too.
const HEAD_WITHIN: Duration = Duration::from_secs(15);
/// How long requests under way may take after the stop.
const FINISH_WITHIN: Duration = Duration::from_secs(8);
/// How much of a body that is refused is read all the same.
const DISCARDED_MAX_BYTES: usize = 8 * 1024 * 1024;
/// The pause after a connection could not be accepted, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `routes` on `listener` until `shutdown` is done, and lets requests under way finish for some seconds. Handlers
/// find in a request's extensions their [`Peer`].
///
/// # Errors
/// When the listener fails for good.
pub(crate) async fn until(
    listener: TcpListener,
    routes: impl Routes,
    shutdown: impl Future<Output = ()> + Send,
) -> std::io::Result<()> {
    until_with(listener, routes, shutdown, CONNECTIONS_MAX).await
}

async fn until_with(
    listener: TcpListener,
    routes: impl Routes,
    shutdown: impl Future<Output = ()> + Send,
    connections_max: usize,
) -> std::io::Result<()> {
    let connections = Arc::new(Semaphore::new(connections_max));
    let graceful = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = async {
            let permit = connections.clone().acquire_owned().await.expect("the semaphore is never closed");
            (listener.accept().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                let peer = Peer { address, permit: Arc::new(Mutex::new(Some(permit))) };
                let service = ConnectionService { routes: routes.clone(), peer: peer.clone() };
                let connection = graceful.watch(connection(stream, service));
                tokio::spawn(async move {
                    // What goes wrong on a connection concerns its client alone, who knows.
                    let _ = connection.await;
                    peer.give_permit_back();
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(FINISH_WITHIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("connections that did not end were cut");
    }
    Ok(())
}

fn connection<R: Routes>(
    stream: TcpStream,
    service: ConnectionService<R>,
) -> http1::Connection<TokioIo<TcpStream>, ConnectionService<R>> {
    // An answer is one small packet: waiting to fill it would cost more than everything else.
    let _ = stream.set_nodelay(true);
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .serve_connection(TokioIo::new(stream), service)
}

/// What answers requests.
pub(crate) trait Routes: Clone + Send + Sync + 'static {
    fn answer(&self, peer: &Peer, request: Request<Incoming>) -> BoxFuture<'static, Response>;
}

impl Routes for Router {
    fn answer(&self, peer: &Peer, mut request: Request<Incoming>) -> BoxFuture<'static, Response> {
        request.extensions_mut().insert(peer.clone());
        let answer = self.clone().call(request);
        Box::pin(answer.map(|response| response.unwrap_or_else(|never| match never {})))
    }
}

/// The client at the other end of a request's connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// The connection's place among those that are served at once.
    permit: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
}

impl Peer {
    /// Lets another connection in, since this request waits for long, within a limit of its own. Its response must then close
    /// the connection.
    pub(crate) fn give_permit_back(&self) {
        drop(self.permit.lock().take());
    }
}

/// A response that is none: the connection is cut instead, and the client learns that its request failed.
pub(crate) fn unanswered() -> Response {
    let mut response = Response::default();
    response.extensions_mut().insert(LeftUnanswered);
    response
}

/// The handler left the request without a response.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the request is left without a response")]
struct LeftUnanswered;

/// The routes, as one connection sees them.
struct ConnectionService<R> {
    routes: R,
    peer: Peer,
}

impl<R: Routes> Service<Request<Incoming>> for ConnectionService<R> {
    type Response = Response;
    type Error = LeftUnanswered;
    type Future = Map<BoxFuture<'static, Response>, fn(Response) -> Result<Response, LeftUnanswered>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.routes.answer(&self.peer, request).map(|response| {
            // hyper closes the connection of a service that fails.
            response.extensions().get().map_or(Ok(()), |unanswered: &LeftUnanswered| Err(*unanswered))?;
            Ok(response)
        })
    }
}

/// The text of a request's header.
pub(crate) fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// How long a body will be, if that is said.
pub(crate) fn announced(headers: &HeaderMap) -> Option<usize> {
    header(headers, header::CONTENT_LENGTH)?.parse().ok()
}

/// Reads on: a client that still writes when the connection closes sees a broken pipe and never the answer.
pub(crate) async fn discard(headers: &HeaderMap, body: Body, within: Duration) {
    if announced(headers).is_some_and(|bytes| bytes > DISCARDED_MAX_BYTES) {
        return;
    }
    let reading = async {
        let (mut chunks, mut bytes) = (body.into_data_stream(), 0);
        while let Some(Ok(chunk)) = chunks.next().await {
            bytes += chunk.len();
            if bytes > DISCARDED_MAX_BYTES {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(within, reading).await;
}

#[cfg(test)]
mod tests;
