//! What is left of an account's calls today, and a way to have them all back.
//!
//! `POST /cgi-bin/openapi/quota/get` `{"cgi_path": "/cgi-bin/message/custom/send"}` tells it; `POST /cgi-bin/clear_quota`
//! `{"appid"}` sets the day's counts of all calls to nothing. `POST /cgi-bin/clear_quota/v2` `{"appid", "appsecret"}` does the same
//! for those who have no call for a token left. Both together are allowed 10 times a month (48006). WeChat's pages: 查询 API
//! 调用额度, 重置 API 调用次数, 使用 AppSecret 重置 API 调用次数; the last takes its two values in the query as well.

use axum::{body::Bytes, extract::Query, http::Method, response::Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    body::{self, Bearer},
    call::{ApiCall, Caller},
    json_answer, ok, token,
};
use crate::{Endpoint, OpenId, Sandbox};

/// What is shown where there is no limit: the largest number that every client can read.
const UNLIMITED: u32 = i32::MAX.unsigned_abs();

pub(super) async fn get(caller: Caller, bearer: Bearer, bytes: Bytes) -> Response {
    caller.answer(Endpoint::QuotaGet, QuotaCall { bearer, bytes }).await
}

pub(super) async fn clear(caller: Caller, bearer: Bearer, bytes: Bytes) -> Response {
    caller.answer(Endpoint::ClearQuota, QuotaCall { bearer, bytes }).await
}

#[derive(Clone, Default, Deserialize)]
pub(super) struct AppSecret {
    appid: Option<String>,
    appsecret: Option<String>,
}

pub(super) async fn clear_by_secret(
    caller: Caller,
    method: Method,
    Query(named): Query<AppSecret>,
    bytes: Bytes,
) -> Response {
    let named = match named.appid {
        _ if method != Method::POST => Err(43002),
        Some(_) => Ok(named),
        None => body::object(&bytes).map(|request| AppSecret {
            appid: text(&request, "appid"),
            appsecret: text(&request, "appsecret"),
        }),
    };
    caller.answer(Endpoint::ClearQuota, ClearBySecret(named)).await
}

#[derive(Clone)]
struct QuotaCall {
    bearer: Bearer,
    bytes: Bytes,
}

impl ApiCall for QuotaCall {
    fn subject(&self, sandbox: &Sandbox) -> (String, OpenId) {
        (self.bearer.account_of(sandbox), OpenId::from(""))
    }

    fn judge(&self, caller: &Caller, endpoint: Endpoint) -> Result<Response, i64> {
        let account = self.bearer.admit(caller, &Method::POST, endpoint)?;
        let (request, now) = (body::object(&self.bytes)?, caller.sandbox().now());
        if endpoint == Endpoint::ClearQuota {
            let app_id = text(&request, "appid").ok_or(41002)?;
            if app_id != account.settings.app_id {
                return Err(40013);
            }
            account.quotas.lock().reset(now)?;
            return Ok(ok());
        }
        let path = text(&request, "cgi_path").unwrap_or_default();
        let asked = path.strip_prefix("/cgi-bin").and_then(by_path).ok_or(76021)?;
        let (limit, used) = account.quotas.lock().of(asked, now);
        let of = limit.per_day.unwrap_or(UNLIMITED);
        let quota = json!({ "daily_limit": of, "used": used, "remain": of.saturating_sub(used) });
        let mut answer = json!({ "errcode": 0, "errmsg": "ok", "quota": quota });
        if let Some(calls) = limit.per_minute {
            answer["rate_limit"] = json!({ "call_count": calls, "refresh_second": 60 });
        }
        Ok(json_answer(&answer))
    }
}

#[derive(Clone)]
struct ClearBySecret(Result<AppSecret, i64>);

impl ApiCall for ClearBySecret {
    fn subject(&self, sandbox: &Sandbox) -> (String, OpenId) {
        let app_id = self.0.as_ref().ok().and_then(|named| named.appid.as_deref());
        let account = app_id.and_then(|app_id| token::by_app_id(sandbox, app_id));
        (account.map_or(String::new(), |account| account.settings.name.clone()), OpenId::from(""))
    }

    fn judge(&self, caller: &Caller, _: Endpoint) -> Result<Response, i64> {
        let AppSecret { appid, appsecret } = self.0.clone()?;
        let account = token::owner(caller, appid.as_deref(), appsecret.as_deref())?;
        account.quotas.lock().reset(caller.sandbox().now())?;
        Ok(ok())
    }
}

fn by_path(path: &str) -> Option<Endpoint> {
    Endpoint::ALL.iter().copied().find(|endpoint| endpoint.path() == path)
}

fn text(request: &Map<String, Value>, key: &str) -> Option<String> {
    request.get(key).and_then(Value::as_str).map(str::to_owned)
}
