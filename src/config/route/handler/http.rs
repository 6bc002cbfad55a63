//! `http = { url = "…" }`: a service that is called.

use std::time::Duration;

use huixin_wechat::Secret;

use crate::config::mask::MaskedUrl;
use crate::config::problem::Mistake;
use crate::config::secrets;
use crate::config::section::Section;
use crate::config::value;

/// A service.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Where the message is posted to.
    pub url: MaskedUrl,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// The secret that signs calls by the Standard Webhooks scheme, `whsec_` included if it was given.
    pub secret: Option<Secret>,
}

const URL_EXAMPLE: &str = "http://127.0.0.1:9000/answer";

pub(super) fn read(mut section: Section<'_>) -> Option<HttpConfig> {
    section.require("url", &format!("write it like \"{URL_EXAMPLE}\""));
    let url = section.parsed("url", |node| value::http_url(node, URL_EXAMPLE).map(MaskedUrl));
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let timeout = section.duration("timeout", minutes(2), Duration::from_millis(10)..=minutes(24 * 60));
    let secret = secrets::read(&mut section, "secret");
    if secret.as_ref().is_some_and(|secret| !is_webhook_secret(secret)) {
        let mistake =
            Mistake::new("is not a Standard Webhooks secret: `whsec_` and base64 of 24 to 64 bytes");
        section.mistake("secret", None, mistake.hint("make one: echo whsec_$(openssl rand -base64 32)"));
    }
    if section.has("attempts") {
        let mistake =
            Mistake::new("is not a key of the handler").hint("write `attempts` in the route, beside `http`");
        let origin = section.take("attempts").map(|node| node.origin);
        section.mistake("attempts", origin.as_ref(), mistake);
    }
    Some(HttpConfig { url: url?, timeout, secret })
}

fn is_webhook_secret(secret: &Secret) -> bool {
    let text = secret.expose();
    let text = text.strip_prefix("whsec_").unwrap_or(text);
    let digits = text.trim_end_matches('=');
    let base64 = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    text.len().is_multiple_of(4)
        && text.len() - digits.len() <= 2
        && (24..=64).contains(&(digits.len() * 3 / 4))
        && digits.chars().all(base64)
}
