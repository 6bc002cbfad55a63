//! What a person sees when a command fails: the thing that failed, its causes, what to do, and an exit code.
//!
//! ```text
//! error: cannot reach the queue at `redis://127.0.0.1:6379`
//!   caused by: connection refused (os error 111)
//!
//! hint: start Redis, or …
//! ```
//!
//! Problems of a configuration have an `error:` line and a hint each, since they are mended one by one. There are no
//! colours: the words carry the meaning, also in the log of a container.

use std::fmt::Write;

use huixin_queue::QueueError;
use huixin_queue::spool::SpoolError;

use crate::config::ConfigErrors;
use crate::receiver::SpoolLeft;

/// What to do about a spool that is not empty.
const SPOOL_LEFT: &str = "start a receiver with this folder again, or run `huixin spool drain`; what is quarantined, `huixin spool status` shows";

/// Why a command ended, ready to be shown.
#[derive(Debug)]
pub struct Failure {
    /// What failed, with its causes.
    pub error: anyhow::Error,
    /// What to do about it.
    pub hint: Option<String>,
    /// What the process ends with.
    pub code: ExitCode,
}

/// What a command would do and hasn't done, since nobody has said yes: no error, and not done either.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotDone(pub String);

/// All exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// The command did what it was asked.
    Done = 0,
    /// The command failed, or wanted `--yes` first.
    Failed = 1,
    /// The command line was wrong; clap's own.
    Usage = 2,
    /// The receiver has stopped, and its spool is not empty.
    SpoolLeft = 3,
    /// No route takes the message that was asked about.
    NoRoute = 4,
    /// The configuration is wrong.
    Config = 64,
}

impl Failure {
    /// A failed operation, in one sentence: exit code 1.
    pub fn failed(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: ExitCode::Failed, ..Self::config(message, hint) }
    }

    /// A wrong configuration, in one sentence: exit code 64.
    pub fn config(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { error: anyhow::Error::msg(message.into()), hint: Some(hint.into()), code: ExitCode::Config }
    }

    /// The same with this hint.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Writes [`Failure::render`] to standard error.
    pub fn print(&self) {
        use std::io::Write;
        // Nobody is left to tell if standard error is closed.
        let _ = std::io::stderr().write_all(self.render().as_bytes());
    }

    /// The whole text, with a newline at its end.
    pub fn render(&self) -> String {
        if let Some(NotDone(text)) = self.error.downcast_ref() {
            return format!("{text}\n");
        }
        let config = self.error.chain().find_map(|error| error.downcast_ref::<ConfigErrors>());
        let mut text = config.map_or_else(|| render_chain(&self.error), render_problems);
        if let Some(hint) = &self.hint {
            line(&mut text, format_args!("\nhint: {hint}"));
        }
        text
    }
}

/// Every error becomes a failure by `?`; the hint and the exit code are found in its chain of causes.
impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        let queue = error.chain().find_map(|cause| cause.downcast_ref::<QueueError>());
        let spool = error.chain().find_map(|cause| cause.downcast_ref::<SpoolError>());
        let misconfigured =
            matches!(queue, Some(QueueError::Misconfigured { .. } | QueueError::InUse { .. }))
                || matches!(spool, Some(SpoolError::Unusable { .. }))
                || error.is::<ConfigErrors>();
        let left = error.is::<SpoolLeft>().then_some(SPOOL_LEFT);
        let hint =
            queue.and_then(QueueError::hint).or(spool.and_then(SpoolError::hint)).or(left).map(str::to_owned);
        let code = match (misconfigured, left) {
            (true, _) => ExitCode::Config,
            (false, Some(_)) => ExitCode::SpoolLeft,
            (false, None) => ExitCode::Failed,
        };
        Self { error, hint, code }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

fn render_chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    line(&mut text, format_args!("error: {}", sentence(&error.to_string())));
    let mut last = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // Many libraries repeat their source in their own text.
        if !last.contains(&cause) {
            line(&mut text, format_args!("  caused by: {}", sentence(&cause)));
            last = cause;
        }
    }
    text
}

