//! The access token: one for all callers of an account, fetched before it is missed.
//!
//! `stable_token` in its normal mode gives every system that asks the same token while it is valid. Within the token's
//! last five minutes it gives a new one, and both work until the old one ends. So the time to ask again is inside those
//! five minutes: earlier, the answer would be the token we have. Each process draws its own moment, so that many of
//! them don't ask in the same second. `force_refresh` is never used: it kills the token of every other system, twenty
//! times a day at most.
//!
//! A fetch is made by one caller under a lock; the others wait for it and share its result, the failure too, so that fifty
//! senders don't queue up for fifty timeouts. Only the caller that makes an early refresh waits for it, and if it fails, the
//! old token serves on.
//!
//! When WeChat refuses a token, the caller says which one. Tokens are counted, not compared as text, because WeChat may
//! give the same text again; if a newer fetch than the refused one has been made, its token is simply tried. If WeChat
//! refuses whatever it gives, fetches are kept a second apart.
//!
//! Rejected: a background task that refreshes, since this crate starts none, and it would go on when nobody needs the account
//! any more; and a token shared through a store, since `stable_token` does that already.

use std::sync::Arc;
use std::time::{Duration, Instant};

use derive_more::Debug;
use parking_lot::RwLock;
use rand::RngExt as _;
use serde_json::json;
use tokio::sync::Mutex;

use super::Client;
use super::answer::ApiAnswer;
use super::codes::CodeClass;
use super::error::ApiError;
use super::wire::Wire;

/// An access token; prints as `***`.
#[derive(Clone, Debug)]
#[debug("***")]
pub struct AccessToken(Arc<Fetched>);

impl AccessToken {
    /// The token itself, for a URL; never for printing.
    pub fn expose(&self) -> &str {
        &self.0.text
    }
}

impl Client {
    /// Makes a call with the access token, and once more with a newer one if WeChat refuses the first. A second refusal goes
    /// to the caller.
    pub(super) async fn with_token<T, F>(&self, call: impl Fn(AccessToken) -> F) -> Result<T, ApiError>
    where
        F: Future<Output = Result<T, ApiError>>,
    {
        let token = self.token().await?;
        let (wire, host) = (&self.inner.config, self.inner.config.host());
        let error = match wire.noting(host, call(token.clone()).await) {
            Err(error) if error.class() == CodeClass::Token => error,
            done => return done,
        };
        match self.inner.token.after_refusal(&self.inner.config, &token).await? {
            Some(newer) => call(newer).await,
            None => Err(error),
        }
    }
}

/// A token with its times.
struct Fetched {
    text: String,
    /// Which fetch of this process brought it.
    number: u64,
    refresh_at: Instant,
    expires_at: Instant,
}

/// Keeps one account's token.
#[derive(Default)]
pub(super) struct TokenKeeper {
    /// The newest token. Locked for the moment of reading or writing only, never over an await.
    newest: RwLock<Option<AccessToken>>,
    /// Held by the one caller that fetches; the others wait here, or go on with the token they have.
    fetching: Mutex<Fetching>,
}

/// What only the fetching caller touches.
#[derive(Default)]
struct Fetching {
    count: u64,
    /// The last failure and when it ended: it answers everyone who began to wait before.
    failed: Option<(Instant, ApiError)>,
    /// When a fetch was last made because WeChat refused a token.
    after_refusal: Option<Instant>,
    /// No early refresh before this, because the last one failed.
    not_early_before: Option<Instant>,
}

impl TokenKeeper {
    /// A token that is valid as far as is known.
    pub(super) async fn current(&self, config: &Wire) -> Result<AccessToken, ApiError> {
        let asked = Instant::now();
        let newest = self.newest();
        if let Some(token) = newest.filter(|token| asked < token.0.expires_at) {
            if asked >= token.0.refresh_at {
                return Ok(self.refresh_early(config, token).await);
            }
            return Ok(token);
        }
        let mut fetching = self.fetching.lock().await;
        if let Some(token) = self.newest().filter(|token| Instant::now() < token.0.expires_at) {
            return Ok(token);
        }
        self.fetch_for(config, &mut fetching, asked).await
    }

    /// Whether the newest token still lives.
    pub(super) fn is_there(&self) -> bool {
        self.newest().is_some_and(|token| Instant::now() < token.0.expires_at)
    }

    /// What to try after WeChat refused `refused`: a newer token, or none if the one we have is newer only by a moment
    /// and was refused as well.
    pub(super) async fn after_refusal(
        &self,
        config: &Wire,
        refused: &AccessToken,
    ) -> Result<Option<AccessToken>, ApiError> {
        let asked = Instant::now();
        let mut fetching = self.fetching.lock().await;
        let now = Instant::now();
        let newer = |token: &AccessToken| token.0.number > refused.0.number && now < token.0.expires_at;
        if let Some(token) = self.newest().filter(newer) {
            return Ok(Some(token));
        }
        if fetching.after_refusal.is_some_and(|last| now < last + BETWEEN_REFUSALS) {
            return Ok(None);
        }
        let token = self.fetch_for(config, &mut fetching, asked).await?;
        fetching.after_refusal = Some(now);
        Ok(Some(token))
    }

