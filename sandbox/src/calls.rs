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
    /// `getcallbackip`
    pub callback_ip: CallCount,
    /// `get_api_domain_ip`
    pub api_domain_ip: CallCount,
    /// `menu/create`
    pub menu_create: CallCount,
    /// `menu/get`
    pub menu_get: CallCount,
    /// `menu/delete`
    pub menu_delete: CallCount,
    /// `get_current_selfmenu_info`
    pub self_menu: CallCount,
    /// `openapi/quota/get`
    pub quota_get: CallCount,
    /// `clear_quota` and `clear_quota/v2`
    pub clear_quota: CallCount,
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
            Endpoint::CallbackIp => &mut self.callback_ip,
            Endpoint::ApiDomainIp => &mut self.api_domain_ip,
            Endpoint::MenuCreate => &mut self.menu_create,
            Endpoint::MenuGet => &mut self.menu_get,
            Endpoint::MenuDelete => &mut self.menu_delete,
            Endpoint::SelfMenu => &mut self.self_menu,
            Endpoint::QuotaGet => &mut self.quota_get,
            Endpoint::ClearQuota => &mut self.clear_quota,
        }
    }
}
