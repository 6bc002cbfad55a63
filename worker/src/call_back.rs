//! Answers by call back: the addresses that services are given, and what comes to them.
//!
//! An address ends in a token that names the lane and the message, sealed with a key that is derived from the account's app
//! secret, or for an account that needs none from its token ([`AddressSecret`]): every process with the account's configuration can open it, so any worker or receiver takes the answer and nothing
//! about it is stored; nobody else can make one, and the user's OpenID can't be read in it. Rejected: a random token in the
//! store (one more thing to write before each call and to clean up after it), and a signed one in clear (addresses end up in
//! logs). A changed app secret makes the addresses given out before useless; their messages are then tried again.
//!
//! An answer is read and checked where it comes in, so that the service hears of its mistakes. It is stored in a format
//! of our own for the worker that takes the message next. The queue decides whether it came first and in time.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use huixin_queue::{Lane, MessageId};
use huixin_wechat::{Outgoing, Secret};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::answer::format_of;
use crate::handler::Outcome;
use crate::memory;
use crate::reply;
use crate::stored_json::{self, Unreadable};

/// The path under which answers come in, before the token.
pub const CALL_BACK_PATH: &str = "v1/answers/";

/// Rises as that of a recorded answer does ([`crate::answer`]), whose parts it holds.
const FORMAT: u8 = 2;
const TOKEN_FORMAT: u8 = 1;
const BY_APP_SECRET: &[u8] = b"huixin answers by call back 1";
const BY_TOKEN: &[u8] = b"huixin answers by call back 1, by the account's token";
/// No token is longer: the names in it are bounded.
const TOKEN_MAX_BYTES: usize = 2048;

/// Makes the addresses for one worker or receiver, and reads them.
#[derive(Clone)]
pub struct CallBacks {
    base: Url,
    keys: Arc<BTreeMap<String, LessSafeKey>>,
}

/// What an account's key is derived from. The same text gives another key for each.
#[derive(Clone, Debug)]
pub enum AddressSecret {
    /// Its AppSecret.
    AppSecret(Secret),
    /// The token that signs its pushes, for one that has no AppSecret.
    Token(Secret),
}

/// To which message an answer belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressee {
    /// The account, by the name in the configuration.
    pub account: String,
    /// The user's lane.
    pub lane: Lane,
    /// The message.
    pub id: MessageId,
}

/// The public address can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the public address must be an http:// or https:// URL without query and fragment")]
pub struct BaseError;

#[derive(Serialize, Deserialize)]
struct Sealed {
    format: u8,
    lane: String,
    id: String,
}

impl CallBacks {
    /// Addresses below `base`, the address under which services reach the listener, for accounts with their secrets.
    ///
    /// # Errors
    /// When nothing can be below `base`.
    pub fn new(
        base: &Url,
        accounts: impl IntoIterator<Item = (String, AddressSecret)>,
    ) -> Result<Self, BaseError> {
        let usable = matches!(base.scheme(), "http" | "https") && base.query().or(base.fragment()).is_none();
        let mut base = base.clone();
        if !usable || base.host_str().is_none() {
            return Err(BaseError);
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let keys = accounts.into_iter().map(|(name, secret)| {
            let key = key(&name, &secret);
            (name, key)
        });
        Ok(Self { base, keys: Arc::new(keys.collect()) })
    }

    /// The address for the answer to a message; `None` for an unknown account.
    pub fn url(&self, account: &str, lane: &Lane, id: &MessageId) -> Option<Url> {
        let key = self.keys.get(account)?;
        let sealed = Sealed { format: TOKEN_FORMAT, lane: lane.to_string(), id: id.to_string() };
        let mut text = stored_json::write(&sealed).to_vec();
        let nonce: [u8; NONCE_LEN] = rand::random();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text).ok()?;
        let token = URL_SAFE_NO_PAD.encode([&nonce[..], &text].concat());
        self.base.join(&format!("{CALL_BACK_PATH}{token}")).ok()
    }

    /// What all addresses begin with; its path ends with a slash.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The accounts that have such addresses.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// The message that a token belongs to; `None` if it isn't one of ours.
    pub fn open(&self, token: &str) -> Option<Addressee> {
        if token.len() > TOKEN_MAX_BYTES {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (nonce, text) = bytes.split_first_chunk::<NONCE_LEN>()?;
        self.keys.iter().find_map(|(account, key)| {
            let mut text = text.to_vec();
            let text =
                key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut text).ok()?;
            let Sealed { format: TOKEN_FORMAT, lane, id } = serde_json::from_slice(text).ok()? else {
                return None;
            };
            let (lane, id) = (Lane::new(lane).ok()?, MessageId::new(id).ok()?);
            Some(Addressee { account: account.clone(), lane, id })
        })
    }
}

impl fmt::Debug for CallBacks {
    /// Without the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallBacks").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

fn key(account: &str, secret: &AddressSecret) -> LessSafeKey {
    let (purpose, secret) = match secret {
        AddressSecret::AppSecret(secret) => (BY_APP_SECRET, secret),
        AddressSecret::Token(secret) => (BY_TOKEN, secret),
    };
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, purpose);
    let secret = salt.extract(secret.expose().as_bytes());
    let info = [account.as_bytes()];
    let key =
        secret.expand(&info, &CHACHA20_POLY1305).expect("the key of the cipher is short enough for HKDF");
    LessSafeKey::new(UnboundKey::from(key))
}

