use huixin_sandbox::SandboxConfig;
use serde_json::{Value, json};

use crate::support::{code, start_with_user};

#[tokio::test]
async fn a_menu_is_set_shown_and_deleted() {
    let (_running, client) = start_with_user(SandboxConfig::default()).await;
    let song = json!({ "type": "click", "name": "今日歌曲", "key": "V1001" });
    let shop =
        json!({ "type": "miniprogram", "name": "店", "url": "http://a/", "appid": "wx1", "pagepath": "p" });
    let menu = json!({ "button": [song, { "name": "菜单", "sub_button": [shop] }] });
    assert_eq!(code(&client.post("menu/create", &menu).await), 0);
    let mut shown = menu;
    shown["button"][0]["sub_button"] = json!([]);
    shown["button"][1]["sub_button"][0]["sub_button"] = json!([]);
    assert_eq!(client.get("menu/get").await, json!({ "menu": shown }));
    let current = json!({
        "is_menu_open": 1,
        "selfmenu_info": { "button": [song, { "name": "菜单", "sub_button": { "list": [shop] } }] },
    });
    assert_eq!(client.get("get_current_selfmenu_info").await, current);
    assert_eq!(code(&client.get("menu/delete").await), 0);
    assert_eq!(code(&client.get("menu/get").await), 46003);
    let none = json!({ "is_menu_open": 0, "selfmenu_info": { "button": [] } });
    assert_eq!(client.get("get_current_selfmenu_info").await, none);
}

#[tokio::test]
async fn a_menu_that_wechat_would_refuse_has_its_code_and_changes_nothing() {
    let (_running, client) = start_with_user(SandboxConfig::default()).await;
    let before = client.get("menu/get").await;
    let click = |name: &str, key: &str| json!({ "type": "click", "name": name, "key": key });
    let view = |url: &str| json!({ "type": "view", "name": "a", "url": url });
    let (good, long_key, long_url) =
        (click("a", "k"), "k".repeat(129), format!("http://a/{}", "a".repeat(1016)));
    let below = |buttons: &[Value]| vec![json!({ "name": "b", "sub_button": buttons })];
    let other = |kind: &str| json!({ "type": kind, "name": "a", "url": "http://a/", "appid": "wx1" });
    let cases = [
        (vec![], 40016),
        (vec![good.clone(), good.clone(), good.clone(), good.clone()], 40016),
        (vec![json!({ "name": "a" })], 40017),
        (vec![other("tap")], 40017),
        (vec![click("一二三四五六", "k")], 40018),
        (vec![json!({ "name": "", "sub_button": [good] })], 40018),
        (vec![click("a", "")], 40019),
        (vec![click("a", &long_key)], 40019),
        (vec![view(&long_url)], 40020),
        (below(&[good.clone(), good.clone(), good.clone(), good.clone(), good.clone(), good.clone()]), 40023),
        (below(&below(std::slice::from_ref(&good))), 40022),
        (below(&[other("tap")]), 40024),
        (below(&[click(&"一".repeat(21), "k")]), 40025),
        (below(&[click("a", "")]), 40026),
        (below(&[view("")]), 40027),
        (vec![other("miniprogram")], 40165),
        (vec![other("media_id")], 40007),
    ];
    for (buttons, expected) in cases {
        let menu = json!({ "button": buttons });
        assert_eq!(code(&client.post("menu/create", &menu).await), expected, "{menu}");
    }
    assert_eq!(code(&client.post("menu/create", &json!({ "buttons": [] })).await), 40016);
    assert_eq!(code(&client.post("menu/create", &json!({ "button": "a" })).await), 47001);
    assert_eq!(code(&client.get("menu/create").await), 43002);
    assert_eq!(code(&client.post("menu/delete", &json!({})).await), 43001);
    assert_eq!(client.get("menu/get").await, before);
    let largest = json!({ "button": below(&[click(&"一".repeat(20), &"k".repeat(128))]) });
    assert_eq!(code(&client.post("menu/create", &largest).await), 0);
}
