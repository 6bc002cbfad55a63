//! `completions` and `man`: both made from the command line's own types, so that they can't differ from it.

use std::io::Write as _;

use clap::CommandFactory as _;

use crate::cli::{Cli, CompletionsFlags, ManFlags};
use crate::report::Failure;

pub(super) fn completions(flags: &CompletionsFlags) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(flags.shell, &mut Cli::command(), "huixin", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(())
}

pub(super) fn man(flags: &ManFlags) -> Result<(), Failure> {
    std::fs::create_dir_all(&flags.folder)?;
    clap_mangen::generate_to(Cli::command(), &flags.folder)?;
    Ok(())
}
