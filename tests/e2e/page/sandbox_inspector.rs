//! The inspector: one message's track and what went over the wires, live, copied, replayed.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::browser::{Browser, Driver};
use super::sandbox_chat::{ANSWERS, dev, folder_with};
use crate::harness::Backend;

async fn copied(browser: &Browser, name: &str) -> String {
    browser.click(&format!("[data-copy={name}]")).await;
    browser.wait_for(".toast", 1).await;
    let text = browser.script_async("return navigator.clipboard.readText()").await;
    browser.click(".toast").await;
    text.as_str().unwrap_or_default().to_owned()
}

/// Runs a command that the page gave.
fn run(command: &str) -> String {
    let output = Command::new("sh").args(["-c", command]).env("no_proxy", "*").output().expect("a shell");
    assert!(output.status.success(), "{command}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn tab(browser: &Browser, name: &str) {
    browser.click(&format!(".wires [data-name={name}]")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_looks_at_a_message_from_the_push_to_the_answer() {
    let backend = Backend::answering(|asked| {
        let takes = Duration::from_millis(if asked.content == "it's slow" { 6500 } else { 300 });
        (takes, format!("answer to {}", asked.content))
    })
    .await;
    let folder = folder_with(&backend.route());
    let (_dev, url) = dev(folder.path(), &[]).await;
    let driver = Driver::start();
    let browser = driver.open("en", &url).await;
    browser
        .chromium(
            "Browser.grantPermissions",
            json!({"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}),
        )
        .await;

    browser.type_into("#text", "it's slow\n").await;
    // It runs, and the page shows how long.
    browser.wait_for(".track-row[data-stage=handling][data-tone=open]", 1).await;
    browser.wait_for_text("[data-fact=open]", "1 in progress").await;
    browser.wait_for(ANSWERS, 1).await;
    browser.wait_for(".track-row[data-stage=sent]", 1).await;
    let stages = browser
        .script("return [...document.querySelectorAll('.track-row')].map((row) => row.dataset.stage)")
        .await;
    assert_eq!(stages, json!(["pushed", "stored", "waiting", "handling", "recorded", "sent"]));
    browser.wait_for_text(".verdict", " by API").await;
    browser.wait_for_text(".verdict", "past the 5 s limit").await;
    browser.wait_for(".track[data-limit=kept]", 1).await;
    browser.wait_for_text("[data-stage=handling] .detail", "backend").await;
    // The dashed line lies within the bar of the handling.
    let place = "const limit = Number(getComputedStyle(document.querySelector('.track')).getPropertyValue('--share')) * 100; \
                 const bar = document.querySelector('[data-stage=handling] .span').style; \
                 return parseFloat(bar.insetInlineStart) < limit && limit < parseFloat(bar.insetInlineStart) + parseFloat(bar.inlineSize)";
    assert_eq!(browser.script(place).await, json!(true));
    one_number_is_said_of_the_ack(&browser).await;

    assert!(copied(&browser, "push").await.contains("<Content><![CDATA[it's slow]]></Content>"));
    let response = run(&copied(&browser, "push-curl").await);
    assert!(response.contains("200 OK"), "{response}");
    tab(&browser, "request").await;
    let request: Value = serde_json::from_str(&copied(&browser, "request").await).expect("JSON");
    assert_eq!((&request["content"], &request["attempt"]), (&json!("it's slow"), &json!(1)));
    let again = run(&copied(&browser, "request-curl").await);
    assert!(again.contains("answer to it's slow"), "{again}");
    tab(&browser, "answer").await;
    browser.wait_for_text(".wires .code", "answer to it's slow").await;
    tab(&browser, "calls").await;
    browser.wait_for_text(".wires .badge", "0 ok").await;
    browser.wait_for_text(".wires .code", "\"touser\"").await;

    tab(&browser, "push").await;
    browser.click("[data-replay]").await;
    browser.wait_for(".system.replayed", 1).await;
    browser.wait_for(".lines li", 2).await;
    assert_eq!(browser.count(ANSWERS).await, 1, "a duplicate is not answered again");

    an_older_message_stays_until_you_go_back(&browser).await;
    burst(&browser).await;
    browser.click("#language").await;
    browser.wait_for_text("#conversations h2", "会话").await;
    browser.wait_for(ANSWERS, 5).await;
    browser.close().await;
}

/// Below the bubble, as a badge, on the track, and with the try.
async fn one_number_is_said_of_the_ack(browser: &Browser) {
    let places = [
        ".ack",
        ".verdict .badge",
        "[data-stage=pushed] .value",
        "[data-stage=stored] .value",
        ".lines .number",
    ];
    let said = json!(places);
    let numbers = format!(
        "const ms = (css) => document.querySelector(css).textContent.match(/[\\d.]+ m?s/)[0]; return new Set({said}.map(ms)).size"
    );
    assert_eq!(
        browser.script(&numbers).await,
        json!(1),
        "{:?}",
        browser.texts(".ack, .verdict, .value, .lines").await
    );
}

async fn an_older_message_stays_until_you_go_back(browser: &Browser) {
    browser.type_into("#text", "quick\n").await;
    browser.wait_for_text(".message-head h3", "quick").await;
    browser.wait_for(ANSWERS, 2).await;
    browser.click(".ack").await;
    browser.wait_for_text(".message-head h3", "it's slow").await;
    browser.wait_for(".chosen", 2).await;
    browser.click(".unpin").await;
    browser.wait_for_text(".message-head h3", "quick").await;
}

/// Three at once: each answer names its own message, and its time counts from there.
async fn burst(browser: &Browser) {
    browser.type_into("#text", "one\ntwo\nthree\n").await;
    browser.wait_for(ANSWERS, 5).await;
    let pairs = "const said = (id) => document.querySelector(`.bubble.mine[data-msg-id='${id}']`).textContent; \
                 return [...document.querySelectorAll('.note.after')].slice(-3).every((note) => \
                 note.parentElement.querySelector('.bubble').textContent === `answer to ${said(note.dataset.for)}`)";
    assert_eq!(browser.script(pairs).await, json!(true));
}
