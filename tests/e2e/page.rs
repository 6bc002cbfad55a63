//! A person with a browser: Debian's Chromium, driven through chromedriver.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::{Client, ClientBuilder, Locator};
use huixin_sandbox::{MediaKind, Opener, Push, RunningSandbox, SandboxConfig, SendWindow, What};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::harness::{Backend, Process, free_port, long};

/// Chromedriver; its browser goes with it.
struct Driver {
    child: Child,
    port: u16,
}

impl Driver {
    fn start() -> Self {
        let port = free_port();
        let child = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed: see tests/run");
        Self { child, port }
    }

    async fn browser(&self, language: &str) -> Client {
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
        ];
        let mut arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        arguments.push(format!("--lang={language}"));
        let options = json!({"args": arguments, "prefs": {"intl.accept_languages": language}});
        let capabilities = serde_json::Map::from_iter([("goog:chromeOptions".to_owned(), options)]);
        let address = format!("http://127.0.0.1:{}", self.port);
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            match ClientBuilder::new(HttpConnector::new())
                .capabilities(capabilities.clone())
                .connect(&address)
                .await
            {
                Ok(client) => return client,
                Err(error) => assert!(Instant::now() < deadline, "no browser: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_gets_the_slow_answer_in_a_browser() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let dev = Process::spawn(&["dev"], folder.path(), folder.path().join("dev.log"), &[]);
    let url = dev.url_after("Open ").await;
    let driver = Driver::start();
    let browser = driver.browser("zh-CN").await;
    browser.goto(&url).await.expect("the page opens");
    assert_eq!(
        browser
            .find(Locator::Css("html"))
            .await
            .expect("a page")
            .attr("lang")
            .await
            .expect("an attribute")
            .as_deref(),
        Some("zh-CN"),
        "the page speaks the browser's language"
    );

    // As an English and as a Chinese keyboard types it.
    for (n, typed) in ["?18-546", "？18-546"].into_iter().enumerate() {
        let text = browser
            .wait()
            .at_most(Duration::from_secs(20))
            .for_element(Locator::Css("#text"))
            .await
            .expect("an input");
        text.send_keys(typed).await.expect("it can be typed into");
        browser
            .find(Locator::Css("#send"))
            .await
            .expect("a button")
            .click()
            .await
            .expect("it can be clicked");
        let acks = wait_for(&browser, ".ack[data-ack-ms]", n + 1, Duration::from_secs(10)).await;
        let ack = &acks[n];
        let ack_ms: f64 = ack
            .attr("data-ack-ms")
            .await
            .expect("an attribute")
            .unwrap_or_default()
            .parse()
            .expect("a number");
        assert!(ack_ms < 1000.0, "acked after {ack_ms} ms, long before the answer");
        assert_eq!(ack.attr("data-tries").await.expect("an attribute").as_deref(), Some("1"));
        let said = Instant::now();
        assert_eq!(
            browser.find_all(Locator::Css("li:not(.typing) .bubble.theirs")).await.expect("a list").len(),
            n,
            "the answer isn't there yet"
        );
        let answers =
            wait_for(&browser, "li:not(.typing) .bubble.theirs", n + 1, Duration::from_secs(30)).await;
        assert!(said.elapsed() > Duration::from_secs(5), "the lookup takes 8 s");
        let answer = answers[n].text().await.expect("a text");
        assert!(answer.contains("[18-546]的工作台位为[车体新厂房3号]"), "{answer}");
    }
    assert!(browser.find_all(Locator::Css(".fault")).await.expect("a list").is_empty(), "no fault notice");
    browser.close().await.expect("the browser closes");

    let english = driver.browser("en").await;
    english.goto(&url).await.expect("the page opens");
    let lang =
        english.find(Locator::Css("html")).await.expect("a page").attr("lang").await.expect("an attribute");
    assert_eq!(lang.as_deref(), Some("en"));
    english.close().await.expect("the browser closes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_menu_of_a_configuration_can_be_pressed_in_its_page() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/employee-services/huixin.toml");
    let arguments = ["dev", "--config", config];
    let dev = Process::spawn(&arguments, folder.path(), folder.path().join("dev.log"), &[]);
    let url = dev.url_after("Open ").await;
    let url = url.trim_end_matches(';');
    let driver = Driver::start();
    let browser = driver.browser("zh-CN").await;
    browser.goto(url).await.expect("the page opens");
    let within = Duration::from_secs(20);
    let buttons = wait_for(&browser, "button.menu", 9, within).await;
    assert_eq!(buttons.len(), 9, "a button for each route that takes one, and one for the rest");
    let chips = wait_for(&browser, ".chip", 1, within).await;
    assert_eq!(
        (chips.len(), chips[0].text().await.expect("a text").as_str()),
        (1, "你好"),
        "no route knows ?18-546"
    );
    let presses =
        [("kaixinyixiao", "程序员去买菜"), ("wentiliebiao", "如何开具收入证明"), ("menu", "此功能暂未开放")];
    for (n, (key, answer)) in presses.into_iter().enumerate() {
        let button = browser.find(Locator::Css(&format!("button.menu[data-key={key}]"))).await;
        button.expect("it is there").click().await.expect("it can be pressed");
        let bubbles = wait_for(&browser, "li:not(.typing) .bubble.theirs", n + 1, within).await;
        let text = bubbles[n].text().await.expect("a text");
        assert!(text.contains(answer), "{key}: {text}");
    }
    browser.close().await.expect("the browser closes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_route_takes_is_shown_in_the_page_and_in_the_log() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let route = "[[route]]\nname = \"only\"\nmatch = { text = \"^only$\" }\nreply = \"taken\"\n";
    std::fs::write(folder.path().join("huixin.toml"), route).expect("the folder can be written to");
    let dev = Process::spawn(&["dev"], folder.path(), folder.path().join("dev.log"), &[]);
    let url = dev.url_after("Open ").await;
    let driver = Driver::start();
    let browser = driver.browser("en").await;
    browser.goto(url.trim_end_matches(';')).await.expect("the page opens");
    let within = Duration::from_secs(20);
    wait_for(&browser, ".chip", 1, within).await;
    for (n, typed) in ["other\n", "only\n"].into_iter().enumerate() {
        browser
            .find(Locator::Css("#text"))
            .await
            .expect("an input")
            .send_keys(typed)
            .await
            .expect("it is typed");
        wait_for(&browser, ".ack[data-ack-ms]", n + 1, within).await;
    }
    wait_for(&browser, "li:not(.typing) .bubble.theirs", 1, within).await;
    let lines = wait_for(&browser, ".unmatched", 1, within).await;
    assert_eq!(lines.len(), 1, "the other has its route");
    let text = lines[0].text().await.expect("a text");
    assert!(text.contains("no route takes this message (text: other)"), "{text}");
    let log = dev.wait_for_log("no route takes a message").await;
    assert!(log.contains("WARN") && log.contains("add a [[route]]") && !log.contains("other"), "{log}");

    let small = "return [...document.querySelectorAll('button, select, textarea')].filter((e) => e.offsetParent && \
                 e.getBoundingClientRect().height < 32).map((e) => e.textContent)";
    let small = browser.execute(small, Vec::new()).await.expect("a script runs");
    assert_eq!(small, json!([]), "what is pressed is large enough for a finger");
    browser.close().await.expect("the browser closes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_of_an_account_without_the_right_sees_which_try_was_answered_and_taps_for_a_slower_answer() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    // In the long form longer than all tries of a tap, too.
    let slower = Duration::from_secs(if long() { 40 } else { 16 });
    let backend = Backend::answering(move |asked| {
        let takes = if asked.content == "?18-546" { Duration::from_secs(8) } else { slower };
        (takes, "[18-546]的工作台位为[车体新厂房3号]".to_owned())
    })
    .await;
    let account = "[account.main]\napp_id = \"wx0123456789abcdef\"\ntoken = \"sandboxTokenOfmain\"\nanswer_by = \"push\"\n";
    let config = format!("{account}{}", backend.route());
    std::fs::write(folder.path().join("huixin.toml"), config).expect("the folder can be written to");
    let dev = Process::spawn(&["dev"], folder.path(), folder.path().join("dev.log"), &[]);
    let url = dev.url_after("Open ").await;
    let driver = Driver::start();
    let browser = driver.browser("en").await;
    browser.goto(url.trim_end_matches(';')).await.expect("the page opens");
    let within = Duration::from_secs(30);
    wait_for(&browser, ".chip, #text", 1, within).await;
    let says = async |text: &str| {
        let input = browser.find(Locator::Css("#text")).await.expect("an input");
        input.send_keys(text).await.expect("it is typed");
    };

    says("?18-546\n").await;
    let answered = "li:not(.typing) .note.after[data-how=passive]:is([data-n='2'], [data-n='3'])";
    wait_for(&browser, answered, 1, within).await;
    let bubbles = "li:not(.typing) .bubble.theirs";
    let texts = texts_of(&wait_for(&browser, bubbles, 1, within).await).await;
    assert_eq!(texts, ["[18-546]的工作台位为[车体新厂房3号]"]);

    says("?40\n").await;
    for taps in 1.. {
        let link = format!("{bubbles} a.tap");
        let links = wait_for(&browser, &link, taps, within).await;
        links[taps - 1].click().await.expect("it can be tapped");
        let texts = texts_of(&wait_for(&browser, bubbles, taps + 2, within).await).await;
        assert!(texts[taps].starts_with("正在处理，请稍候点击："), "{texts:?}");
        if texts[taps + 1] == texts[0] {
            break;
        }
    }
    for fault in [".fault", ".note.after[data-how=api]"] {
        assert!(browser.find_all(Locator::Css(fault)).await.expect("a list").is_empty(), "{fault}");
    }
    browser.close().await.expect("the browser closes");
}

async fn texts_of(elements: &[fantoccini::elements::Element]) -> Vec<String> {
    futures::future::join_all(elements.iter().map(async |one| one.text().await.expect("a text"))).await
}

const USER: &str = "oHuixinXiaoming0000000000001";
/// A picture of one red dot.
const DOT: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\xff\0\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

/// A message to the user, as a worker would send it.
async fn send(wechat: &RunningSandbox, path: &str, mut body: Value) {
    body["touser"] = json!(USER);
    let token = wechat
        .sandbox
        .fetch_token_elsewhere("main", huixin_sandbox::Elsewhere::Stable)
        .expect("tokens are left");
    let url = format!("{}cgi-bin/message/custom/{path}?access_token={token}", wechat.base_url);
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let answer = http.post(url).body(body.to_string()).send().await.expect("an answer");
    let answer: Value = answer.json().await.expect("JSON");
    assert_eq!(answer["errcode"], 0, "{body}: {answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_sees_every_type_of_message_and_taps_an_item_of_a_menu() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let after_message = SendWindow { sends: 20, lasts: Duration::from_secs(600) };
    let config = SandboxConfig { after_message, ..SandboxConfig::default() };
    let wechat = RunningSandbox::start(config).await.expect("a port is free");
    let sandbox = &wechat.sandbox;
    for (id, kind) in [("I", MediaKind::Image), ("V", MediaKind::Voice), ("F", MediaKind::Video)] {
        sandbox.plant_media("main", id, kind, if kind == MediaKind::Image { DOT } else { b"" });
    }
    let driver = Driver::start();
    let browser = driver.browser("en").await;
    browser.goto(wechat.base_url.as_str()).await.expect("the page opens");
    sandbox.push(Push::text("main", USER, "hi")).await;

    let within = Duration::from_secs(20);
    send(&wechat, "typing", json!({"command": "Typing"})).await;
    wait_for(&browser, ".typing i", 3, within).await;
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
    let bubbles = wait_for(&browser, ".bubble.theirs[data-type]", messages.len(), within).await;
    assert!(
        browser.find_all(Locator::Css(".typing")).await.expect("a list").is_empty(),
        "a message ends typing"
    );
    for (bubble, (kind, says)) in bubbles.iter().zip([
        ("image", "I"),
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
    wait_for(&browser, ".note.ai", 1, within).await;
    let pictures =
        "return [...document.querySelectorAll('img.uploaded')].filter((i) => i.naturalWidth === 1).length";
    let deadline = Instant::now() + within;
    while browser.execute(pictures, Vec::new()).await.expect("a script runs") != json!(2) {
        assert!(Instant::now() < deadline, "the picture isn't shown twice");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    send(&wechat, "send", json!({"msgtype": "text", "text": {"content": "last"}})).await;
    wait_for(&browser, ".note.after", messages.len() + 1, within).await;
    let hidden = "const s = document.getElementById('scroll'); return [s.scrollTop, s.scrollHeight - s.clientHeight - s.scrollTop]";
    let hidden = browser.execute(hidden, Vec::new()).await.expect("a script runs");
    let pixels = |n: usize| hidden[n].as_f64().expect("a number");
    assert!(pixels(0) > 0.0 && pixels(1) < 1.0, "the note below the newest answer is seen: {hidden}");

    let items = wait_for(&browser, "button.item", 2, within).await;
    items[0].click().await.expect("it can be tapped");
    let is_tap = |entry: &huixin_sandbox::TranscriptEntry| matches!(&entry.what, What::Said { content, .. } if content == "yes");
    sandbox.transcript().wait_for_matches(is_tap, 1, within).await.expect("the tap is a text");
    assert_eq!(sandbox.right("main", USER).expect("a right").by, Opener::Click);
    browser.close().await.expect("the browser closes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_sees_what_came_in_a_response_and_taps_the_link_in_it() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let wechat = RunningSandbox::start(SandboxConfig::default()).await.expect("a port is free");
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
    let browser = driver.browser("en").await;
    browser.goto(wechat.base_url.as_str()).await.expect("the page opens");
    wechat.sandbox.push(Push::text("main", USER, "hi")).await;

    let within = Duration::from_secs(20);
    let notes = wait_for(&browser, ".note.after[data-how=passive][data-n='1']", 1, within).await;
    let note = notes[0].text().await.expect("a text");
    assert!(note.ends_with("in the response to try 1"), "{note}");
    let links = wait_for(&browser, ".bubble.theirs a.tap[data-menu-id='7']", 1, within).await;
    assert_eq!(links[0].text().await.expect("a text"), "more");
    links[0].click().await.expect("it can be tapped");
    let is_tap = |entry: &huixin_sandbox::TranscriptEntry| matches!(&entry.what, What::Said { content, .. } if content == "继续");
    let tap = wechat.sandbox.transcript().wait_for_matches(is_tap, 1, within).await;
    tap.expect("the tap is a text");
    assert_eq!(wechat.sandbox.right("main", USER).expect("a right").by, Opener::Click);
    send(&wechat, "send", json!({"msgtype": "text", "text": {"content": "by the other way"}})).await;
    wait_for(&browser, ".note.after[data-how=api]", 1, within).await;
    browser.close().await.expect("the browser closes");
}

async fn wait_for(
    browser: &Client,
    css: &str,
    count: usize,
    within: Duration,
) -> Vec<fantoccini::elements::Element> {
    let deadline = Instant::now() + within;
    loop {
        let found = browser.find_all(Locator::Css(css)).await.expect("the page can be asked");
        if found.len() >= count {
            return found;
        }
        assert!(Instant::now() < deadline, "there are {} of {css}, not {count}", found.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