    /// Fetches ahead of time, unless someone else is at it; the old token is good in any case.
    async fn refresh_early(&self, config: &Wire, old: AccessToken) -> AccessToken {
        let Ok(mut fetching) = self.fetching.try_lock() else { return old };
        if let Some(newer) = self.newest().filter(|token| token.0.number > old.0.number) {
            return newer;
        }
        let now = Instant::now();
        if fetching.not_early_before.is_some_and(|until| now < until) {
            return old;
        }
        match self.fetch(config, &mut fetching).await {
            Ok(token) => token,
            Err(error) => {
                tracing::warn!(
                    app_id = %config.app_id,
                    error = &error as &dyn std::error::Error,
                    "the access token could not be refreshed early; the old one is still used",
                );
                fetching.not_early_before = Some(Instant::now() + BETWEEN_EARLY_TRIES);
                old
            }
        }
    }

    /// Fetches for a caller that has waited since `asked`; a failure that ended after that is its failure too.
    async fn fetch_for(
        &self,
        config: &Wire,
        fetching: &mut Fetching,
        asked: Instant,
    ) -> Result<AccessToken, ApiError> {
        if let Some((_, error)) = fetching.failed.as_ref().filter(|(ended, _)| *ended >= asked) {
            return Err(error.clone());
        }
        let result = self.fetch(config, fetching).await;
        fetching.failed = result.as_ref().err().map(|error| (Instant::now(), error.clone()));
        result
    }

    async fn fetch(&self, config: &Wire, fetching: &mut Fetching) -> Result<AccessToken, ApiError> {
        // The life counts from before the request: better a little too short.
        let asked = Instant::now();
        let host = config.host();
        let asked_for = config.noting(host, ask(config).await);
        let (text, life) = asked_for.map_err(|error| ApiError::Token(Box::new(error)))?;
        fetching.count += 1;
        let margin = Duration::from_millis(rand::rng().random_range(EARLY_MILLIS));
        let token = AccessToken(Arc::new(Fetched {
            text,
            number: fetching.count,
            refresh_at: asked + refresh_after(life, margin),
            expires_at: asked + life,
        }));
        *self.newest.write() = Some(token.clone());
        tracing::debug!(app_id = %config.app_id, expires_in_secs = life.as_secs(), "access token fetched");
        Ok(token)
    }

    fn newest(&self) -> Option<AccessToken> {
        self.newest.read().clone()
    }
}

/// How long before its end a token is fetched anew, drawn from here: inside the five minutes in which WeChat gives a
/// new one, with time left to try again.
const EARLY_MILLIS: std::ops::Range<u64> = 180_000..285_000;

/// The pause between fetches that follow refused tokens.
const BETWEEN_REFUSALS: Duration = Duration::from_secs(1);

/// The pause after an early refresh that failed.
const BETWEEN_EARLY_TRIES: Duration = Duration::from_secs(10);

/// The longest life that is believed.
const LONGEST_LIFE_SECS: u64 = 24 * 60 * 60;

/// When to refresh a token that lives for `life`: `margin` before its end, but not before half its life.
fn refresh_after(life: Duration, margin: Duration) -> Duration {
    life - margin.min(life / 2)
}

/// One call of `POST /cgi-bin/stable_token`: the token, and how long it lives.
async fn ask(config: &Wire) -> Result<(String, Duration), ApiError> {
    let url = config.url(&["cgi-bin", "stable_token"])?;
    let body = json!({
        "grant_type": "client_credential",
        "appid": config.app_id,
        "secret": config.app_secret.expose(),
        "force_refresh": false,
    });
    let request = config.http.post(url).timeout(config.timeout).json(&body);
    let answer = ApiAnswer::to(config, request, &[config.app_secret.expose()]).await?;
    let text = answer.text("access_token").filter(|text| !text.is_empty());
    let text = text.ok_or(ApiError::unreadable("it has no access_token"))?;
    let life = answer.integer("expires_in").ok_or(ApiError::unreadable("it has no expires_in"))?;
    let life = u64::try_from(life).unwrap_or(0).min(LONGEST_LIFE_SECS);
    Ok((text.to_owned(), Duration::from_secs(life)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_refresh_falls_into_the_last_five_minutes_and_never_before_half_the_life() {
        assert_eq!(refresh_after(secs(7200), secs(240)), secs(6960));
        assert_eq!(refresh_after(secs(345), secs(180)), secs(345) - secs(345) / 2);
        assert_eq!(refresh_after(secs(300), secs(285)), secs(150));
        assert_eq!(refresh_after(secs(2), secs(200)), secs(1));
        assert_eq!(refresh_after(secs(0), secs(200)), secs(0));
        const { assert!(EARLY_MILLIS.end < 5 * 60 * 1000) };
    }

    #[test]
    fn a_token_prints_as_stars() {
        let now = Instant::now();
        let token = Fetched { text: "t0ken".into(), number: 1, refresh_at: now, expires_at: now };
        assert_eq!(format!("{:?}", Some(AccessToken(Arc::new(token)))), "Some(***)");
    }
}
