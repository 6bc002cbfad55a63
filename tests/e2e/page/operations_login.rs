//! Who may use the operations page: a token at its door, and one that only reads.

use serde_json::json;

use super::browser::{Browser, Driver};
use super::operations::{is_unharmed, visit};
use crate::api::{FULL, READ, start};

/// Types a token.
async fn show(browser: &Browser, token: &str) {
    browser.type_into("#token", &format!("{token}\n")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_is_refused_the_right_one_changes_and_one_only_reads() {
    let running = start(false).await;
    let driver = Driver::start();
    // A link that was shared leads there after the login.
    let browser = driver.open("en", &format!("{}#/accounts", running.url)).await;
    show(&browser, "another").await;
    browser.wait_for_text("#login-problem", "This token is wrong").await;
    assert_eq!(browser.count("#accounts").await, 0);
    show(&browser, READ).await;
    browser.wait_for_text("#reader", "Read only").await;
    browser.wait_for("#accounts [data-key^='pause-main'][aria-disabled=true]", 1).await;
    browser.click("#accounts [data-key^='pause-main']").await;
    browser.wait_for_text(".toast", "Your token may only read").await;
    assert_eq!(browser.count("dialog").await, 0);
    // And the API, asked behind the page's back, says the same.
    let ask = "const headers = { 'content-type': 'application/json' };
        const body = JSON.stringify({ what: {}, reason: 'x' });
        const answer = await fetch('v1/pause', { method: 'POST', headers, body });
        return [answer.status, (await answer.json()).error];";
    assert_eq!(browser.script_async(ask).await[0], 403);

    browser.click("#logout").await;
    browser.wait_for("#login", 1).await;
    show(&browser, FULL).await;
    browser.wait_for("#accounts [data-key^='pause-main']:not([aria-disabled])", 1).await;
    browser.click("#accounts [data-key^='pause-main']").await;
    browser.type_into("dialog [name=reason]", "because\n").await;
    browser.wait_for_text("#accounts article", "because").await;
    browser.click("#accounts [data-key^='resume-main']").await;
    visit(&browser, "#/changes").await;
    browser.wait_for_text("#changes", "token session").await;
    // The session outlives the page; no script sees its cookie.
    browser.goto("about:blank").await;
    browser.goto(&format!("{}#/changes", running.url)).await;
    browser.wait_for("#changes tbody tr", 2).await;
    assert_eq!(browser.script("return document.cookie").await, json!(""));

    browser.click("#logout").await;
    browser.wait_for("#login", 1).await;
    for _ in 0..10 {
        show(&browser, "another").await;
        browser
            .wait_until("return document.querySelector('#login [type=submit]').disabled", &json!(false))
            .await;
    }
    show(&browser, FULL).await;
    browser.wait_for_text("#login-problem", "Too many wrong tries").await;
    is_unharmed(&browser).await;
    browser.close().await;
    running.end().await;
}
