//! WeChat's API, and the pretend WeChat.

use anyhow::Context as _;
use huixin_sandbox::{AccountRules, ExamplePush, Mode, Sandbox, SandboxAccount, SandboxConfig};
use huixin_wechat::{Client, ClientConfig, Secret, http_client, http_client_through};
use huixin_worker::AnswerBy;
use url::Url;

use super::page;
use crate::config::Config;
use crate::report::Failure;

/// The HTTP client for WeChat's API.
///
/// # Errors
/// When it can't be made.
pub fn wechat_http(config: &Config) -> Result<reqwest::Client, Failure> {
    let client = match &config.delivery.proxy {
        Some(proxy) => http_client_through(&proxy.0).map_err(reqwest::Error::without_url),
        None => http_client(),
    };
    Ok(client.context("the HTTP client for WeChat can't be made")?)
}

/// The API client of an account; none for one that never calls the API.
///
/// # Panics
/// When the configuration has no such account.
pub fn client(config: &Config, account: &str, http: &reqwest::Client) -> Option<Client> {
    let account = &config.accounts[account];
    if account.answer_by == AnswerBy::Push {
        return None;
    }
    let client = ClientConfig {
        app_id: account.app_id.clone(),
        // Every role that calls WeChat is refused without a secret when its configuration is read.
        app_secret: account.app_secret.clone().unwrap_or_else(|| Secret::from("")),
        api_base: account.api_base.clone(),
        timeout: ClientConfig::DEFAULT_TIMEOUT,
        http: http.clone(),
    };
    Some(Client::with_fallbacks(client, account.api_fallback.clone()))
}

/// The pretend WeChat with the configured accounts, pushing to a receiver at `receiver`. Its page offers what the configured
/// routes take; if there are none, these texts, each behind its label.
///
/// # Errors
/// When the receiver's address can't be the start of a URL.
pub fn sandbox(config: &Config, receiver: &Url, examples: &[(&str, &str)]) -> Result<Sandbox, Failure> {
    let has_routes = !config.routes.is_empty();
    let accounts = config.accounts.iter().map(|(name, account)| {
        let made_up = SandboxAccount::named(name);
        let secret = account.app_secret.as_ref().map(|secret| secret.expose().to_owned());
        let push_url = receiver.join(&format!("wechat/{name}"));
        Ok(SandboxAccount {
            app_id: account.app_id.clone(),
            app_secret: secret.unwrap_or(made_up.app_secret),
            token: account.token.expose().to_owned(),
            mode: if account.aes_key.is_some() { Mode::Safe } else { Mode::Plain },
            aes_key: account.aes_key.clone(),
            push_url: Some(push_url.context("the receiver's address can't be used")?),
            answer_by: Some(<&str>::from(account.answer_by).to_owned()),
            menu: if has_routes { page::menu(config, name) } else { made_up.menu },
            rules: AccountRules { may_send: account.answer_by != AnswerBy::Push, ..AccountRules::default() },
            ..made_up
        })
    });
    let accounts = accounts.collect::<Result<Vec<_>, Failure>>()?;
    let examples = match has_routes {
        true => page::examples(config),
        false => examples.iter().map(|(label, text)| ExamplePush::labelled(*label, *text)).collect(),
    };
    Ok(Sandbox::new(SandboxConfig { accounts, examples, ..SandboxConfig::default() }))
}

#[cfg(test)]
mod tests {
    use crate::config::{ConfigSource, Role};

    use super::*;

    #[test]
    fn an_account_that_answers_by_push_has_no_client_and_may_not_send_to_the_pretend_wechat() {
        let text = "[account.free]\napp_id = 'wx1'\nanswer_by = 'push'\n[account.shop]\napp_id = 'wx2'\n";
        let config = Config::load(&ConfigSource::from_text("huixin.toml", text), Role::Dev).unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::new();
        let has_client = |name| client(&config, name, &http).is_some();
        assert_eq!((has_client("free"), has_client("shop")), (false, true));
        let sandbox = sandbox(&config, &Url::parse("http://127.0.0.1:8080/").unwrap(), &[]).unwrap();
        let may_send = |name| sandbox.rules(name).unwrap().may_send;
        assert_eq!((may_send("free"), may_send("shop")), (false, true));
    }
}
