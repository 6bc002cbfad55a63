//! What clients see of the ways out of the ordinary.

use std::future::pending;

use axum::Extension;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

use super::*;

async fn serve(connections: usize, routes: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(until_with(listener, routes, pending(), connections));
    address
}

async fn ask(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes()).await.unwrap();
    stream
}

/// Tells when it is dropped.
struct Dropped(mpsc::UnboundedSender<()>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.send(()).unwrap();
    }
}

#[tokio::test]
async fn a_request_whose_client_leaves_is_dropped_where_it_waits() {
    let (began, mut begun) = mpsc::unbounded_channel();
    let (dropped, mut drops) = mpsc::unbounded_channel();
    let waits = move || {
        let guard = Dropped(dropped.clone());
        began.send(()).unwrap();
        async move {
            pending::<()>().await;
            drop(guard);
        }
    };
    let address = serve(8, Router::new().route("/", get(waits))).await;
    let stream = ask(address, "/").await;
    begun.recv().await.unwrap();
    assert!(drops.try_recv().is_err());
    drop(stream);
    drops.recv().await.unwrap();
}

#[tokio::test]
async fn a_request_that_is_left_unanswered_ends_its_connection_without_a_byte() {
    let address = serve(8, Router::new().route("/", get(async || unanswered()))).await;
    let mut bytes = Vec::new();
    ask(address, "/").await.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes, b"");
}

#[tokio::test]
async fn a_request_that_gives_its_permit_back_lets_another_connection_in() {
    let (began, mut begun) = mpsc::unbounded_channel();
    let waits = move |Extension(peer): Extension<Peer>| {
        peer.give_permit_back();
        began.send(()).unwrap();
        pending::<()>()
    };
    let routes = Router::new().route("/", get(waits)).route("/quick", get(async || "quick"));
    let address = serve(1, routes).await;
    let _open = ask(address, "/").await;
    begun.recv().await.unwrap();
    let mut quick = ask(address, "/quick").await;
    let mut bytes = vec![0; 12];
    quick.read_exact(&mut bytes).await.unwrap();
    assert_eq!(bytes, b"HTTP/1.1 200");
}