/// An answer that came by call back, as the queue stores it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalledBack {
    format: u8,
    replies: Vec<Outgoing>,
    /// Whether the memory is replaced; `null` alone would not tell.
    remembers: bool,
    memory: Value,
}

impl CalledBack {
    /// Makes an answer by call back of a service's outcome. Only replies can be one.
    ///
    /// # Errors
    /// When the outcome isn't a reply, a reply can't be sent, or the memory is too large; the text says what to mend.
    pub fn of(outcome: Outcome) -> Result<Self, String> {
        let (replies, memory) = match outcome {
            Outcome::Reply(replies) => (replies, None),
            Outcome::Remember { replies, memory } => (replies, Some(memory)),
            Outcome::NoReply => (Vec::new(), None),
            Outcome::Later { .. } => return Err("an answer by call back can't be put off again".to_owned()),
            Outcome::Retry { reason, .. } | Outcome::Fail { reason } => return Err(reason),
        };
        reply::check(&replies).map_err(|error| error.to_string())?;
        if let Some(memory) = &memory {
            memory::check(memory).map_err(|error| error.to_string())?;
        }
        let remembers = memory.is_some();
        Ok(Self { format: format_of(&replies), replies, remembers, memory: memory.unwrap_or_default() })
    }

    /// As it is stored.
    pub fn encode(&self) -> Bytes {
        stored_json::write(self)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        stored_json::read(bytes, FORMAT)
    }

    pub(crate) fn into_outcome(self) -> Outcome {
        match self.remembers {
            true => Outcome::Remember { replies: self.replies, memory: self.memory },
            false => Outcome::Reply(self.replies),
        }
    }
}

#[cfg(test)]
mod tests {
    use huixin_wechat::Content;
    use serde_json::json;

    use super::*;

    fn call_backs(secret: &str) -> CallBacks {
        with(&AddressSecret::AppSecret(secret.into()))
    }

    fn with(secret: &AddressSecret) -> CallBacks {
        let base = Url::parse("https://bot.example.com/huixin").unwrap();
        CallBacks::new(&base, ["main", "other"].map(|name| (name.to_owned(), secret.clone()))).unwrap()
    }

    fn address(call_backs: &CallBacks) -> (Url, Addressee) {
        let (lane, id) = (Lane::new("main/oUser").unwrap(), MessageId::new("abc").unwrap());
        let url = call_backs.url("main", &lane, &id).unwrap();
        (url, Addressee { account: "main".to_owned(), lane, id })
    }

    #[test]
    fn a_token_opens_wherever_the_accounts_secret_is_known_and_nowhere_else() {
        let (url, addressee) = address(&call_backs("s3cret"));
        let token = url.as_str().strip_prefix("https://bot.example.com/huixin/v1/answers/").unwrap();
        assert_eq!(call_backs("s3cret").open(token), Some(addressee));
        assert_eq!(call_backs("another").open(token), None);
        assert!(!token.contains("oUser") && !URL_SAFE_NO_PAD.decode(token).unwrap().ends_with(b"}"));
        let mut changed = token.to_owned();
        let last = if changed.pop() == Some('A') { 'B' } else { 'A' };
        changed.insert(0, last);
        for forged in [changed.as_str(), "", "x", "….", &"A".repeat(4000)] {
            assert_eq!(call_backs("s3cret").open(forged), None, "{forged}");
        }
    }

    #[test]
    fn a_token_and_an_app_secret_of_the_same_text_make_different_keys() {
        let by_token = with(&AddressSecret::Token("s3cret".into()));
        let (url, addressee) = address(&by_token);
        let token = url.path().strip_prefix("/huixin/v1/answers/").unwrap();
        assert_eq!((by_token.open(token), call_backs("s3cret").open(token)), (Some(addressee), None));
    }

    #[test]
    fn an_address_needs_a_base_and_an_account_that_is_known() {
        for wrong in ["ftp://a/", "https://a/?x=1", "https://a/#x", "data:x"] {
            assert_eq!(CallBacks::new(&Url::parse(wrong).unwrap(), []).err(), Some(BaseError), "{wrong}");
        }
        let none = CallBacks::new(&Url::parse("http://127.0.0.1:9700").unwrap(), []).unwrap();
        assert_eq!(none.url("main", &Lane::new("l").unwrap(), &MessageId::new("i").unwrap()), None);
    }

    #[test]
    fn an_answer_is_stored_with_what_it_remembers_and_read_back() {
        let replies = vec![Outgoing::text("hello")];
        for outcome in [
            Outcome::Reply(replies.clone()),
            Outcome::Remember { replies: replies.clone(), memory: json!({"n": 1}) },
            Outcome::Remember { replies: Vec::new(), memory: Value::Null },
            Outcome::Reply(vec![Content::Transfer.into()]),
        ] {
            let stored = CalledBack::of(outcome.clone()).unwrap().encode();
            assert_eq!(CalledBack::decode(&stored).unwrap().into_outcome(), outcome);
        }
        assert_eq!(CalledBack::decode(br#"{"format":3}"#), Err(Unreadable::Newer));
    }

    #[test]
    fn only_replies_that_can_be_sent_are_an_answer() {
        let nothing = Outgoing::from(Content::Mpnews { media_id: String::new() });
        for outcome in [
            Outcome::Reply(vec![nothing]),
            Outcome::Fail { reason: "no".to_owned() },
            Outcome::Retry { after: None, reason: "no".to_owned() },
            Outcome::Later { within: None },
        ] {
            assert!(CalledBack::of(outcome.clone()).is_err(), "{outcome:?}");
        }
    }
}
