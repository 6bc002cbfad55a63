//! Where processes listen.
//!
//! A port is fixed, so that it is known beforehand who answers there: a receiver and a worker have one each for operators, and a
//! second worker on the same machine is given another. Rejected: the next free port for everything, under which a worker that
//! starts first has the receiver's port. Only `dev` moves on, which a person started and which prints its addresses.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::report::Failure;

/// How many ports above a taken one are tried.
const PORTS_TRIED: u16 = 31;

/// What a process listens for.
#[derive(Clone, Copy, Debug)]
pub struct Purpose {
    what: &'static str,
    /// How its address is given: by keys and flags.
    given_by: &'static str,
    /// What else to say where another process has the port.
    if_taken: &'static str,
}

/// WeChat's pushes.
pub const PUSHES: Purpose =
    Purpose { what: "pushes", given_by: "`receiver.listen` or --listen", if_taken: "" };
/// Operators.
pub const OPERATORS: Purpose = Purpose {
    what: "operators",
    given_by: "`admin.listen` or --admin-listen",
    if_taken: "; a second worker on this machine needs a port of its own: --admin-listen 127.0.0.1:9602, or port 0 for any \
               that is free",
};
/// Answers by call back.
pub const ANSWERS: Purpose =
    Purpose { what: "answers by call back", given_by: "`callback.listen`", if_taken: "" };
/// The page of the pretend WeChat.
pub const PAGE: Purpose = Purpose { what: "the chat page", given_by: "--listen", if_taken: "" };

impl Purpose {
    /// What to do when the address can't be had.
    fn remedy(self, error: &std::io::Error) -> String {
        let Self { given_by, if_taken, .. } = self;
        match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                format!(
                    "another process has the port: stop it, or set another port with {given_by}{if_taken}"
                )
            }
            std::io::ErrorKind::AddrNotAvailable => {
                format!(
                    "this machine doesn't have this address: set one of its own with {given_by}, or 0.0.0.0 for all"
                )
            }
            std::io::ErrorKind::PermissionDenied => {
                format!("this user may not listen on this port: set a port above 1023 with {given_by}")
            }
            _ => format!("set another address with {given_by}"),
        }
    }

    /// Whether the address could be had now.
    ///
    /// # Errors
    /// What is wrong, what to do, and whether the address is only taken, perhaps by the process that is asked about.
    pub fn probe(self, address: SocketAddr) -> Result<(), (String, String, bool)> {
        std::net::TcpListener::bind(address).map(drop).map_err(|error| {
            let is_taken = error.kind() == std::io::ErrorKind::AddrInUse;
            let problem = format!("the address `{address}` for {}: {error}", self.what);
            (problem, self.remedy(&error), is_taken)
        })
    }
}

/// Listens at `address`; if the port is taken and `may_move`, at the next free one of the 31 above it.
///
/// # Errors
/// When no port can be had.
pub async fn listen(purpose: Purpose, address: SocketAddr, may_move: bool) -> Result<TcpListener, Failure> {
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
    let error = refused.unwrap_or_else(|| std::io::ErrorKind::AddrInUse.into());
    let hint = match last > address.port() && error.kind() == std::io::ErrorKind::AddrInUse {
        true => format!(
            "ports {} to {last} are taken: free one, or set another with {}",
            address.port(),
            purpose.given_by
        ),
        false => purpose.remedy(&error),
    };
    let error =
        anyhow::Error::from(error).context(format!("cannot listen on `{address}` for {}", purpose.what));
    Err(Failure::from(error).with_hint(hint))
}
