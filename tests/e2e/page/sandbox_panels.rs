//! What a user can do besides writing: files, a place, a scan, a link, the menu, following and leaving; and that nothing which
//! somebody wrote is ever more than text.

use std::path::PathBuf;

use huixin_sandbox::{MenuButton, Push, RunningSandbox, SandboxConfig, TranscriptEntry, What};
use serde_json::json;

use super::browser::{Browser, Driver};
use super::sandbox_messages::{DOT, USER, pretend, send};
use crate::harness::PATIENCE;

/// The pretend WeChat with a receiver that acks everything.
pub(super) async fn acked(config: SandboxConfig) -> RunningSandbox {
    let wechat = pretend(config).await;
    let receiver = axum::Router::new().fallback(async || "success");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, receiver).await });
    wechat.sandbox.set_push_url("main", url.parse().expect("a URL"));
    wechat
}

async fn wait_for_said(wechat: &RunningSandbox, kind: &str) -> TranscriptEntry {
    let is_it =
        |entry: &TranscriptEntry| matches!(&entry.what, What::Said { kind: said, .. } if said == kind);
    let found = wechat.sandbox.transcript().wait_for_matches(is_it, 1, PATIENCE).await;
    (*found.unwrap_or_else(|error| panic!("{kind}: {error}"))[0]).clone()
}

