//! A network that can be broken: a proxy on loopback in front of a server.
//!
//! Killing a server closes its connections, and everybody hears of it. A firewall that forgets a connection, or a peer whose
//! cable is pulled, is worse: nothing is said any more, and nothing is closed.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes connections on to a port of this machine, until that is changed. It lives as long as its runtime.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
}

/// Connections have numbers from 1, in the order in which they came.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    came: u64,
    /// Connections up to this one say nothing any more.
    silent: u64,
    /// Connections up to this one are closed.
    cut: u64,
}

/// What the server says, and what its client hears instead: of the same length.
type Lie = Option<(&'static str, &'static str)>;

impl Proxy {
    /// Starts one in front of this port.
    ///
    /// # Panics
    /// When no loopback port can be had.
    pub async fn to(port: u16) -> Self {
        Self::start(port, None).await
    }

    /// Starts one that also replaces a word of the server's by another of the same length.
    ///
    /// # Panics
    /// As [`Self::to`], and when the lengths differ.
    pub async fn lying(port: u16, word: &'static str, instead: &'static str) -> Self {
        assert_eq!(word.len(), instead.len(), "the answer must keep its length");
        assert_ne!(word, instead, "or it is no lie");
        Self::start(port, Some((word, instead))).await
    }

    async fn start(port: u16, lie: Lie) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port can be bound");
        let address = listener.local_addr().expect("a bound listener has an address");
        let state = Arc::new(watch::Sender::new(State::default()));
        let of_all = state.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                of_all.send_modify(|state| state.came += 1);
                let (number, state) = (of_all.borrow().came, of_all.subscribe());
                tokio::spawn(pass(client, port, number, state, lie));
            }
        });
        Self { address, state }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a Redis behind it, database 0.
    pub fn redis_url(&self) -> String {
        format!("redis://{}/0", self.address)
    }

    /// The connections that are there now say nothing more, in neither direction, and stay open; new ones work.
    pub fn silence(&self) {
        self.state.send_modify(|state| state.silent = state.came);
    }

    /// New connections too are taken, and say nothing.
    pub fn silence_all(&self) {
        self.state.send_modify(|state| state.silent = u64::MAX);
    }

    /// Ends what [`Self::silence_all`] began, for new connections.
    pub fn speak(&self) {
        self.state.send_modify(|state| state.silent = state.came);
    }

    /// Closes the connections that are there now; new ones work.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.cut = state.came);
    }
}

async fn pass(client: TcpStream, port: u16, number: u64, state: watch::Receiver<State>, lie: Lie) {
    let cut = || until(state.clone(), move |state| state.cut >= number);
    let silenced = until(state.clone(), move |state| state.silent >= number);
    let talk = async {
        let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::select! {
            () = copy(from_client, to_server, None) => {}
            () = copy(from_server, to_client, lie) => {}
        }
    };
    tokio::pin!(talk);
    tokio::select! {
        biased;
        () = cut() => {}
        // Its sockets stay open, in `talk`, which isn't polled any more.
        () = silenced => cut().await,
        () = &mut talk => {}
    }
}

async fn until(mut state: watch::Receiver<State>, is_so: impl FnMut(&State) -> bool) {
    // The proxy's owner may go before its connections: they go on as they are.
    if state.wait_for(is_so).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Copies until one side closes.
async fn copy(mut from: tokio::net::tcp::OwnedReadHalf, mut to: tokio::net::tcp::OwnedWriteHalf, lie: Lie) {
    let mut buffer = vec![0_u8; 64 * 1024];
    loop {
        let read = match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => &mut buffer[..read],
        };
        if let Some((word, instead)) = lie {
            while let Some(at) = read.windows(word.len()).position(|bytes| bytes == word.as_bytes()) {
                read[at..at + word.len()].copy_from_slice(instead.as_bytes());
            }
        }
        if to.write_all(read).await.is_err() {
            return;
        }
    }
}
