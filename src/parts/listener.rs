//! Where processes listen.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::cli::Command;
use crate::report::Failure;

/// How many ports above a taken one are tried.
const PORTS_TRIED: u16 = 31;

/// Listens at `address`; if the port is taken and `may_move`, at the next free one of the 31 above it.
///
/// # Errors
/// When no port can be had.
pub async fn listen(what: &str, address: SocketAddr, may_move: bool) -> Result<TcpListener, Failure> {
    let last = if may_move && address.port() != 0 {
        address.port().saturating_add(PORTS_TRIED)
    } else {
        address.port()
    };
    let mut refused = None;
    for port in address.port()..=last {
        match TcpListener::bind(SocketAddr::new(address.ip(), port)).await {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => refused = Some(error),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    let error = refused.map_or_else(|| anyhow::anyhow!("no port was tried"), anyhow::Error::from);
    Err(Failure::from(error.context(format!("cannot listen on `{address}` for {what}"))).with_hint(
        match &last {
            last if *last > address.port() => {
                format!("ports {} to {last} are taken: free one of them", address.port())
            }
            _ => "another process has the port, or this machine has no such address".to_owned(),
        },
    ))
}

/// Whether a flag named the admin listener's address, which then must be that one.
pub fn names_admin(command: &Command) -> bool {
    command.overrides().admin_listen.is_some()
}
