//! The menu of an account: `POST /cgi-bin/menu/create`, `GET /cgi-bin/menu/get`, `GET /cgi-bin/menu/delete`, and
//! `GET /cgi-bin/get_current_selfmenu_info`, which also shows a menu that no program made.
//!
//! The checks are those of WeChat's page 创建自定义菜单: at most three buttons, with at most five below each; names of at most
//! 16 bytes above and 60 below, keys of 128, addresses of 1,024. A button above and one below have codes of their own. What a
//! menu is made of beyond that is kept as it came. Menus for groups of users (`menu/addconditional`) are not served.

use axum::{body::Bytes, http::Method, response::Response};
use serde_json::{Value, json};

use super::{
    body::{self, Bearer},
    call::{ApiCall, Caller},
    json_answer, ok,
};
use crate::{Endpoint, MenuButton, OpenId, Sandbox};

/// The buttons that push an event with a key.
const WITH_KEY: [&str; 7] = [
    "click",
    "scancode_push",
    "scancode_waitmsg",
    "pic_sysphoto",
    "pic_photo_or_album",
    "pic_weixin",
    "location_select",
];
/// Those that show what the account has published.
const WITH_ID: [(&str, &str); 4] = [
    ("media_id", "media_id"),
    ("view_limited", "media_id"),
    ("article_id", "article_id"),
    ("article_view_limited", "article_id"),
];

pub(super) async fn create(caller: Caller, bearer: Bearer, bytes: Bytes) -> Response {
    caller.answer(Endpoint::MenuCreate, MenuCall { bearer, bytes }).await
}

pub(super) async fn get(caller: Caller, bearer: Bearer) -> Response {
    caller.answer(Endpoint::MenuGet, MenuCall { bearer, bytes: Bytes::new() }).await
}

pub(super) async fn delete(caller: Caller, bearer: Bearer) -> Response {
    caller.answer(Endpoint::MenuDelete, MenuCall { bearer, bytes: Bytes::new() }).await
}

pub(super) async fn current(caller: Caller, bearer: Bearer) -> Response {
    caller.answer(Endpoint::SelfMenu, MenuCall { bearer, bytes: Bytes::new() }).await
}

#[derive(Clone)]
struct MenuCall {
    bearer: Bearer,
    bytes: Bytes,
}

impl ApiCall for MenuCall {
    fn subject(&self, sandbox: &Sandbox) -> (String, OpenId) {
        (self.bearer.account_of(sandbox), OpenId::from(""))
    }

    fn judge(&self, caller: &Caller, endpoint: Endpoint) -> Result<Response, i64> {
        let method = if endpoint == Endpoint::MenuCreate { Method::POST } else { Method::GET };
        let account = self.bearer.admit(caller, &method, endpoint)?;
        match endpoint {
            Endpoint::MenuCreate => {
                let buttons = checked(&self.bytes)?;
                account.menu.lock().set(buttons);
            }
            Endpoint::MenuDelete => account.menu.lock().set(Vec::new()),
            Endpoint::SelfMenu => return Ok(json_answer(&self_menu(account.menu.lock().get()))),
            _ => {
                let menu = account.menu.lock();
                let buttons: Vec<Value> = menu.get().iter().map(shown).collect();
                let menu = json!({ "menu": { "button": buttons } });
                return if buttons.is_empty() { Err(46003) } else { Ok(json_answer(&menu)) };
            }
        }
        Ok(ok())
    }
}

/// The buttons of a request, as WeChat takes them.
fn checked(body: &[u8]) -> Result<Vec<MenuButton>, i64> {
    let mut request = body::object(body)?;
    let buttons = request.remove("button").ok_or(40016)?;
    let buttons: Vec<MenuButton> = serde_json::from_value(buttons).map_err(|_| 47001)?;
    if !(1..=3).contains(&buttons.len()) {
        return Err(40016);
    }
    for button in &buttons {
        if button.sub_button.is_empty() {
            check(button, 16, [40017, 40018, 40019, 40020])?;
            continue;
        }
        name_fits(button, 16, 40018)?;
        if button.sub_button.len() > 5 {
            return Err(40023);
        }
        for below in &button.sub_button {
            if !below.sub_button.is_empty() {
                return Err(40022);
            }
            check(below, 60, [40024, 40025, 40026, 40027])?;
        }
    }
    Ok(buttons)
}

/// A button that does something: its name, and what its type needs.
fn check(button: &MenuButton, name_bytes: usize, codes: [i64; 4]) -> Result<(), i64> {
    let [bad_type, bad_name, bad_key, bad_url] = codes;
    name_fits(button, name_bytes, bad_name)?;
    let fits = |text: Option<&str>, most: usize| text.is_some_and(|text| (1..=most).contains(&text.len()));
    let other = |key: &str| button.others.get(key).and_then(Value::as_str);
    let action = button.action.as_deref().ok_or(bad_type)?;
    if WITH_KEY.contains(&action) {
        return if fits(button.key.as_deref(), 128) { Ok(()) } else { Err(bad_key) };
    }
    if let Some((_, key)) = WITH_ID.iter().find(|(known, _)| *known == action) {
        return if fits(other(key), usize::MAX) { Ok(()) } else { Err(40007) };
    }
    let needs_app = match action {
        "view" => false,
        "miniprogram" => true,
        _ => return Err(bad_type),
    };
    if !fits(button.url.as_deref(), 1024) {
        return Err(bad_url);
    }
    match needs_app {
        true if !fits(other("appid"), usize::MAX) => Err(40166),
        true if !fits(other("pagepath"), usize::MAX) => Err(40165),
        _ => Ok(()),
    }
}

fn name_fits(button: &MenuButton, bytes: usize, code: i64) -> Result<(), i64> {
    if (1..=bytes).contains(&button.name.len()) { Ok(()) } else { Err(code) }
}

/// A button as `menu/get` shows it, with an empty list where nothing is below.
fn shown(button: &MenuButton) -> Value {
    let mut value = json!(button);
    value["sub_button"] = button.sub_button.iter().map(shown).collect();
    value
}

fn self_menu(buttons: &[MenuButton]) -> Value {
    let shown = |button: &MenuButton| {
        let mut value = json!(button);
        if !button.sub_button.is_empty() {
            value["sub_button"] = json!({ "list": button.sub_button });
        }
        value
    };
    let shown: Vec<Value> = buttons.iter().map(shown).collect();
    json!({ "is_menu_open": u8::from(!shown.is_empty()), "selfmenu_info": { "button": shown } })
}
