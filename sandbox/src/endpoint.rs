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

    /// Its path.
    pub fn path(self) -> &'static str {
        match self {
            Endpoint::Send => "/cgi-bin/message/custom/send",
            Endpoint::Typing => "/cgi-bin/message/custom/typing",
            Endpoint::Upload => "/cgi-bin/media/upload",
            Endpoint::MediaGet => "/cgi-bin/media/get",
            Endpoint::StableToken => "/cgi-bin/stable_token",
            Endpoint::Token => "/cgi-bin/token",
            Endpoint::CallbackIp => "/cgi-bin/getcallbackip",
            Endpoint::ApiDomainIp => "/cgi-bin/get_api_domain_ip",
            Endpoint::MenuCreate => "/cgi-bin/menu/create",
            Endpoint::MenuGet => "/cgi-bin/menu/get",
            Endpoint::MenuDelete => "/cgi-bin/menu/delete",
            Endpoint::SelfMenu => "/cgi-bin/get_current_selfmenu_info",
            Endpoint::QuotaGet => "/cgi-bin/openapi/quota/get",
            Endpoint::ClearQuota => "/cgi-bin/clear_quota",
        }
    }

    /// Its place in arrays that have one element for each.
    pub(crate) fn index(self) -> usize {
        self as usize
    }
}
