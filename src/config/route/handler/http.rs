//! `http = { url = "…" }`: a service that is called.

use std::fmt;
use std::time::Duration;

use huixin_wechat::Secret;
use url::Url;

use crate::config::mask::masked;
use crate::config::problem::Mistake;
use crate::config::secrets;
use crate::config::section::Section;
use crate::config::value;

/// A service. Prints without the password of its URL.
#[derive(Clone)]
pub struct HttpConfig {
    /// Where the message is posted to.
    pub url: Url,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// The secret that signs calls by the Standard Webhooks scheme, `whsec_` included if it was given.
    pub secret: Option<Secret>,
}

const URL_EXAMPLE: &str = "http://127.0.0.1:9000/answer";

pub(super) fn read(mut section: Section<'_>) -> Option<HttpConfig> {
    if !section.has("url") && section.origin.is_some() {
        let mistake = Mistake::new("is missing").hint(format!("write it like \"{URL_EXAMPLE}\""));
        section.mistake("url", None, mistake);
    }
    let url = section.hidden("url", |node| value::http_url(node, URL_EXAMPLE));
    if let Some(url) = &url {
        section.show("url", &masked(url).to_string());
    }
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let timeout = section.duration("timeout", minutes(2), Duration::from_millis(10)..=minutes(24 * 60));
    let secret = secrets::read(&mut section, "secret", "secret_file");
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
    section.finish();
    Some(HttpConfig { url: url?, timeout, secret })
}

impl fmt::Debug for HttpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, timeout, secret } = self;
        let url = masked(url);
        let mut http = f.debug_struct("HttpConfig");
        http.field("url", &url.as_str()).field("timeout", timeout).field("secret", secret).finish()
    }
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
