//! Log lines: for people or for programs, on standard error.
//!
//! `info` is one line per event in the life of a process, and one per message that a worker ends; `HUIXIN_LOG` raises it (`debug`, or
//! `huixin_worker=debug` for one part). Message texts and secrets are never logged above debug.

use std::io::IsTerminal as _;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt, registry};

use crate::cli::LogFormat;
use crate::traces::Traces;

/// Starts logging for the rest of the process, and the collection of spans for traces: by `HUIXIN_LOG`, or by the given filter
/// without it. One that can't be read is logged and replaced by that.
pub fn start(format: LogFormat, otherwise: &'static str, traces: Option<&Traces>) {
    let wanted = std::env::var("HUIXIN_LOG").unwrap_or_else(|_| otherwise.to_owned());
    let (filter, problem) = match EnvFilter::try_new(&wanted) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new(otherwise), Some(error.to_string())),
    };
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Human => {
            let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            lines.with_ansi(colour).with_target(false).boxed()
        }
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let started = match traces {
        // A filter of each one's own costs more than one for all.
        None => registry().with(lines).with(filter).try_init(),
        Some(traces) => registry().with(lines.with_filter(filter)).with(traces.layer()).try_init(),
    };
    if started.is_ok()
        && let Some(problem) = problem
    {
        tracing::error!(problem, otherwise, "HUIXIN_LOG is not valid, and is not used");
    }
}

/// Logs a panic by its place. Its words are for debugging only: a panic over a text may quote the user.
///
/// The standard library also panics when nobody reads standard output any more (`| head`): then the process is done.
pub fn shorten_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let said = panic.payload().downcast_ref::<String>();
        if said
            .is_some_and(|said| said.starts_with("failed printing to stdout") && said.contains("os error 32"))
        {
            std::process::exit(0);
        }
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a panic; HUIXIN_LOG=debug shows what it says");
        tracing::debug!(place, says = %panic, "a panic");
    }));
}
