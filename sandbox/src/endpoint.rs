//! The calls of WeChat's API that the sandbox serves, as faults, limits and counts name them.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// A call of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Endpoint {
    /// `POST /cgi-bin/message/custom/send`
    Send,
    /// `POST /cgi-bin/message/custom/typing`
    Typing,
    /// `POST /cgi-bin/media/upload`
    Upload,
    /// `GET /cgi-bin/media/get`
    MediaGet,
    /// `POST /cgi-bin/stable_token`
    StableToken,
    /// `GET /cgi-bin/token`
    Token,
}

impl Endpoint {
    /// All of them.
    pub const ALL: &[Endpoint] = Endpoint::VARIANTS;
    /// The two that give access tokens.
    pub const TOKENS: [Endpoint; 2] = [Endpoint::StableToken, Endpoint::Token];

    /// Its name in the control API and the transcript.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Its path.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Endpoint::Send => "/cgi-bin/message/custom/send",
            Endpoint::Typing => "/cgi-bin/message/custom/typing",
            Endpoint::Upload => "/cgi-bin/media/upload",
            Endpoint::MediaGet => "/cgi-bin/media/get",
            Endpoint::StableToken => "/cgi-bin/stable_token",
            Endpoint::Token => "/cgi-bin/token",
        }
    }

    /// Its place in arrays that have one element for each.
    pub(crate) fn index(self) -> usize {
        self as usize
    }
}