fn file(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> String {
    let path: PathBuf = folder.path().join(name);
    std::fs::write(&path, bytes).expect("the folder can be written to");
    path.display().to_string()
}

async fn tap(browser: &Browser, tile: &str) {
    if browser.count("#plus-panel[hidden]").await == 1 {
        browser.click("#plus").await;
    }
    browser.click(&format!("[data-tile={tile}]")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_sends_files_a_place_a_scan_and_a_link_follows_and_leaves() {
    let wechat = acked(SandboxConfig::default()).await;
    let driver = Driver::start();
    let browser = driver.open("zh-CN", wechat.base_url.as_str()).await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");

    // Three seconds in WeChat's own format.
    let recording = [b"#!AMR\n".to_vec(), [0x04; 13].repeat(150)].concat();
    browser.type_into("#file-image", &file(&folder, "dot.gif", DOT)).await;
    browser.wait_until("return document.querySelector('.mine img.uploaded')?.naturalWidth", &json!(1)).await;
    browser.type_into("#file-voice", &file(&folder, "voice.amr", &recording)).await;
    browser.wait_for_text(".mine .voice", "3″").await;
    browser.type_into("#file-video", &file(&folder, "film.mp4", b"\0\0\0\x18ftypmp42")).await;
    browser.wait_for(".mine .film", 1).await;
    browser.type_into("#file-video", &file(&folder, "film.txt", b"no film")).await;
    browser.wait_for_text(".toast", "MP4").await;

    tap(&browser, "place").await;
    browser.click("dialog .chip:nth-child(2)").await;
    browser.click("dialog [type=submit]").await;
    let What::Said { content, .. } = wait_for_said(&wechat, "location").await.what else { unreachable!() };
    assert_eq!(content, "天安门");
    tap(&browser, "scan").await;
    browser.type_into("dialog input", "45\n").await;
    let What::Said { content, .. } = wait_for_said(&wechat, "SCAN").await.what else { unreachable!() };
    assert_eq!(content, "12345", "what stood there, and what was written");
    tap(&browser, "link").await;
    browser.click("dialog [type=submit]").await;
    wait_for_said(&wechat, "link").await;
    browser.wait_for_text(".mine[data-type=location]", "39.908823, 116.39747").await;
    browser.wait_for_text(".mine[data-type=link]", "https://").await;
    for (tile, kind, words) in
        [("follow", "subscribe", "你关注了公众号"), ("unfollow", "unsubscribe", "你取消关注了公众号")]
    {
        tap(&browser, tile).await;
        wait_for_said(&wechat, kind).await;
        browser.wait_for_text(&format!(".event[data-type={kind}]"), words).await;
    }
    browser.wait_for_text("[data-fact=right]", "不能发送：用户已取消关注").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tap_in_the_menu_is_a_line_with_the_button_s_name_which_the_inspector_shows() {
    let menu = serde_json::from_value::<Vec<MenuButton>>(json!([
        {"name": "Look up", "sub_button": [{"name": "Desk", "type": "click", "key": "desk"}, {"name": "Site", "type": "view", "url": "http://site.test/"}]},
        {"name": "Joke", "type": "click", "key": "joke"}]));
    let mut config = SandboxConfig::default();
    config.accounts[0].menu = menu.expect("a menu");
    let wechat = acked(config).await;
    let driver = Driver::start();
    let browser = driver.open("en", wechat.base_url.as_str()).await;
    browser.click("#switch").await;
    browser.click(".menu-top").await;
    browser.click("button.menu[data-key=desk]").await;
    let What::Said { content, .. } = wait_for_said(&wechat, "CLICK").await.what else { unreachable!() };
    assert_eq!(content, "desk");
    assert_eq!(browser.count(".menu-list:not([hidden])").await, 0, "the list closes");
    browser.click(".menu-top").await;
    browser.click("button.menu[data-url]").await;
    let What::Said { content, .. } = wait_for_said(&wechat, "VIEW").await.what else { unreachable!() };
    assert_eq!(content, "http://site.test/");
    browser.click("button.menu[data-key=joke]").await;
    browser.wait_for(".event[data-type=CLICK]", 2).await;
    assert_eq!(browser.count(".bubble").await, 0, "WeChat shows no bubble for a tap");
    let lines = browser.texts(".event-text").await;
    assert_eq!(lines, ["You tapped “Desk”", "You opened “Site”", "You tapped “Joke”"]);
    browser.wait_for_text(".message-head h3", "You tapped “Joke”").await;
    browser.click(".event .ack").await;
    browser.wait_for_text(".message-head h3", "You tapped “Desk”").await;
    browser.wait_for(".event.chosen", 1).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_wrote_is_text_and_the_page_asks_nobody_else() {
    let wechat = acked(SandboxConfig::default()).await;
    let driver = Driver::start();
    let browser = driver.open("en", wechat.base_url.as_str()).await;
    let markup = "<script>window.owned = 1</script><img src=x onerror='window.owned = 1'>";
    browser.click("#add-user").await;
    browser.type_into("dialog input[name=name]", "<b onclick=x>Eve</b>\n").await;
    browser.wait_for_text(".chat-row[aria-current] .chat-name", "<b onclick=x>Eve</b>").await;
    browser.type_into("#text", &format!("{markup}\n")).await;
    browser.wait_for_text(".bubble.mine", markup).await;
    browser.wait_for_text(".message-head h3", "<script>").await;
    browser.wait_for_text(".wires .code", "<script>").await;

    wechat.sandbox.push(Push::text("main", USER, markup)).await;
    let text = json!({"msgtype": "text", "text": {"content": format!("{markup}<a href=\"javascript:owned=1\">x</a>")}});
    send(&wechat, "send", text).await;
    let article = json!({"title": markup, "description": markup, "url": "javascript:owned=1", "picurl": "http://elsewhere.test/a.png"});
    send(&wechat, "send", json!({"msgtype": "news", "news": {"articles": [article]}})).await;
    browser.click(".chat-row:not([aria-current])").await;
    browser.wait_for(".bubble.theirs[data-type=news]", 1).await;
    let refused = json!({"touser": USER, "msgtype": markup});
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let url = format!("{}cgi-bin/message/custom/send?access_token=none", wechat.base_url);
    http.post(url).body(refused.to_string()).send().await.expect("an answer");

    let elements = "return [window.owned ?? null, document.querySelectorAll('.scroll script, .scroll b, .chats b b, .wires script, a[href^=javascript]').length]";
    assert_eq!(browser.script(elements).await, json!([null, 0]));
    let foreign = "return performance.getEntriesByType('resource').map((one) => one.name).filter((name) => !name.startsWith(location.origin) && !/^(data|blob):/.test(name))";
    assert_eq!(browser.script(foreign).await, json!([]), "the page asks nobody else");
    browser.close().await;
}
