//! The command `huixin`.

use clap::Parser as _;
use huixin::cli::Cli;
use huixin::{commands, logging, open_files};

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    logging::start(cli.global.log_format);
    logging::shorten_panics();
    open_files::raise();
    // One provider, chosen before any client exists: two in one process panic at the first TLS connection.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::warn!("a TLS provider was installed before ring");
    }
    match commands::run(cli) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            failure.code.into()
        }
    }
}
