//! What shells and `man` are given: `completions`, `man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// Flags of `completions`.
#[derive(Args, Debug)]
pub struct CompletionsFlags {
    /// The shell
    pub shell: Shell,
}

/// Flags of `man`.
#[derive(Args, Debug)]
pub struct ManFlags {
    /// The folder, created if it doesn't exist
    pub folder: PathBuf,
}

pub(super) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  huixin completions bash > ~/.local/share/bash-completion/completions/huixin
  huixin completions fish > ~/.config/fish/completions/huixin.fish
  source <(huixin completions zsh)        for this shell";