fn render_problems(errors: &ConfigErrors) -> String {
    let mut text = String::new();
    for problem in &errors.0 {
        line(&mut text, format_args!("error: {problem}"));
        if let Some(hint) = &problem.hint {
            line(&mut text, format_args!("  hint: {hint}"));
        }
    }
    text
}

/// The text as part of a line that has begun: lower case unless it begins with a name, no full stop, further lines
/// indented.
fn sentence(text: &str) -> String {
    let text = text.trim().trim_end_matches('.').replace('\n', "\n    ");
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        // `Connection refused`, but not `TLS handshake`.
        (Some(first), Some(second))
            if first.is_uppercase() && second.is_lowercase() && !starts_with_a_name(&text) =>
        {
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        _ => text,
    }
}

fn starts_with_a_name(text: &str) -> bool {
    ["Redis", "WeChat", "Huixin", "Valkey"].iter().any(|name| text.starts_with(name))
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing into a string never fails");
}

#[cfg(test)]
mod tests {
    use anyhow::Context;
    use insta::assert_snapshot;

    use super::*;
    use crate::config::{Config, ConfigSource, Role};

    fn refused() -> std::io::Error {
        std::io::Error::from_raw_os_error(111)
    }

    #[derive(Debug, thiserror::Error)]
    #[error("request failed: {0}")]
    struct Repeating(#[source] std::io::Error);

    #[test]
    fn an_error_is_shown_with_its_causes_and_its_hint() {
        let error =
            anyhow::Error::new(refused()).context("cannot reach the queue at `redis://127.0.0.1:6379`");
        let failure = Failure::from(error).with_hint("start Redis, or use `huixin run`");
        assert_eq!(failure.code, ExitCode::Failed);
        assert_snapshot!(failure.render(), @"
        error: cannot reach the queue at `redis://127.0.0.1:6379`
          caused by: connection refused (os error 111)

        hint: start Redis, or use `huixin run`
        ");
    }

    #[test]
    fn a_cause_that_its_parent_repeats_is_shown_once() {
        let error = anyhow::Error::new(Repeating(refused())).context("Cannot send the reply.");
        assert_snapshot!(Failure::from(error).render(), @"
        error: cannot send the reply
          caused by: request failed: Connection refused (os error 111)
        ");
    }

    #[test]
    fn a_queue_error_brings_its_own_hint_and_code() {
        let queue = QueueError::Misconfigured {
            place: "redis://127.0.0.1:6379".to_owned(),
            problem: "it keeps no append-only file".to_owned(),
            hint: "redis-cli config set appendonly yes".to_owned(),
            cause: None,
        };
        let failure = Failure::from(Err::<(), _>(queue).context("cannot start the worker").unwrap_err());
        assert_eq!(failure.code, ExitCode::Config);
        assert_snapshot!(failure.render(), @"
        error: cannot start the worker
          caused by: the queue at redis://127.0.0.1:6379 can't be used: it keeps no append-only file

        hint: redis-cli config set appendonly yes
        ");
    }

    #[test]
    fn each_problem_of_a_configuration_has_its_own_line_and_hint() {
        let text = "[worker]\nconcurency = 1\nlease = 15\n[account.main]\napp_id = 'wx1'\napp_secret = 's'\ntoken = 't'";
        let source = ConfigSource::from_text("huixin.toml", text);
        let failure = Failure::from(Config::load(&source, Role::Run).unwrap_err());
        assert_eq!(failure.code, ExitCode::Config);
        assert_snapshot!(failure.render(), @r#"
        error: huixin.toml:2: `worker.concurency` is not a known key
          hint: did you mean `concurrency`?
        error: huixin.toml:3: `worker.lease` needs a unit: ms, s, m or h
          hint: write "15s"
        "#);
    }

    #[test]
    fn names_and_abbreviations_keep_their_capitals() {
        assert_eq!(sentence("TLS handshake failed."), "TLS handshake failed");
        assert_eq!(sentence("Redis is loading"), "Redis is loading");
        assert_eq!(sentence("No such file"), "no such file");
    }
}
