//! What Redis and the network say, as the queue's errors.
//!
//! Everything that may pass by itself is an outage (OOM, READONLY, LOADING, NOREPLICAS, MISCONF, CLUSTERDOWN, a broken
//! connection): the caller waits and repeats. What a person must mend is a misconfiguration, with a hint. No error is ever a
//! lost lease: a script answers that.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use super::risks::EDITIONS;
use crate::QueueError;
use crate::error::Cause;

const PASSWORD: &str = "put the user and the password into the URL: redis://user:password@host:port/db";
const RIGHTS: &str = "give the user the queue's keys and commands, for the prefix `huixin`: \
    ACL SETUSER name ~{huixin:*}:* +@read +@write +@scripting +@connection +time -@dangerous +info +config|get";
/// How servers refuse that don't know our commands or scripts: other versions, rewrites of Redis, proxies.
const CANNOT: [&str; 5] = [
    "unknown command",
    "Unknown Redis command",
    "Error compiling script",
    "in script shebang",
    "undeclared key",
];
const CERTIFICATE: &str = "add the CA that signed it to this machine's certificates, or set SSL_CERT_FILE to a \
    file of CAs, which then applies to all connections of the process";

/// The error of a URL that can't be read.
pub(super) fn bad_url(place: &str, error: RedisError) -> QueueError {
    QueueError::misconfigured(
        place,
        "its URL can't be read",
        "write it as redis://user:password@host:6379/0",
        Some(Cause::new(error)),
    )
}

/// The error of a call at the store called `place`.
pub(super) fn translate(place: &str, error: RedisError) -> QueueError {
    let detail = error.to_string();
    let said = match error.kind() {
        ErrorKind::AuthenticationFailed => Some(("it refuses the password", PASSWORD)),
        ErrorKind::InvalidClientConfig => Some(("the URL can't be used", "check `url` under [queue]")),
        ErrorKind::Server(ServerErrorKind::NoPerm) => Some(("the user lacks a permission", RIGHTS)),
        _ if matches!(error.code(), Some("MOVED" | "ASK" | "CROSSSLOT")) => {
            Some(("it is a cluster node", EDITIONS))
        }
        // So Redis says of a key or a command that a script names itself.
        _ if detail.contains("The user executing the script can't") => {
            Some(("the user lacks a permission that its scripts need", RIGHTS))
        }
        _ if CANNOT.iter().any(|text| detail.contains(text)) => {
            Some(("it can't run the queue's scripts", EDITIONS))
        }
        _ if matches!(error.code(), Some("NOAUTH" | "WRONGPASS")) => {
            Some(("it refuses the password", PASSWORD))
        }
        _ if detail.contains("DB index is out of range") => {
            Some(("it has no such database", "use a smaller number after the / of the URL"))
        }
        // The TLS library gives only a text.
        _ if detail.contains("invalid peer certificate") => {
            Some(("its certificate is not trusted", CERTIFICATE))
        }
        _ => None,
    };
    match said {
        None if error.code() == Some("WRONGTYPE") => {
            QueueError::Damaged { place: place.to_owned(), problem: detail }
        }
        None => QueueError::unavailable(place, error),
        Some((problem, hint)) => QueueError::misconfigured(place, problem, hint, Some(Cause::new(error))),
    }
}

/// The error of a command that Redis refuses within a script, for good.
pub(super) fn refused(place: &str, refused: String) -> QueueError {
    let is_unknown = CANNOT.iter().any(|text| refused.contains(text));
    let (problem, hint) = if is_unknown {
        ("it can't run the queue's scripts", EDITIONS)
    } else {
        ("the user lacks a permission that its scripts need", RIGHTS)
    };
    QueueError::misconfigured(place, problem, hint, Some(Cause::new(refused)))
}

/// Whether to try another server now: a new connection may lead to it, this one doesn't.
pub(super) fn has_moved(error: &RedisError) -> bool {
    matches!(error.code(), Some("READONLY" | "MASTERDOWN" | "CLUSTERDOWN" | "MOVED" | "ASK"))
}
