//! A network in front of a server, which the test can hold: what goes to the server, or what comes from it. In front of several,
//! connections go to them in turn, and past those that are gone.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Forwards every connection; gone with the test's runtime.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    /// Whether bytes to the server wait.
    requests: Arc<watch::Sender<bool>>,
    /// Whether bytes from the server wait.
    answers: Arc<watch::Sender<bool>>,
}

impl Proxy {
    pub(crate) async fn start(to_port: u16) -> Self {
        Self::before(vec![to_port]).await
    }

    pub(crate) async fn before(ports: Vec<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port can be bound");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        let held = || Arc::new(watch::Sender::new(false));
        let proxy = Self { port, requests: held(), answers: held() };
        let this = proxy.clone();
        tokio::spawn(async move {
            for turn in 0.. {
                let Ok((client, _)) = listener.accept().await else { return };
                // All are gone: the client sees its connection close.
                let Some(server) = connect(&ports, turn).await else { continue };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(forward(from_client, to_server, this.requests.subscribe()));
                tokio::spawn(forward(from_server, to_client, this.answers.subscribe()));
            }
        });
        proxy
    }

    /// From now on nothing reaches the server; what was sent arrives when this ends.
    pub(crate) fn hold_requests(&self, hold: bool) {
        self.requests.send_replace(hold);
    }

    /// From now on nothing comes back from the server.
    pub(crate) fn hold_answers(&self, hold: bool) {
        self.answers.send_replace(hold);
    }
}

/// To the server whose turn it is, or to the next that is there.
async fn connect(ports: &[u16], turn: usize) -> Option<TcpStream> {
    for n in 0..ports.len() {
        let address = SocketAddr::from(([127, 0, 0, 1], ports[(turn + n) % ports.len()]));
        if let Ok(server) = TcpStream::connect(address).await {
            return Some(server);
        }
    }
    None
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut held: watch::Receiver<bool>) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else { return };
        if held.wait_for(|held| !held).await.is_err() || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
