//! `huixin init`: a first configuration, out of up to five answers.
//!
//! What it writes is loaded before it is written, so that a wrong answer is reported in the configuration's words. The
//! token and the key are made here, since their owner may choose them. The AppSecret, which WeChat makes, is not asked:
//! what is typed at a terminal or given by a flag stays in histories and process lists.

mod questions;
mod text;

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use anyhow::Context as _;

use crate::cli::{Cli, InitFlags};
use crate::config::{Config, ConfigErrors, ConfigSource, DEFAULT_FILE, Role};
use crate::report::Failure;

pub(super) fn init(cli: &Cli, flags: &InitFlags) -> Result<(), Failure> {
    let path = cli.global.config.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
    if path.exists() && !flags.force {
        return Err(Failure::failed(
            format!("`{}` already exists", path.display()),
            "replace it with --force, or name another file with --config",
        ));
    }
    let terminal = io::stdin().is_terminal();
    let answers = match terminal {
        true => questions::ask(flags, &mut io::stdin().lock(), &mut io::stdout()),
        false => questions::without_asking(flags),
    }?;
    let text = text::of(&answers);
    check(path, &text)?;
    write(path, &text, flags.force)?;
    print!("{}", text::next_steps(&answers, path));
    Ok(())
}

/// Loads it as a check would, with an AppSecret that stands for the one in the environment.
fn check(path: &Path, text: &str) -> Result<(), Failure> {
    let source = ConfigSource {
        variables: vec![(text::APP_SECRET.to_owned(), "in the environment".to_owned())],
        ..ConfigSource::from_text(path, text)
    };
    let loaded = Config::load(&source, Role::Check);
    loaded.map(drop).map_err(|ConfigErrors(mut problems)| {
        // The file isn't there, so nobody can look at its lines.
        for problem in &mut problems {
            problem.line = None;
        }
        Failure::from(ConfigErrors(problems)).with_hint("nothing is written: give another answer")
    })
}

/// Readable for its owner only, whole or not at all.
fn write(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let cannot = || format!("cannot write `{}`", path.display());
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(cannot)?;
    file.write_all(text.as_bytes()).with_context(cannot)?;
    match force {
        true => file.persist(path),
        false => file.persist_noclobber(path),
    }
    .with_context(cannot)?;
    Ok(())
}
