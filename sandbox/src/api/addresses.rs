//! `GET /cgi-bin/getcallbackip`, where pushes come from, and `GET /cgi-bin/get_api_domain_ip`, where the API is: lists that
//! their askers make firewalls of. Both are this machine's here. WeChat's pages: 获取微信推送服务器 IP, 获取微信 API 服务器 IP.

use axum::{http::Method, response::Response};
use serde_json::json;

use super::{
    body::Bearer,
    call::{ApiCall, Caller},
    json_answer,
};
use crate::{Endpoint, OpenId, Sandbox};

pub(super) async fn callback_ip(caller: Caller, bearer: Bearer) -> Response {
    caller.answer(Endpoint::CallbackIp, AddressCall(bearer)).await
}

pub(super) async fn api_domain_ip(caller: Caller, bearer: Bearer) -> Response {
    caller.answer(Endpoint::ApiDomainIp, AddressCall(bearer)).await
}

#[derive(Clone)]
struct AddressCall(Bearer);

impl ApiCall for AddressCall {
    fn subject(&self, sandbox: &Sandbox) -> (String, OpenId) {
        (self.0.account_of(sandbox), OpenId::from(""))
    }

    fn judge(&self, caller: &Caller, endpoint: Endpoint) -> Result<Response, i64> {
        self.0.admit(caller, &Method::GET, endpoint)?;
        Ok(json_answer(&json!({ "ip_list": ["127.0.0.1", "::1"] })))
    }
}
