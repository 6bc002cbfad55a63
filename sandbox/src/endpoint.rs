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
    /// `GET /cgi-bin/getcallbackip`
    CallbackIp,
    /// `GET /cgi-bin/get_api_domain_ip`
    ApiDomainIp,
    /// `POST /cgi-bin/menu/create`
    MenuCreate,
    /// `GET /cgi-bin/menu/get`
    MenuGet,
    /// `GET /cgi-bin/menu/delete`
    MenuDelete,
    /// `GET /cgi-bin/get_current_selfmenu_info`
    SelfMenu,
    /// `POST /cgi-bin/openapi/quota/get`
    QuotaGet,
    /// `POST /cgi-bin/clear_quota` and `POST /cgi-bin/clear_quota/v2`
    ClearQuota,
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

    /// Its path below `/cgi-bin`.
    pub fn path(self) -> &'static str {
        match self {
            Endpoint::Send => "/message/custom/send",
            Endpoint::Typing => "/message/custom/typing",
            Endpoint::Upload => "/media/upload",
            Endpoint::MediaGet => "/media/get",
            Endpoint::StableToken => "/stable_token",
            Endpoint::Token => "/token",
            Endpoint::CallbackIp => "/getcallbackip",
            Endpoint::ApiDomainIp => "/get_api_domain_ip",
            Endpoint::MenuCreate => "/menu/create",
            Endpoint::MenuGet => "/menu/get",
            Endpoint::MenuDelete => "/menu/delete",
            Endpoint::SelfMenu => "/get_current_selfmenu_info",
            Endpoint::QuotaGet => "/openapi/quota/get",
            Endpoint::ClearQuota => "/clear_quota",
        }
    }

    /// Its place in arrays that have one element for each.
    pub(crate) fn index(self) -> usize {
        self as usize
    }
}
