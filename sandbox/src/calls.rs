//! How often an account's API was called, for tests that must know it and for people who wonder.

use serde::Serialize;

use crate::Endpoint;

/// How often each call was made with an account's credentials or token. Calls that name no account aren't counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CallCounts {
    /// `message/custom/send`
    pub send: CallCount,
    /// `message/custom/typing`
    pub typing: CallCount,
    /// `media/upload`
    pub upload: CallCount,
    /// `media/get`
    pub media_get: CallCount,
    /// `stable_token`
    pub stable_token: CallCount,
    /// `token`
    pub token: CallCount,
    /// Those of `stable_token` that asked for a forced refresh.
    pub forced: u64,
    /// How many token calls, of both endpoints together, were answered with a token.
    pub issued: u64,
}

/// How often one call was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CallCount {
    /// In all, those that met a fault included.
    pub calls: u64,
    /// Answered with an `errcode` that isn't 0, also because of a fault.
    pub refused: u64,
}

impl CallCounts {
    /// The count of one call.
    pub fn of(&self, endpoint: Endpoint) -> CallCount {
        let mut copy = *self;
        *copy.of_mut(endpoint)
    }

    pub(crate) fn of_mut(&mut self, endpoint: Endpoint) -> &mut CallCount {
        match endpoint {
            Endpoint::Send => &mut self.send,
            Endpoint::Typing => &mut self.typing,
            Endpoint::Upload => &mut self.upload,
            Endpoint::MediaGet => &mut self.media_get,
            Endpoint::StableToken => &mut self.stable_token,
            Endpoint::Token => &mut self.token,
        }
    }
}
