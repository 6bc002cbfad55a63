//! Pause and resume at the operations page, and the end of a user's data.

use super::operations::{Operated, SCRIPT, is_unharmed, visit};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_paused_for_a_reason_that_is_shown_and_resumed() {
    let operated = Operated::start().await;
    let browser = operated.open("en", "#/accounts").await;
    browser.click("#accounts [data-key^='pause-main']").await;
    browser.type_into("dialog [name=reason]", &format!("the backend moves {SCRIPT}\n")).await;
    let card = browser.wait_for_text("#accounts article", "the backend moves").await;
    assert!(card.contains(SCRIPT), "{card}");
    operated.stack.say("oAnna", "hello").await;
    visit(&browser, "#/").await;
    browser.wait_for_text("#state", "main is paused").await;
    browser.wait_for_text("#state", SCRIPT).await;
    browser.wait_for_text("#tile-open b", "1").await;
    assert!(operated.stack.texts_to("oAnna").is_empty(), "it waits");
    visit(&browser, "#/accounts").await;
    browser.click("#accounts [data-key^='resume-main']").await;
    operated.stack.wait_for_sends("oAnna", 1).await;
    browser.wait_for("#accounts [data-key^='pause-main']", 1).await;
    // Also everything.
    browser.click("#everything [data-key^=pause-everything]").await;
    browser.type_into("dialog [name=reason]", "a short rest\n").await;
    browser.wait_for_text("#everything", "a short rest").await;
    browser.click("#everything [data-key^=resume-everything]").await;
    browser.wait_for("#everything [data-key^=pause-everything]", 1).await;
    assert_eq!(operated.deeds().await, ["pause", "resume", "pause", "resume"]);
    is_unharmed(&browser).await;
    browser.close().await;
    operated.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_is_paused_seen_in_line_resumed_and_forgotten_in_two_steps() {
    let operated = Operated::start().await;
    let browser = operated.open("en", "#/user/main/oAnna").await;
    browser.click("#lane [data-key^=pause]").await;
    browser.type_into("dialog [name=reason]", "they ask for it\n").await;
    browser.wait_for_text("#lane", "they ask for it").await;
    operated.stack.say("oAnna", "hello").await;
    // The first in line, found by itself.
    browser.wait_for("#lane li a", 1).await;
    browser.wait_for_text("#lane", "waits until the pause ends").await;
    browser.click("#lane li a").await;
    browser.wait_for_text("#ends", "It waits").await;
    visit(&browser, "#/accounts").await;
    browser.wait_for_text("#paused-users", "main/oAnna").await;
    browser.click("#paused-users [data-key^=resume]").await;
    operated.stack.wait_for_sends("oAnna", 1).await;

    visit(&browser, "#/user/main/oAnna").await;
    browser.wait_for_text("#kept", "1 record in the journal").await;
    browser.click("#kept [data-key=forget]").await;
    browser.click("dialog [type=submit]").await;
    browser.type_into("dialog [name=end]", "nnnn\n").await;
    browser.wait_for_text(".toast[data-tone=bad]", "Nothing was removed").await;
    browser.click(".toast[data-tone=bad]").await;
    browser.click("#kept [data-key=forget]").await;
    browser.click("dialog [type=submit]").await;
    browser.type_into("dialog [name=end]", "Anna\n").await;
    browser.wait_for_text("#kept", "0 records in the journal").await;
    assert_eq!(operated.deeds().await, ["pause", "resume", "forget"]);
    // The page of an account that isn't there says so, in the API's words.
    visit(&browser, "#/user/main%2Fx/oAnna").await;
    browser.wait_for_text("#failure", "no account").await;
    browser.close().await;
    operated.end().await;
}
