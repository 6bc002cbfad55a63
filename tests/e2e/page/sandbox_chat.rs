//! A chat at the sandbox's page, the whole of `huixin dev` behind it.

use std::path::Path;
use std::time::{Duration, Instant};

use super::browser::Driver;
use crate::harness::{Backend, Process, long};

/// The bubbles of the account.
pub(super) const ANSWERS: &str = "li:not(.typing) .bubble.theirs";

/// `huixin dev` in a folder, and where its page is.
pub(super) async fn dev(folder: &Path, arguments: &[&str]) -> (Process, String) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments = [&["dev"], arguments].concat();
    let dev = Process::spawn(&arguments, folder, folder.join("dev.log"), &[]);
    let url = dev.url_after("Open ").await;
    (dev, url.trim_end_matches(';').to_owned())
}

/// A folder with this configuration.
pub(super) fn folder_with(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::write(folder.path().join("huixin.toml"), config).expect("the folder can be written to");
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_gets_the_slow_answer_in_a_browser() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (_dev, url) = dev(folder.path(), &[]).await;
    let driver = Driver::start();
    let browser = driver.open("zh-CN", &url).await;
    let language = browser.attribute("html", "lang").await;
    assert_eq!(language.as_deref(), Some("zh-CN"), "the page speaks the browser's language");

    // As an English and as a Chinese keyboard types it.
    for (n, typed) in ["?18-546\n", "？18-546\n"].into_iter().enumerate() {
        browser.type_into("#text", typed).await;
        let acks = browser.wait_for(".ack[data-ack-ms]", n + 1).await;
        let said = Instant::now();
        let ack = async |name| acks[n].attr(name).await.expect("an attribute").unwrap_or_default();
        let ack_ms: f64 = ack("data-ack-ms").await.parse().expect("a number");
        assert!(ack_ms < 1000.0, "acked after {ack_ms} ms, long before the answer");
        assert_eq!(ack("data-tries").await, "1");
        assert_eq!(browser.count(ANSWERS).await, n, "the answer isn't there yet");
        browser.wait_longer_for(ANSWERS, n + 1, Duration::from_secs(30)).await;
        assert!(said.elapsed() > Duration::from_secs(5), "the lookup takes 8 s");
        let answers = browser.texts(ANSWERS).await;
        assert!(answers[n].contains("[18-546]的工作台位为[车体新厂房3号]"), "{answers:?}");
    }
    assert_eq!(browser.count(".fault").await, 0, "no fault notice");
    browser.close().await;

    let english = driver.open("en", &url).await;
    assert_eq!(english.attribute("html", "lang").await.as_deref(), Some("en"));
    english.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_menu_of_a_configuration_can_be_pressed_in_its_page() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/employee-services/huixin.toml");
    let (_dev, url) = dev(folder.path(), &["--config", config]).await;
    let driver = Driver::start();
    let browser = driver.open("zh-CN", &url).await;
    let buttons = browser.wait_for("button.menu", 9).await;
    assert_eq!(buttons.len(), 9, "a button for each route that takes one, and one for the rest");
    let chips = browser.texts(".chip").await;
    assert!(chips.iter().any(|chip| chip == "你好"), "{chips:?}");
    assert!(!chips.iter().any(|chip| chip == "?18-546"), "no route knows it");
    browser.click("#switch").await;
    let presses =
        [("kaixinyixiao", "程序员去买菜"), ("wentiliebiao", "如何开具收入证明"), ("menu", "此功能暂未开放")];
    for (n, (key, answer)) in presses.into_iter().enumerate() {
        browser.click(&format!(".menu-group:has([data-key={key}]) .menu-top")).await;
        browser.click(&format!("button.menu[data-key={key}]")).await;
        browser.wait_for(ANSWERS, n + 1).await;
        let texts = browser.texts(ANSWERS).await;
        assert!(texts[n].contains(answer), "{key}: {texts:?}");
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_route_takes_is_shown_in_the_page_and_in_the_log() {
    let route = "[[route]]\nname = \"only\"\nmatch = { text = \"^only$\" }\nreply = \"taken\"\n";
    let folder = folder_with(route);
    let (dev, url) = dev(folder.path(), &[]).await;
    let driver = Driver::start();
    let browser = driver.open("en", &url).await;
    browser.wait_for(".chip", 1).await;
    for (n, typed) in ["other\n", "only\n"].into_iter().enumerate() {
        browser.type_into("#text", typed).await;
        browser.wait_for(".ack[data-ack-ms]", n + 1).await;
    }
    browser.wait_for(ANSWERS, 1).await;
    browser.wait_for(".unmatched", 1).await;
    let lines = browser.texts(".unmatched").await;
    assert_eq!(lines.len(), 1, "the other has its route");
    browser.click(".ack").await;
    browser.wait_for_text(".verdict [data-tone=warn]", "No route matches").await;
    assert!(lines[0].contains("No route matches this message: other."), "{lines:?}");
    let log = dev.wait_for_log("no route takes a message").await;
    assert!(log.contains("WARN") && log.contains("add a [[route]]") && !log.contains("other"), "{log}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_of_an_account_without_the_right_sees_which_try_was_answered_and_taps_for_a_slower_answer() {
    // In the long form longer than all tries of a tap, too.
    let slower = Duration::from_secs(if long() { 40 } else { 16 });
    let backend = Backend::answering(move |asked| {
        let takes = if asked.content == "?18-546" { Duration::from_secs(8) } else { slower };
        (takes, "[18-546]的工作台位为[车体新厂房3号]".to_owned())
    })
    .await;
    let account = "[account.main]\napp_id = \"wx0123456789abcdef\"\ntoken = \"sandboxTokenOfmain\"\nanswer_by = \"push\"\n";
    let folder = folder_with(&format!("{account}{}", backend.route()));
    let (_dev, url) = dev(folder.path(), &[]).await;
    let driver = Driver::start();
    let browser = driver.open("en", &url).await;

    let within = Duration::from_secs(30);
    browser.type_into("#text", "?18-546\n").await;
    let answered = "li:not(.typing) .note.after[data-how=passive]:is([data-n='2'], [data-n='3'])";
    browser.wait_longer_for(answered, 1, within).await;
    assert_eq!(browser.texts(ANSWERS).await, ["[18-546]的工作台位为[车体新厂房3号]"]);

    browser.type_into("#text", "?40\n").await;
    for taps in 1.. {
        let links = browser.wait_longer_for(&format!("{ANSWERS} a.tap"), taps, within).await;
        links[taps - 1].click().await.expect("it can be tapped");
        browser.wait_longer_for(ANSWERS, taps + 2, within).await;
        let texts = browser.texts(ANSWERS).await;
        assert!(texts[taps].starts_with("正在处理，请稍候点击："), "{texts:?}");
        if texts[taps + 1] == texts[0] {
            break;
        }
    }
    assert_eq!(browser.count(".fault, .note.after[data-how=api]").await, 0);
    browser.close().await;
}
