//! `init`: the first configuration.

use clap::{Args, ValueEnum};

/// Flags of `init`. At a terminal, what has no flag is asked.
#[derive(Args, Debug, Default)]
pub struct InitFlags {
    /// The account's AppID, `wx…`; `none` if there is none yet: the pretend WeChat's own is written
    #[arg(long, value_name = "APPID")]
    pub app_id: Option<String>,
    /// How WeChat sends pushes: safe (encrypted) or plain; never asked
    #[arg(long, value_enum, value_name = "MODE", default_value_t = PushMode::Safe, hide_possible_values = true)]
    pub mode: PushMode,
    /// What answers: reply, http, chat or sql
    #[arg(long, value_enum, value_name = "KIND", hide_possible_values = true)]
    pub handler: Option<HandlerKind>,
    /// What it answers with: the text of `reply`, the URL of `http`, the base URL of `chat`, the database of `sql`
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub address: Option<String>,
    /// The model, for `chat` only
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Where messages wait: sqlite:PATH, redis://… or rediss://…
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,
}

/// How pushes come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PushMode {
    /// Encrypted
    #[default]
    Safe,
    /// As they are
    Plain,
}

/// What answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HandlerKind {
    /// A fixed text
    Reply,
    /// A service of yours
    Http,
    /// A language model
    Chat,
    /// A database
    Sql,
}

pub(super) const INIT_EXAMPLES: &str = "\
Examples:
  huixin init                             asks up to five questions
  huixin init --app-id none --handler http --address http://127.0.0.1:9000/ --store sqlite:huixin.db
  huixin init --config bot.toml --force   another file, replaced if it exists
The AppSecret is never asked: it comes from HUIXIN_ACCOUNT__MAIN__APP_SECRET, or from a file of its own.";
