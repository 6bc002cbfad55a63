//! How many files and sockets this process may have open.
//!
//! Most systems start a process with a soft limit of 1,024, for programs from the time of `select`, and allow it to ask for
//! more. A worker whose thousand handlers wait for a service needs as many sockets, and a receiver one for each
//! connection. So the soft limit is raised as far as is allowed, once, at the start. That a process gets what it may have
//! is not worth a setting; what it may have is the system's to say (`LimitNOFILE=`, `ulimit -Hn`).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one. Where that is refused the old one stays.
pub fn raise() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::debug!(%error, ?current, ?maximum, "the limit of open files could not be raised");
    }
}
