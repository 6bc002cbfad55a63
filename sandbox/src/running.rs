//! A sandbox that serves itself on a port of its own until it is dropped, for tests.

use std::io;

use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use crate::{Sandbox, SandboxConfig, run};

/// A sandbox on a random port of 127.0.0.1. Dropping it stops the server.
#[derive(Debug)]
pub struct RunningSandbox {
    /// The sandbox.
    pub sandbox: Sandbox,
    /// Where it is served, for example `http://127.0.0.1:40123/`: the `api_base` of a worker, and the page.
    pub base_url: Url,
    /// Tells the server to stop when dropped.
    stop: DropGuard,
    server: JoinHandle<io::Result<()>>,
}

impl RunningSandbox {
    /// Starts a new sandbox with these settings.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(config: SandboxConfig) -> io::Result<RunningSandbox> {
        RunningSandbox::serve(Sandbox::new(config)).await
    }

    /// Serves this sandbox, which may have been served before.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn serve(sandbox: Sandbox) -> io::Result<RunningSandbox> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base_url = format!("http://{}/", listener.local_addr()?);
        let base_url = Url::parse(&base_url).map_err(io::Error::other)?;
        let stopping = CancellationToken::new();
        let server = tokio::spawn(run(listener, sandbox.clone(), stopping.clone().cancelled_owned()));
        Ok(RunningSandbox { sandbox, base_url, stop: stopping.drop_guard(), server })
    }

    /// Stops the server and waits until it has: no call is under way any more. The sandbox itself remains.
    ///
    /// # Errors
    /// When the server failed earlier.
    pub async fn stop(self) -> io::Result<Sandbox> {
        drop(self.stop);
        self.server.await.map_err(io::Error::other)??;
        Ok(self.sandbox)
    }
}
