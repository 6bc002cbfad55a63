//! A user's OpenID: opaque, and different for each account that the same person follows.

use std::borrow::Borrow;

use derive_more::{Display, From};
use serde::{Deserialize, Serialize};

/// A user's OpenID, for example `oHuixinXiaoming0000000000001`. Kept as it is given.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Display, From)]
#[serde(transparent)]
#[from(String, &str)]
pub struct OpenId(String);

impl OpenId {
    /// The OpenID as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it looks like an OpenID: 1 to 128 letters, digits, `-` or `_`. Only the control API insists on it.
    pub fn is_well_formed(&self) -> bool {
        (1..=128).contains(&self.0.len())
            && self.0.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    }
}

impl From<&OpenId> for OpenId {
    fn from(user: &OpenId) -> OpenId {
        user.clone()
    }
}

impl Borrow<str> for OpenId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for OpenId {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for OpenId {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}
