//! Who gets in: one decision for the whole request, before anything of its body is believed.
//!
//! Three things may come to an account's URL: a plain body, signed by `signature`; an envelope, where only `msg_signature`
//! counts; and forgeries of both. The best forgeries are parts of genuine requests put together anew. So the rule depends on
//! what this account has, not on what the request says of itself: once there is an AES key, only what it opens is genuine. A
//! request that could choose its own mode could choose the weaker one.
//!
//! `accept_plain` loosens this while an account changes mode. Even then a request must be plain throughout: one that
//! says `aes`, carries a `msg_signature` or holds an `Encrypt` is judged as sealed, or not at all.
//!
//! To the outside every [`PushRefusal`] is the same, 403 with nothing in it; what was wrong is for the log.

use crate::body;
use crate::envelope::{AesKey, EnvelopeError, SealedError, encrypt_of, open};
use crate::secret::Secret;
use crate::signature::PushQuery;
use crate::xml::Element;

/// What an account checks its pushes with.
#[derive(Debug, Clone)]
pub struct PushKeys {
    /// The token, and while it is rotated the previous one.
    pub tokens: Vec<Secret>,
    /// The AES key, and while it is rotated the previous one. None: plain mode.
    pub aes_keys: Vec<AesKey>,
    /// The account's AppID, which must stand inside every envelope.
    pub app_id: String,
    /// With AES keys: whether a plain push is taken too, while the account changes mode.
    pub accept_plain: bool,
}

impl PushKeys {
    /// Refuses what the query alone gives away, so that the body need not be read: `signature` comes in every mode. A push
    /// that passes isn't genuine yet, except in plain mode, where only the query is signed.
    ///
    /// # Errors
    /// Those of [`admit`] that need no body.
    pub fn precheck<'a>(&'a self, query: &'a PushQuery) -> Result<PrecheckedPush<'a>, PushRefusal> {
        let refused = match (self.judges_plain(query), &query.msg_signature) {
            (true, _) | (false, Some(_)) => None,
            (false, None) if says_plain(query) => Some(PushRefusal::Plain),
            (false, None) => Some(PushRefusal::NoMsgSignature),
        };
        match refused {
            Some(refusal) => Err(refusal),
            None if query.is_signed_with(&self.tokens()) => Ok(PrecheckedPush { keys: self, query }),
            None => Err(PushRefusal::Signature),
        }
    }

    /// Whether a push with this query is judged by its query alone, as in plain mode.
    pub fn judges_plain(&self, query: &PushQuery) -> bool {
        self.aes_keys.is_empty() || (self.accept_plain && says_plain(query))
    }

    /// The tokens as [`PushQuery::is_signed_with`] takes them.
    pub fn tokens(&self) -> Vec<&str> {
        self.tokens.iter().map(Secret::expose).collect()
    }
}

/// Decides about a push: whether it is genuine, and what its inner body is.
///
/// # Errors
/// [`PushRefusal`]; answer each with the same 403.
pub fn admit(keys: &PushKeys, query: &PushQuery, body: &[u8]) -> Result<PushBody, PushRefusal> {
    keys.precheck(query)?.admit(body)
}

/// A push whose query has passed [`PushKeys::precheck`].
#[derive(Debug, Clone, Copy)]
pub struct PrecheckedPush<'a> {
    keys: &'a PushKeys,
    query: &'a PushQuery,
}

impl PrecheckedPush<'_> {
    /// The rest of [`admit`].
    ///
    /// # Errors
    /// [`PushRefusal`]; answer each with the same 403.
    pub fn admit(self, body: &[u8]) -> Result<PushBody, PushRefusal> {
        let Self { keys, query } = self;
        if keys.aes_keys.is_empty() {
            let only_an_envelope = with_encrypt(body).is_some_and(|tree| tree.get("MsgType").is_none());
            return Ok(if only_an_envelope { PushBody::Sealed } else { PushBody::Plain });
        }
        if says_plain(query) {
            return if with_encrypt(body).is_none() { Ok(PushBody::Plain) } else { Err(PushRefusal::Plain) };
        }
        let encrypt = encrypt_of(body).map_err(PushRefusal::Envelope)?;
        if !query.is_sealed_with(&keys.tokens(), &encrypt) {
            return Err(PushRefusal::Signature);
        }
        unseal(keys, &encrypt)
    }
}

/// A push that is genuine, as far as its mode can tell.
#[derive(Clone, PartialEq, Eq, derive_more::Debug)]
pub enum PushBody {
    /// The body is the message.
    Plain,
    /// The body was an envelope; this was in it. Whatever else the body held must not be used.
    #[debug("Opened({} bytes, key {key})", body.len())]
    Opened {
        /// The message, XML or JSON.
        body: Vec<u8>,
        /// Which of [`PushKeys::aes_keys`] opened it: 0 is the current one.
        key: usize,
    },
    /// The body is an envelope and nothing else, its query is genuine, and there is no key: nobody can read it.
    Sealed,
}

/// Why a push is refused. For the log: to the outside all refusals are the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushRefusal {
    /// `signature`, or in the encrypted modes `msg_signature`, wasn't made with any of the tokens.
    #[error("its signature is wrong")]
    Signature,
    /// It is plain, or claims to be, although the account has an AES key.
    #[error("it is not encrypted, but the account has an AES key")]
    Plain,
    /// Its query says that it is sealed, without a `msg_signature`.
    #[error("it has no msg_signature")]
    NoMsgSignature,
    /// Its body isn't an envelope, although its query says that it is sealed.
    #[error("its body is not an envelope: {0}")]
    Envelope(#[source] EnvelopeError),
    /// It is signed, and no key opens it.
    #[error("it can't be opened: {0}")]
    Sealed(#[source] SealedError),
}

/// Tries every key in turn. If all fail, the failure that names another AppID counts, since then the key was right.
fn unseal(keys: &PushKeys, encrypt: &str) -> Result<PushBody, PushRefusal> {
    let mut reported = SealedError::Padding;
    for (index, key) in keys.aes_keys.iter().enumerate() {
        match open(key, &keys.app_id, encrypt) {
            Ok(body) => return Ok(PushBody::Opened { body, key: index }),
            Err(_) if reported == SealedError::AppId => {}
            Err(error) => reported = error,
        }
    }
    Err(PushRefusal::Sealed(reported))
}

/// Whether nothing in the query speaks of encryption. WeChat's old documentation has `raw` for plain mode.
fn says_plain(query: &PushQuery) -> bool {
    query.msg_signature.is_none() && matches!(query.encrypt_type.as_deref(), None | Some("" | "raw"))
}

/// The body's tree, if it has an `Encrypt`. A body without that word isn't parsed for it.
fn with_encrypt(body: &[u8]) -> Option<Element> {
    memchr::memmem::find(body, b"Encrypt")?;
    body::parse(body).ok().map(|parsed| parsed.tree).filter(|tree| tree.get("Encrypt").is_some())
}
