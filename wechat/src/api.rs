//! The way out: one account's access token, its customer-service messages, and the media in them.
//!
//! [`Client`] is what a worker holds per account. It does two things that are easy to get wrong:
//!
//! - the **access token** is fetched by `stable_token`, once for all callers, early, and never by force
//!   (`token` below says how);
//! - every **failure says what is known** ([`ApiError`]): refused with a code, certainly not sent, or unsure. WeChat's send
//!   has no idempotency key, so "unsure" is a state of its own, and the caller's policy decides what becomes of it. Nothing
//!   is sent twice in here, except once more after a refused token, when WeChat didn't take the first.
//!
//! The URL of a call holds the access token. So every error of the HTTP client loses its URL before it is kept, no part of an
//! answer's raw body gets into an error, and the token is cut out of WeChat's `errmsg` first.

mod answer;
mod codes;
mod content;
mod error;
mod media;
mod outgoing;
mod send;
mod token;
mod upload;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

pub use codes::{CodeClass, Limit, POLICY, Rule, UNKNOWN, Whose, classify, rule};
pub use content::{Article, Content, MenuItem};
pub use error::{ApiError, CallCause};
pub use media::{FileType, Media, MediaKind};
pub use outgoing::{Outgoing, Unsendable};
pub use token::AccessToken;
pub use upload::{Downloaded, Uploaded};

use crate::secret::Secret;
use token::TokenKeeper;
use wire::Wire;

/// What a [`Client`] needs to know.
#[derive(Clone)]
pub struct ClientConfig {
    /// The account's AppID, `wx…`.
    pub app_id: String,
    /// The account's AppSecret.
    pub app_secret: Secret,
    /// `https://api.weixin.qq.com`, one of its sisters, or a pretend WeChat; paths are appended to it.
    pub api_base: Url,
    /// How long one call may take in all. See [`ClientConfig::DEFAULT_TIMEOUT`].
    pub timeout: Duration,
    /// The HTTP client, shared by all accounts. See [`http_client`].
    pub http: reqwest::Client,
}

impl ClientConfig {
    /// Ten seconds.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the whole `api_base`, which may hold a password, nor the HTTP client, which says nothing.
        f.debug_struct("ClientConfig")
            .field("app_id", &self.app_id)
            .field("app_secret", &self.app_secret)
            .field("api_host", &self.api_base.host_str())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// One account's API. Cloning is cheap, and clones share the access token.
#[derive(Clone)]
pub struct Client {
    inner: Arc<ClientInner>,
}

struct ClientInner {
    config: Wire,
    token: TokenKeeper,
}

impl Client {
    /// A client that has no token yet; nothing is sent before the first call.
    pub fn new(config: ClientConfig) -> Client {
        Client::with_fallbacks(config, Vec::new())
    }

    /// The same, with hosts that are used in turn while `api_base` can't be reached.
    pub fn with_fallbacks(config: ClientConfig, fallbacks: Vec<Url>) -> Client {
        let config = Wire::new(config, fallbacks);
        Client { inner: Arc::new(ClientInner { config, token: TokenKeeper::default() }) }
    }

    /// A token that is valid as far as is known. All callers share one fetch.
    ///
    /// # Errors
    /// [`ApiError::Token`], with what the token endpoint said or why it couldn't be asked.
    pub async fn token(&self) -> Result<AccessToken, ApiError> {
        self.inner.token.current(&self.inner.config).await
    }

    /// How many seconds this machine's clock is ahead of the API's, by the `Date` of the last answer; below 0: behind it. A
    /// second or two may be the time that the answer took. None before the first answer.
    pub fn clock_ahead_s(&self) -> Option<i64> {
        self.inner.config.clock_ahead_s()
    }

    /// Whether there is a token to call with, as far as is known here: it needn't be fetched first.
    pub fn has_token(&self) -> bool {
        self.inner.token.is_there()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("config", &*self.inner.config).finish_non_exhaustive()
    }
}

/// An HTTP client fit for talking to WeChat: rustls, no proxy from the environment, no redirects (a redirect would
/// carry the access token elsewhere), three seconds to connect.
///
/// The binary must have installed its rustls crypto provider as the process's default before this is called; which one
/// is the binary's choice, so that all TLS in the process uses the same.
///
/// # Errors
/// The TLS verifier can't be set up, for instance without any root certificates.
///
/// # Panics
/// Where no crypto provider is installed, reqwest panics.
pub fn http_client() -> Result<reqwest::Client, reqwest::Error> {
    builder().build()
}

/// The same, through a proxy: `http://`, `https://` or with user and password in it.
///
/// # Errors
/// As [`http_client`], and when the URL can't be a proxy's.
///
/// # Panics
/// As [`http_client`].
pub fn http_client_through(proxy: &Url) -> Result<reqwest::Client, reqwest::Error> {
    builder().proxy(reqwest::Proxy::all(proxy.clone())?).build()
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("huixin/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(3))
}
