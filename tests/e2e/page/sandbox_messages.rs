//! Every type of message, as a person sees it at the sandbox's page.

use std::time::Duration;

use huixin_sandbox::{MediaKind, Opener, Push, RunningSandbox, SandboxConfig, SendWindow, What};
use serde_json::{Value, json};

use super::browser::Driver;
use crate::harness::PATIENCE;

pub(super) const USER: &str = "oHuixinXiaoming0000000000001";
/// A picture of one red dot.
pub(super) const DOT: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\xff\0\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

/// The pretend WeChat alone.
pub(super) async fn pretend(config: SandboxConfig) -> RunningSandbox {
    let _ = rustls::crypto::ring::default_provider().install_default();
    RunningSandbox::start(config).await.expect("a port is free")
}

/// A message to the user, as a worker would send it.
pub(super) async fn send(wechat: &RunningSandbox, path: &str, body: Value) {
    let answer = call(wechat, path, body.clone()).await;
    assert_eq!(answer["errcode"], 0, "{body}: {answer}");
}

/// The same, whatever is answered.
pub(super) async fn call(wechat: &RunningSandbox, path: &str, mut body: Value) -> Value {
    body["touser"] = json!(USER);
    let token = wechat
        .sandbox
        .fetch_token_elsewhere("main", huixin_sandbox::Elsewhere::Stable)
        .expect("tokens are left");
    let url = format!("{}cgi-bin/message/custom/{path}?access_token={token}", wechat.base_url);
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let answer = http.post(url).body(body.to_string()).send().await.expect("an answer");
    answer.json().await.expect("JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_sees_every_type_of_message_and_taps_an_item_of_a_menu() {
    let after_message = SendWindow { sends: 20, lasts: Duration::from_secs(600) };
    let config = SandboxConfig { after_message, ..SandboxConfig::default() };
    let wechat = pretend(config).await;
    let sandbox = &wechat.sandbox;
    for (id, kind) in [("I", MediaKind::Image), ("V", MediaKind::Voice), ("F", MediaKind::Video)] {
        sandbox.plant_media("main", id, kind, if kind == MediaKind::Image { DOT } else { b"" });
    }
    let driver = Driver::start();
    let browser = driver.open("en", wechat.base_url.as_str()).await;
    sandbox.push(Push::text("main", USER, "hi")).await;

    send(&wechat, "typing", json!({"command": "Typing"})).await;
    browser.wait_for(".typing i", 3).await;
    let article = json!({"title": "Sunday", "description": "d", "url": "https://example.com/", "picurl": ""});
    let menu = json!({"head_content": "Content?", "list": [{"id": "101", "content": "yes"}, {"id": "102", "content": "no"}]});
    let messages = [
        json!({"msgtype": "image", "image": {"media_id": "I"}, "aimsgcontext": {"is_ai_msg": 1}}),
        json!({"msgtype": "voice", "voice": {"media_id": "V"}}),
        json!({"msgtype": "video", "video": {"media_id": "F", "thumb_media_id": "I", "title": "A film"}}),
        json!({"msgtype": "news", "news": {"articles": [article]}}),
        json!({"msgtype": "mpnewsarticle", "mpnewsarticle": {"article_id": "A-1"}}),
        json!({"msgtype": "msgmenu", "msgmenu": menu}),
    ];
    for message in &messages {
        send(&wechat, "send", message.clone()).await;
    }
    let bubbles = browser.wait_for(".bubble.theirs[data-type]", messages.len()).await;
    assert_eq!(browser.count(".typing").await, 0, "a message ends typing");
    for (bubble, (kind, says)) in bubbles.iter().zip([
        ("image", ""),
        ("voice", "Voice"),
        ("video", "A film"),
        ("news", "https://example.com/"),
        ("mpnewsarticle", "A-1"),
        ("msgmenu", "Content?"),
    ]) {
        let attribute = bubble.attr("data-type").await.expect("an attribute");
        assert_eq!(attribute.as_deref(), Some(kind));
        let text = bubble.text().await.expect("a text");
        assert!(text.contains(says), "{kind}: {text}");
    }
    browser.wait_for(".note.ai", 1).await;
    let pictures =
        "return [...document.querySelectorAll('img.uploaded')].filter((i) => i.naturalWidth === 1).length";
    browser.wait_until(pictures, &json!(2)).await;

    send(&wechat, "send", json!({"msgtype": "text", "text": {"content": "last"}})).await;
    browser.wait_for(".note.after", messages.len() + 1).await;
    // The note below the newest answer is seen.
    let at_end = "const s = document.getElementById('scroll'); return s.scrollTop > 0 && s.scrollHeight - s.clientHeight - s.scrollTop < 1";
    browser.wait_until(at_end, &json!(true)).await;

    let items = browser.wait_for("button.item", 2).await;
    items[0].click().await.expect("it can be tapped");
    let is_tap = |entry: &huixin_sandbox::TranscriptEntry| matches!(&entry.what, What::Said { content, .. } if content == "yes");
    sandbox.transcript().wait_for_matches(is_tap, 1, PATIENCE).await.expect("the tap is a text");
    assert_eq!(sandbox.right("main", USER).expect("a right").by, Opener::Click);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_sees_what_came_in_a_response_and_taps_the_link_in_it() {
    let wechat = pretend(SandboxConfig::default()).await;
    let content = "<a href=\"weixin://bizmsgmenu?msgmenucontent=%E7%BB%A7%E7%BB%AD&msgmenuid=7\">more</a>";
    let answer = format!(
        "<xml><ToUserName>{USER}</ToUserName><FromUserName>gh_sandbox_main</FromUserName><CreateTime>1718000011\
         </CreateTime><MsgType>text</MsgType><Content><![CDATA[Later: {content}]]></Content></xml>"
    );
    let receiver = axum::Router::new().fallback(move || std::future::ready(answer.clone()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, receiver).await });
    wechat.sandbox.set_push_url("main", url.parse().expect("a URL"));
    let driver = Driver::start();
    let browser = driver.open("en", wechat.base_url.as_str()).await;
    wechat.sandbox.push(Push::text("main", USER, "hi")).await;

    browser.wait_for_text(".note.after[data-how=passive][data-n='1']", "in the response to attempt 1").await;
    let links = browser.wait_for(".bubble.theirs a.tap[data-menu-id='7']", 1).await;
    assert_eq!(links[0].text().await.expect("a text"), "more");
    links[0].click().await.expect("it can be tapped");
    let is_tap = |entry: &huixin_sandbox::TranscriptEntry| matches!(&entry.what, What::Said { content, .. } if content == "继续");
    let tap = wechat.sandbox.transcript().wait_for_matches(is_tap, 1, PATIENCE).await;
    tap.expect("the tap is a text");
    assert_eq!(wechat.sandbox.right("main", USER).expect("a right").by, Opener::Click);
    send(&wechat, "send", json!({"msgtype": "text", "text": {"content": "by the other way"}})).await;
    browser.wait_for(".note.after[data-how=api]", 1).await;
    browser.close().await;
}
