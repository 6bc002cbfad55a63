//! Who has logged in, and who has tried to in vain.
//!
//! A browser can't keep the token safely: what a page's script can read, any mistake in the page gives away. So a login exchanges the
//! token for a random key in a cookie that no script sees. Sessions live in this process alone and end with it.
//!
//! Rejected: a signed cookie that every process accepts. It could not be ended before its time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

/// How long a session lasts.
pub(super) const SESSION_FOR: Duration = Duration::from_secs(12 * 3600);
const SESSIONS_MAX: usize = 1_000;
/// Wrong tokens that one address may show in a minute.
const WRONG_MAX: u32 = 10;
const MINUTE: Duration = Duration::from_secs(60);
/// Addresses whose wrong tokens are counted. When there are more in a minute, nobody new may try.
const ADDRESSES_MAX: usize = 10_000;

/// The sessions of one process.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_key: Mutex<HashMap<KeyHash, Session>>,
    wrong: Mutex<HashMap<Option<IpAddr>, WrongTokens>>,
}

/// What a look-up compares: how long it takes tells nothing of a key.
type KeyHash = [u8; 32];

#[derive(Debug)]
struct Session {
    since: Instant,
    may_change: bool,
}

/// How often an address has shown a wrong token since a time.
#[derive(Debug)]
struct WrongTokens {
    since: Instant,
    count: u32,
}

impl Sessions {
    /// Begins one; gives its key. If there are too many, the oldest ends.
    pub(super) fn begin(&self, may_change: bool, now: Instant) -> String {
        let key: String = rand::random::<[u8; 32]>().iter().map(|byte| format!("{byte:02x}")).collect();
        let mut sessions = self.by_key.lock();
        sessions.retain(|_, session| session.lasts(now));
        if sessions.len() >= SESSIONS_MAX
            && let Some(oldest) = sessions.iter().min_by_key(|(_, session)| session.since)
        {
            let oldest = *oldest.0;
            sessions.remove(&oldest);
        }
        sessions.insert(hash(&key), Session { since: now, may_change });
        key
    }

    /// Whether the session of this key may change something; none if there is no such session.
    pub(super) fn may_change(&self, key: &str, now: Instant) -> Option<bool> {
        let sessions = self.by_key.lock();
        sessions.get(&hash(key)).filter(|session| session.lasts(now)).map(|session| session.may_change)
    }

    /// Ends one, if it is there.
    pub(super) fn end(&self, key: &str) {
        self.by_key.lock().remove(&hash(key));
    }

    /// Whether this address may show a token now.
    pub(super) fn may_try(&self, address: Option<IpAddr>, now: Instant) -> bool {
        let mut wrong = self.wrong.lock();
        if wrong.len() >= ADDRESSES_MAX {
            wrong.retain(|_, tokens| tokens.counts(now));
        }
        match wrong.get(&address) {
            Some(tokens) => tokens.count < WRONG_MAX || !tokens.counts(now),
            None => wrong.len() < ADDRESSES_MAX,
        }
    }

    /// It has shown a wrong one.
    pub(super) fn was_wrong(&self, address: Option<IpAddr>, now: Instant) {
        let mut wrong = self.wrong.lock();
        let tokens = wrong.entry(address).or_insert(WrongTokens { since: now, count: 0 });
        if !tokens.counts(now) {
            *tokens = WrongTokens { since: now, count: 0 };
        }
        tokens.count += 1;
    }
}

impl Session {
    fn lasts(&self, now: Instant) -> bool {
        now.duration_since(self.since) < SESSION_FOR
    }
}

impl WrongTokens {
    fn counts(&self, now: Instant) -> bool {
        now.duration_since(self.since) < MINUTE
    }
}

fn hash(key: &str) -> KeyHash {
    Sha256::digest(key).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_lasts_twelve_hours_or_until_its_logout() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let [full, read] = [true, false].map(|may_change| sessions.begin(may_change, now));
        assert_eq!(sessions.may_change(&full, now), Some(true));
        assert_eq!(sessions.may_change(&read, now), Some(false));
        assert_eq!(sessions.may_change("another", now), None);
        let second = Duration::from_secs(1);
        assert_eq!(sessions.may_change(&full, now + SESSION_FOR - second), Some(true));
        assert_eq!(sessions.may_change(&full, now + SESSION_FOR), None);
        sessions.end(&read);
        assert_eq!(sessions.may_change(&read, now), None);
    }

    #[test]
    fn the_oldest_of_too_many_sessions_ends() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let keys: Vec<_> =
            (0..=SESSIONS_MAX as u64).map(|n| sessions.begin(true, now + Duration::from_millis(n))).collect();
        let later = now + Duration::from_secs(2);
        assert_eq!(sessions.may_change(&keys[0], later), None);
        assert!(keys[1..].iter().all(|key| sessions.may_change(key, later).is_some()));
    }

    #[test]
    fn an_address_may_show_ten_wrong_tokens_a_minute() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse().ok());
        for _ in 0..WRONG_MAX {
            assert!(sessions.may_try(one, now));
            sessions.was_wrong(one, now);
        }
        assert!(!sessions.may_try(one, now));
        assert!(sessions.may_try(other, now));
        assert!(sessions.may_try(one, now + MINUTE));
        sessions.was_wrong(one, now + MINUTE);
        assert!(sessions.may_try(one, now + MINUTE), "a new minute has begun");
    }
}
