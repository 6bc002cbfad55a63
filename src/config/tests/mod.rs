//! The configuration as a whole. What a single value may be is in `mistakes`, who wins in `precedence`.

mod answers;
mod callback;
mod chat;
mod database;
mod doubts;
mod headers;
mod mistakes;
mod precedence;
mod print;
mod secrets;
mod spool;
mod templates;
mod traces;

use super::*;

/// The least that a file must have.
const MINIMAL: &str = "[account.main]\napp_id = 'wx1'\napp_secret = 's3cret'\ntoken = 't0ken'\n";

fn source(text: &str) -> ConfigSource {
    ConfigSource::from_text("huixin.toml", text)
}

fn with_variables(text: &str, variables: &[(&str, &str)]) -> ConfigSource {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    ConfigSource { variables, ..source(text) }
}

fn load(source: &ConfigSource) -> Config {
    load_as(source, Role::Run).unwrap()
}

fn load_as(source: &ConfigSource, role: Role) -> Result<Config, ConfigErrors> {
    Config::load(source, role)
}

/// Each problem with its hint below it.
fn problems(source: &ConfigSource, role: Role) -> String {
    let errors = load_as(source, role).expect_err("the configuration has a mistake");
    let hint =
        |problem: &Problem| problem.hint.as_ref().map(|hint| format!("\n    {hint}")).unwrap_or_default();
    errors.0.iter().map(|problem| format!("{problem}{}\n", hint(problem))).collect()
}
