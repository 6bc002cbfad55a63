//! Where a configuration comes from: a file, the environment, and flags, each stronger than the one before.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::{ConfigErrors, Problem, Role};

/// The file that is read when none is named.
pub const DEFAULT_FILE: &str = "huixin.toml";

/// The inputs of [`Config::load`](super::Config::load), already read. They hold secrets, so there is no `Debug`.
#[derive(Clone, Default)]
pub struct ConfigSource {
    /// The configuration file, if there is one.
    pub file: Option<ConfigFile>,
    /// Environment variables; those that don't begin with `HUIXIN_` are ignored.
    pub variables: Vec<(String, String)>,
    /// Values given by flags.
    pub overrides: Overrides,
}

/// A configuration file's name and content.
#[derive(Clone)]
pub struct ConfigFile {
    /// The file's name; paths in the text are relative to its folder.
    pub path: PathBuf,
    /// The TOML text.
    pub text: String,
}

/// Values that flags put above the file and the environment.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `queue.url`, by `--queue-url`.
    pub queue_url: Option<String>,
    /// `receiver.listen`, by `--listen`.
    pub receiver_listen: Option<SocketAddr>,
    /// `admin.listen`, by `--admin-listen`.
    pub admin_listen: Option<SocketAddr>,
    /// `worker.concurrency`, by `--concurrency`.
    pub worker_concurrency: Option<usize>,
}

impl ConfigSource {
    /// Reads the file and this process's environment. A file that was named must exist; without a name it is
    /// [`DEFAULT_FILE`], which `dev` and `sandbox` can do without.
    ///
    /// # Errors
    /// The file is missing or can't be read as UTF-8.
    pub fn read(named: Option<&Path>, role: Role, overrides: Overrides) -> Result<Self, ConfigErrors> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        let file = match std::fs::read_to_string(path) {
            // What some editors begin a file with.
            Ok(text) => {
                let text = text.trim_start_matches('\u{feff}').to_owned();
                Some(ConfigFile { path: path.to_owned(), text })
            }
            Err(error)
                if error.kind() == io::ErrorKind::NotFound && named.is_none() && !role.needs_file() =>
            {
                None
            }
            Err(error) => return Err(unreadable(path, &error)),
        };
        Ok(Self { file, variables: environment(), overrides })
    }

    /// A source of this text alone, as if read from `path`.
    pub fn from_text(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        let file = ConfigFile { path: path.into(), text: text.into() };
        Self { file: Some(file), ..Self::default() }
    }

    /// The folder that relative paths start from; empty for the current one.
    pub(super) fn folder(&self) -> &Path {
        self.file.as_ref().and_then(|file| file.path.parent()).unwrap_or(Path::new(""))
    }
}

fn environment() -> Vec<(String, String)> {
    // Not `vars()`: that panics when any variable of the process isn't UTF-8.
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
        .collect()
}

fn unreadable(path: &Path, error: &io::Error) -> ConfigErrors {
    let (message, hint) = match error.kind() {
        io::ErrorKind::NotFound => (
            "does not exist".to_owned(),
            Some(
                "write one with `huixin init`, name another with --config, or try `huixin dev`, which needs none",
            ),
        ),
        io::ErrorKind::InvalidData => ("is not UTF-8 text".to_owned(), None),
        _ => (format!("can't be read: {error}"), None),
    };
    let place = path.display().to_string();
    ConfigErrors(vec![Problem { place, message, hint: hint.map(str::to_owned), file: None, line: None }])
}
