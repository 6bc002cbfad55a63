//! An error code, its text, and the `rid` that WeChat appends to every error.

use std::net::IpAddr;

use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::clock;

/// An answer with an `errcode` that isn't 0.
pub(super) struct ApiRefusal {
    code: i64,
    pub(super) message: String,
}

impl ApiRefusal {
    /// The text of 40164, also of an ordered one, tells the caller its address.
    pub(super) fn to(caller: IpAddr, code: i64) -> ApiRefusal {
        let rid =
            format!("{:08x}-{:08x}-{:08x}", clock::unix_secs(), rand::random::<u32>(), rand::random::<u32>());
        let mut message = format!("{} rid: {rid}", meaning(code));
        if code == 40164 {
            let address = match caller.to_canonical() {
                IpAddr::V4(v4) => format!("invalid ip {v4} ipv6 ::ffff:{v4}"),
                IpAddr::V6(v6) => format!("invalid ip {v6}"),
            };
            message = message.replacen("invalid ip", &address, 1);
        }
        ApiRefusal { code, message }
    }
}

impl IntoResponse for ApiRefusal {
    fn into_response(self) -> Response {
        super::json_answer(&json!({ "errcode": self.code, "errmsg": self.message }))
    }
}

/// The `errmsg` of a code. Nobody should match on it, so only what a person may meet here has its own text.
fn meaning(code: i64) -> &'static str {
    MEANINGS.iter().find(|(known, _)| *known == code).map_or("refused", |(_, meaning)| meaning)
}

const MEANINGS: [(i64, &str); 78] = [
    (-1, "system error"),
    (
        40001,
        "invalid credential, access_token is invalid or not latest, could get access_token by getStableAccessToken",
    ),
    (40002, "invalid grant_type"),
    (40003, "invalid openid"),
    (40004, "invalid media type"),
    (40005, "invalid file type"),
    (40006, "invalid media size"),
    (40007, "invalid media_id"),
    (40008, "invalid message type"),
    (40009, "invalid image size"),
    (40010, "invalid voice size"),
    (40011, "invalid video size"),
    (40012, "invalid thumb size"),
    (40013, "invalid appid"),
    (40014, "invalid access_token"),
    (40016, "invalid button size"),
    (40017, "invalid button type"),
    (40018, "invalid button name size"),
    (40019, "invalid button key size"),
    (40020, "invalid button url size"),
    (40022, "invalid sub button level"),
    (40023, "invalid sub button size"),
    (40024, "invalid sub button type"),
    (40025, "invalid sub button name size"),
    (40026, "invalid sub button key size"),
    (40027, "invalid sub button url size"),
    (40033, "invalid charset. please check your request, if include \\uxxxx will create fail!"),
    (40035, "invalid parameter"),
    (40066, "invalid url"),
    (40121, "invalid media_id type"),
    (40125, "invalid appsecret"),
    (40164, "invalid ip, not in whitelist"),
    (40165, "invalid weapp pagepath"),
    (40166, "invalid weapp appid"),
    (40213, "invalid href tag"),
    (40214, "invalid href text"),
    (41001, "access_token missing"),
    (41002, "appid missing"),
    (41004, "appsecret missing"),
    (41005, "media data missing"),
    (41006, "media_id missing"),
    (41009, "openid missing"),
    (42001, "access_token expired"),
    (43001, "require GET method"),
    (43002, "require POST method"),
    (43004, "require subscribe"),
    (44001, "empty media data"),
    (44002, "empty post data"),
    (44003, "empty news data"),
    (44004, "empty content"),
    (45001, "media size out of limit"),
    (45002, "content size out of limit"),
    (45007, "voice play time out of limit"),
    (45008, "article size out of limit"),
    (45009, "reach max api daily quota limit"),
    (45011, "api minute-quota reach limit, must slower, retry next minute"),
    (45015, "response out of time limit or subscription is canceled"),
    (45047, "out of response count limit"),
    (45072, "command is error"),
    (45080, "no message exchanged in the last 30 seconds"),
    (45081, "typing already"),
    (45086, "invalid data-miniprogram-appid"),
    (45098, "msgmenu list size out of limit"),
    (45099, "msgmenu content size out of limit"),
    (46001, "media data no exist"),
    (46003, "menu no exist"),
    (46007, "media is being transcoded"),
    (47001, "data format error"),
    (47002, "do NOT use json unicode encode, please use utf8 encoded text"),
    (48001, "api unauthorized"),
    (48002, "user refuses messages of the account"),
    (48006, "forbid to clear quota because of reaching the limit"),
    (48008, "no permission for this msgtype"),
    (50002, "user limited"),
    (61450, "customer service system error"),
    (61451, "invalid parameter"),
    (61452, "invalid kf_account"),
    (76021, "cgi_path not found, please check"),
];
