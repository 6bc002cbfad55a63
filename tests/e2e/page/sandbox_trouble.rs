//! Trouble on order: each row shows that it stands, says so in the chat, acts, and is undone.

use huixin_sandbox::SandboxConfig;
use serde_json::json;

use super::browser::{Browser, Driver};
use super::sandbox_chat::{ANSWERS, dev};
use super::sandbox_panels::acked;

async fn open_trouble(browser: &Browser) {
    browser.click(".panes > .tabs [data-name=trouble]").await;
    browser.wait_for("[data-trouble=code-45015]", 1).await;
}

/// Presses a row, and waits until it is on or off.
async fn press(browser: &Browser, name: &str, on: bool) {
    browser.click(&format!("[data-trouble={name}]")).await;
    browser.wait_for(&format!("[data-trouble={name}][aria-pressed={on}]"), 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_trouble_that_can_stand_is_shown_and_undone() {
    let wechat = acked(SandboxConfig::default()).await;
    let driver = Driver::start();
    let browser = driver.open("zh-CN", wechat.base_url.as_str()).await;
    open_trouble(&browser).await;
    let names = [
        "code-45015",
        "code-45047",
        "code-48001",
        "code-45009",
        "code-40001",
        "code--1",
        "delay",
        "cut",
        "cut_after_accept",
        "html",
        "no-right",
        "lost_ack",
        "hang_up",
    ];
    for (n, name) in names.into_iter().enumerate() {
        press(&browser, name, true).await;
        browser.wait_for(".system.ordered", 2 * n + 1).await;
        press(&browser, name, false).await;
        browser.wait_for(".system.ordered", 2 * n + 2).await;
    }
    let lines = browser.texts(".system.ordered").await;
    assert_eq!(lines[0], "已注入：45015 超过 48 小时未互动（接下来 1 次）");
    assert_eq!(lines[1], "已解除：45015 超过 48 小时未互动");
    assert!(lines.iter().step_by(2).all(|line| line.starts_with("已注入：")), "{lines:?}");

    // How often, and all at once.
    browser.script("const times = document.getElementById('fault-times'); times.value = '3';").await;
    press(&browser, "code-45009", true).await;
    browser.wait_for_text("[data-trouble=code-45009]", "还剩 3 次").await;
    browser.script("document.getElementById('fault-times').value = '0';").await;
    press(&browser, "delay", true).await;
    browser.wait_for_text(".panes > .tabs [data-name=trouble]", "故障 2").await;
    browser.click("[data-trouble=undo-all]").await;
    browser.wait_until_gone("[data-trouble][aria-pressed=true]").await;
    assert_eq!(wechat.sandbox.faults().active().len(), 0);

    // What can't be undone stands for nobody to press away.
    for name in ["clock-48h", "token-revoke", "token-expire"] {
        browser.click(&format!("[data-trouble={name}]")).await;
    }
    browser.wait_for_text("[data-fact=clock]", "时钟快 2 天").await;
    assert_eq!(
        browser.count(".trouble section:not([hidden]) [data-trouble=kill]").await,
        0,
        "no worker is here"
    );
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_ack_and_a_refused_send_are_seen_and_a_killed_worker_s_message_is_answered() {
    let folder = super::sandbox_chat::folder_with("[worker]\nlease = \"3s\"\n");
    let (_dev, url) = dev(folder.path(), &[]).await;
    let driver = Driver::start();
    let browser = driver.open("en", &url).await;
    open_trouble(&browser).await;

    press(&browser, "lost_ack", true).await;
    press(&browser, "code--1", true).await;
    browser.type_into("#text", "hello\n").await;
    browser.wait_for(".ack[data-tries='2']", 1).await;
    browser.wait_for_text(".system.faulted", "a push").await;
    browser.wait_for(ANSWERS, 1).await;
    browser
        .wait_for_text(".system.refused", "WeChat refused the answer: -1\u{a0}System busy (injected)")
        .await;
    let notices = browser.texts(".system.refused, .system.faulted").await;
    assert_eq!(notices.len(), 2, "one for each trouble: {notices:?}");
    browser.wait_until_gone("[data-trouble][aria-pressed=true]").await;

    browser.type_into("#text", "?18-546\n").await;
    browser.wait_for(".ack[data-ack-ms]", 2).await;
    browser.click("[data-trouble=kill]").await;
    browser.wait_for(".system.ordered", 3).await;
    browser.wait_longer_for(ANSWERS, 2, crate::harness::PATIENCE).await;
    let words = "return document.querySelectorAll('.fault').length";
    assert_eq!(browser.script(words).await, json!(0), "the user sees nothing of it");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn troubles_are_grouped_and_one_without_an_undo_says_so() {
    let wechat = acked(SandboxConfig::default()).await;
    let driver = Driver::start();
    let browser = driver.open("en", wechat.base_url.as_str()).await;
    open_trouble(&browser).await;
    let groups = browser.texts(".trouble-group h3").await;
    assert_eq!(groups[..3], ["Answers WeChat refuses", "Network", "Time and tokens"]);
    let rows = "return [...document.querySelectorAll('.trouble-row')].every((row) => row.querySelector('b').textContent && row.querySelector('.soft').textContent)";
    assert_eq!(browser.script(rows).await, json!(true), "each has a name and says what it does");
    browser.wait_for_text("[data-trouble=cut] .trouble-side", "Inject").await;
    press(&browser, "cut", true).await;
    browser.wait_for_text("[data-trouble=cut] .trouble-side", "Remove").await;
    for final_one in ["clock-1min", "clock-48h"] {
        browser.wait_for_text(&format!(".final[data-trouble={final_one}] .trouble-side"), "No undo").await;
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_refused_try_has_its_code_on_the_track_and_every_place_says_that_the_answer_is_on_hold() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (_dev, url) = dev(folder.path(), &[]).await;
    let driver = Driver::start();
    let browser = driver.open("en", &url).await;
    open_trouble(&browser).await;
    browser.script("document.getElementById('fault-times').value = '0';").await;
    press(&browser, "code-45015", true).await;
    browser.wait_for_text("[data-fact=right]", "Next send will fail: Outside the 48-hour window").await;
    browser.type_into("#text", "hello\n").await;
    browser.wait_for_text(".system.refused", "45015").await;
    browser.wait_for_text("[data-fact=right]", "Can't send: Outside the 48-hour window").await;
    browser.click(".panes > .tabs [data-name=message]").await;
    browser.wait_for_text("[data-stage=refused] .code-mark", "45015").await;
    browser.wait_for("[data-stage=pending] .endless", 1).await;
    // The next try's mark is beside the first, or counted with it.
    browser.wait_for_text("[data-stage=refused] .detail", " attempts").await;
    let marked = "return [...document.querySelectorAll('.code-mark')].reduce((sum, mark) => sum + Number(mark.textContent.split('×')[1] ?? 1), 0)";
    browser.wait_until(&format!("{marked} >= 2"), &json!(true)).await;
    assert_eq!(browser.count("[data-stage=sent]").await, 0);

    // Every place calls it by the same name, and says what releases it.
    browser.wait_for_text("[data-fact=held]", "1 on hold").await;
    assert_eq!(browser.count("[data-fact=open]").await, 0);
    browser.wait_for_text("[data-stage=pending] .stage", "On hold").await;
    browser.wait_for_text(".verdict", "On hold").await;
    browser.wait_for_text(".ack", "On hold").await;
    for place in [".reason", ".system.refused"] {
        browser.wait_for_text(place, "Sent again when the user writes.").await;
    }
    browser.close().await;
}
