//! How an account's calls get to WeChat: the settings of its client, and which of the API's hosts is in use.
//!
//! WeChat serves the same API under several names (`api.weixin.qq.com`, and `api2` for a day on which that one is away). When
//! a host can't be reached the next is used, for all calls, until some minutes have passed; then the first is tried again. A
//! call is never repeated here: nothing was sent, and its caller knows when to try again.

use std::time::{Duration, Instant, SystemTime};

use derive_more::Deref;
use parking_lot::Mutex;
use reqwest::header::{DATE, HeaderMap};
use url::Url;

use super::ClientConfig;
use super::error::{ApiError, CallCause};

/// How long another host than the first is used before the first is tried again.
const DETOUR: Duration = Duration::from_secs(300);

#[derive(Deref)]
pub(super) struct Wire {
    #[deref]
    config: ClientConfig,
    fallbacks: Vec<Url>,
    /// The host in use, 0 for the first, and since when.
    current: Mutex<(usize, Instant)>,
    /// How many seconds this machine's clock is ahead of the API's, by its last answer.
    ahead_s: Mutex<Option<i64>>,
}

impl Wire {
    pub(super) fn new(config: ClientConfig, fallbacks: Vec<Url>) -> Self {
        Self { config, fallbacks, current: Mutex::new((0, Instant::now())), ahead_s: Mutex::default() }
    }

    /// The URL of an endpoint, at the host in use.
    pub(super) fn url(&self, path: &[&str]) -> Result<Url, ApiError> {
        let base = self.host().checked_sub(1).and_then(|n| self.fallbacks.get(n));
        let mut url = base.unwrap_or(&self.config.api_base).clone();
        // A base like `mailto:` can't have paths.
        let can = url.path_segments_mut().map(|mut segments| {
            segments.pop_if_empty().extend(path);
        });
        can.map(|()| url).map_err(|()| ApiError::NotSent(CallCause::Base))
    }

    /// Which host is in use.
    pub(super) fn host(&self) -> usize {
        let mut current = self.current.lock();
        if current.0 != 0 && current.1.elapsed() > DETOUR {
            *current = (0, Instant::now());
        }
        current.0
    }

    /// Compares this machine's clock with the one that made an answer's `Date`.
    pub(super) fn compare_clocks(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let Some(theirs) = date.and_then(|date| httpdate::parse_http_date(date).ok()) else { return };
        let unix_s = |at: SystemTime| {
            let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        };
        let ahead_s = unix_s(SystemTime::now()).saturating_sub(unix_s(theirs));
        *self.ahead_s.lock() = Some(ahead_s);
    }

    pub(super) fn clock_ahead_s(&self) -> Option<i64> {
        *self.ahead_s.lock()
    }

    /// Passes the result on. If the host that was asked could not be reached, the next one is used from now on.
    pub(super) fn noting<T>(&self, host: usize, result: Result<T, ApiError>) -> Result<T, ApiError> {
        if matches!(result, Err(ApiError::NotSent(_))) && !self.fallbacks.is_empty() {
            let mut current = self.current.lock();
            // Many calls find out at once: only the first of them moves on.
            if current.0 == host {
                *current = ((host + 1) % (self.fallbacks.len() + 1), Instant::now());
                tracing::warn!(app_id = %self.config.app_id, "an API host can't be reached: using the next");
            }
        }
        result
    }
}
