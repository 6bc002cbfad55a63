//! "The bot didn't answer at 14:03": the page alone tells the causes apart.

use huixin_sandbox::Push;
use serde_json::json;

use super::browser::Browser;
use super::operations::{Operated, SCRIPT, is_unharmed, visit};

/// Searches for a user, and gives what the page says first.
async fn asked(browser: &Browser, user: &str, words: &str) -> String {
    visit(browser, "#/journal").await;
    browser.wait_for("#search [name=account] option", 2).await;
    browser.type_into("#search [name=who]", &format!("{user}\n")).await;
    browser.wait_for_text("#findings", words).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_alone_tells_why_a_user_got_no_answer() {
    let operated = Operated::start().await;
    let stack = &operated.stack;
    for (user, text) in [("oFails", "fail"), ("oRefused", "refused"), ("oAnswered", "hello")] {
        stack.say(user, text).await;
    }
    stack.sandbox.sandbox.push_once(&Push::image("main", "oUnmatched")).await;
    let forged = format!("{}?signature=0&timestamp=1&nonce=2&openid=oTurnedAway", stack.push_url());
    let answer = reqwest::Client::new().post(forged).body("<xml/>").send().await.expect("it answers");
    assert_eq!(answer.status(), 403);
    operated.wait_for_dead(2).await;
    stack.wait_for_sends("oAnswered", 1).await;

    let browser = operated.open("en", "#/journal").await;
    asked(&browser, "oNobody", "It never came").await;
    let failed = asked(&browser, "oFails", "The service failed").await;
    assert!(failed.contains("can't be sent") && failed.contains(SCRIPT), "{failed}");
    let refused = asked(&browser, "oRefused", "WeChat refused 1 answer: 40007").await;
    assert!(refused.contains("rid") && refused.contains("media"), "{refused}");
    asked(&browser, "oUnmatched", "No route takes 1 message").await;
    asked(&browser, "oAnswered", "WeChat took the answer").await;
    // The receiver stores its sums every few seconds.
    let counted = async { while operated.get("trace?limit=0").await["refused"][0]["count"] != 1 {} };
    tokio::time::timeout(crate::harness::PATIENCE, counted).await.expect("the refusal is counted");
    let turned_away = asked(&browser, "oTurnedAway", "turned away at the door").await;
    assert!(turned_away.contains("another token") && turned_away.contains("token"), "{turned_away}");
    let never_came = asked(&browser, "oNobody", "It never came").await;
    assert!(!never_came.contains("turned away"), "{never_came}");

    // The whole history of one, by a link; also found by a time.
    asked(&browser, "main/oFails", "The service failed").await;
    browser.click("#messages tbody a").await;
    let history = browser.wait_for_text("#ends", "What happened").await;
    for words in
        ["Taken in", "Its handler started", "route service", "Dead".to_lowercase().as_str(), "main", "oFails"]
    {
        assert!(history.contains(words), "{words}: {history}");
    }
    let address = browser.script("return location.hash").await;
    assert!(address.as_str().is_some_and(|hash| hash.starts_with("#/message/m")), "{address}");
    visit(&browser, "#/journal?at=25:00").await;
    browser.wait_for_text("#mistake", "This time can't be read").await;
    let now = "return new Date().toTimeString().slice(0, 5)";
    let now = browser.script(now).await;
    visit(&browser, &format!("#/journal?at={}&within=5", now.as_str().expect("a time"))).await;
    browser.wait_for("#messages tbody tr", 4).await;
    visit(&browser, "#/journal?end=dead&code=40007").await;
    browser.wait_until("return document.querySelectorAll('#messages tbody tr').length", &json!(1)).await;
    is_unharmed(&browser).await;
    browser.close().await;
    operated.end().await;
}
