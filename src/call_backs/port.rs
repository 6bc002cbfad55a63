//! The port for answers, which only one process of a machine can have.
//!
//! Receiver and workers of one machine share a configuration, so the second one finds the port taken, which is fine: any of
//! them takes answers for all. It goes on without the port, says so, and tries again, so that it takes over when the first
//! one stops. Rejected: sharing the port (`SO_REUSEPORT`), since two installations with the default port would then get
//! each other's answers half of the time, and nobody would hear of it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;

/// How often a port that is taken is tried again.
const TRY_EVERY: Duration = Duration::from_secs(2);

/// A place to listen.
#[derive(Debug)]
pub enum Port {
    /// It is ours.
    Ours(TcpListener),
    /// Another process has it.
    Taken(SocketAddr),
}

impl Port {
    /// Listens at `address`, unless another process does.
    ///
    /// # Errors
    /// When listening fails for another reason: this machine has no such address, or the port is not allowed.
    pub async fn at(address: SocketAddr) -> io::Result<Self> {
        match TcpListener::bind(address).await {
            Ok(listener) => Ok(Self::Ours(listener)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(Self::Taken(address)),
            Err(error) => Err(error),
        }
    }

    /// The listener, once the port is free.
    pub(super) async fn listener(self) -> TcpListener {
        let address = match self {
            Self::Ours(listener) => return listener,
            Self::Taken(address) => address,
        };
        tracing::warn!(
            %address,
            hint = "set `callback.listen = false` in processes that must not listen",
            "another process listens for answers by call back, which is fine if it belongs to this installation; \
             this one takes over when the port is free"
        );
        loop {
            tokio::time::sleep(TRY_EVERY).await;
            if let Ok(listener) = TcpListener::bind(address).await {
                tracing::info!(%address, "the port is free: answers by call back are received");
                return listener;
            }
        }
    }
}
