//! Whether everybody can use the sandbox's page, in each of its states.

use huixin_sandbox::{Fault, FaultOrder, Push, SandboxConfig, When};
use serde_json::json;

use super::browser::Driver;
use super::looks;
use super::sandbox_messages::{DOT, USER, call};
use super::sandbox_panels::acked;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_can_read_and_press_the_sandbox_s_page() {
    let config = SandboxConfig {
        after_message: huixin_sandbox::SendWindow { sends: 20, ..SandboxConfig::default().after_message },
        ..SandboxConfig::default()
    };
    let wechat = acked(config).await;
    let sandbox = &wechat.sandbox;
    sandbox.plant_media("main", "I", huixin_sandbox::MediaKind::Image, DOT);
    let long = "o".repeat(128);
    sandbox.push(Push::text("main", long.as_str(), "wide".repeat(200).as_str())).await;
    sandbox.push(Push::text("main", USER, "w".repeat(300).as_str())).await;
    sandbox.faults().order(FaultOrder::new(
        [huixin_sandbox::Endpoint::Send],
        Fault::Code(45015),
        When::Next(1),
    ));
    let driver = Driver::start();
    let browser = driver.open("zh-CN", wechat.base_url.as_str()).await;
    browser.picture("empty").await;
    let menu = json!({"head_content": "?", "list": [{"id": "1", "content": "yes"}], "tail_content": "."});
    // The first is refused by the fault that stands.
    for message in [
        json!({"msgtype": "text", "text": {"content": "refused"}}),
        json!({"msgtype": "text", "text": {"content": "<a href=\"https://example.com/\">link</a>"}, "aimsgcontext": {"is_ai_msg": 1}}),
        json!({"msgtype": "image", "image": {"media_id": "I"}}),
        json!({"msgtype": "news", "news": {"articles": [{"title": "T", "description": "d", "url": "https://example.com/", "picurl": ""}]}}),
        json!({"msgtype": "msgmenu", "msgmenu": menu}),
    ] {
        call(&wechat, "send", message).await;
    }
    browser.wait_for(".bubble.theirs", 4).await;
    looks::check(&browser, "a chat").await;
    browser.picture("chat").await;

    browser.click("#plus").await;
    browser.click(".panes > .tabs [data-name=trouble]").await;
    browser.click("[data-trouble=code-45009]").await;
    browser.click("[data-trouble=no-right]").await;
    browser.wait_for("[data-trouble=no-right][aria-pressed=true]", 1).await;
    looks::check(&browser, "trouble and the + panel").await;
    browser.picture("trouble").await;

    browser.click("#switch").await;
    browser.click("#add-user").await;
    looks::check(&browser, "a question").await;
    browser.press(fantoccini::key::Key::Escape).await;
    browser.wait_until_gone("dialog").await;

    for (button, sheet) in [("#open-conversations", "conversations"), ("#open-inspector", "inspector")] {
        browser.size(390, 844).await;
        browser.click(button).await;
        browser.wait_for(&format!("#{sheet}.open"), 1).await;
        looks::as_it_is(&browser, &format!("the sheet of {sheet}")).await;
        looks::by_keyboard(&browser, &format!("the sheet of {sheet}")).await;
        browser.picture(sheet).await;
        browser.press(fantoccini::key::Key::Escape).await;
        browser.wait_until_gone(&format!("#{sheet}.open")).await;
        let focus = "return '#' + document.activeElement.id";
        browser.wait_until(focus, &json!(button)).await;
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_forgets_the_oldest_of_a_flood() {
    let wechat = acked(SandboxConfig::default()).await;
    let driver = Driver::start();
    let browser = driver.open("en", wechat.base_url.as_str()).await;
    for n in 0..1500 {
        wechat.sandbox.push(Push::text("main", USER, format!("{n}").as_str())).await;
    }
    browser.wait_for_text("#chat > li:last-child .bubble", "1499").await;
    let rows = browser.script("return document.querySelectorAll('#chat > li').length").await;
    assert!(rows.as_u64().is_some_and(|rows| rows <= 1000), "{rows}");
    browser.close().await;
}
