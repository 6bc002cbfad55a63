//! How many files and sockets this process may have open.
//!
//! Most systems start a process with a soft limit of 1,024, for programs from the time of `select`, and allow it to ask for
//! more. A worker whose thousand handlers wait for a service needs as many sockets, and a receiver one for each connection.
//! So the soft limit is raised as far as is allowed, once, at the start. That needs no setting: the system sets the hard
//! limit (`LimitNOFILE=`, `ulimit -Hn`). Windows has no such limit.

/// Raises the soft limit to the hard one. Where that is refused the old one stays.
pub fn raise() {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::debug!(%error, "the limit of open files could not be raised");
    }
}
