//! Debian's Chromium, driven through chromedriver, with what a person does to a page: write, press, look.
//!
//! One browser costs a second or two, so a test family opens one and does much in it. What the driver's protocol lacks
//! (light and dark, a page's width on a screen of any width) goes through Chromium's own commands.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use axum::http::Method;
use fantoccini::elements::Element;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use url::Url;

use crate::harness::{Group, free_port};

/// How long a page may take for anything that it does by itself.
const WITHIN: Duration = Duration::from_secs(20);

/// Chromedriver; its browsers go with it, whatever the test's end.
pub(crate) struct Driver {
    _group: Group,
    port: u16,
}

impl Driver {
    /// Starts it.
    pub(crate) fn start() -> Self {
        let port = free_port();
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null());
        let _group = Group::spawn(&mut command).expect("chromedriver is installed: see tests/run");
        Self { _group, port }
    }

    /// A browser in this language (`zh-CN`, `en`), which shows this page.
    pub(crate) async fn open(&self, language: &str, url: &str) -> Browser {
        let browser = Browser { client: self.client(language).await };
        browser.size(1280, 900).await;
        browser.goto(url).await;
        browser
    }

    async fn client(&self, language: &str) -> Client {
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

/// A page in a browser. Places in it are named by CSS.
pub(crate) struct Browser {
    client: Client,
}

impl Browser {
    /// Goes to another page.
    pub(crate) async fn goto(&self, url: &str) {
        self.client.goto(url).await.expect("the page opens");
    }

    /// Waits for at least so many of them.
    pub(crate) async fn wait_for(&self, css: &str, count: usize) -> Vec<Element> {
        self.wait_longer_for(css, count, WITHIN).await
    }

    /// The same for what takes its time.
    pub(crate) async fn wait_longer_for(&self, css: &str, count: usize, within: Duration) -> Vec<Element> {
        let deadline = Instant::now() + within;
        loop {
            let found = self.client.find_all(Locator::Css(css)).await.expect("the page can be asked");
            if found.len() >= count {
                return found;
            }
            assert!(Instant::now() < deadline, "there are {} of {css}, not {count}", found.len());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until none is left.
    pub(crate) async fn wait_until_gone(&self, css: &str) {
        let script = format!("return document.querySelectorAll({}).length", json!(css));
        self.wait_until(&script, &json!(0)).await;
    }

    /// Waits until a script returns this.
    pub(crate) async fn wait_until(&self, script: &str, value: &Value) {
        let deadline = Instant::now() + WITHIN;
        loop {
            let now = self.script(script).await;
            if now == *value {
                return;
            }
            assert!(Instant::now() < deadline, "{script} gives {now}, not {value}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the text of the first of them has these words, and gives it.
    pub(crate) async fn wait_for_text(&self, css: &str, words: &str) -> String {
        let script = format!("return document.querySelector({})?.textContent ?? ''", json!(css));
        let deadline = Instant::now() + WITHIN;
        loop {
            let text = self.script(&script).await;
            let text = text.as_str().unwrap_or_default();
            if text.contains(words) {
                return text.to_owned();
            }
            assert!(Instant::now() < deadline, "{css} says {text:?}, not {words:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// How many there are now.
    pub(crate) async fn count(&self, css: &str) -> usize {
        self.client.find_all(Locator::Css(css)).await.expect("the page can be asked").len()
    }

    /// The texts of all, as they are seen.
    pub(crate) async fn texts(&self, css: &str) -> Vec<String> {
        let found = self.client.find_all(Locator::Css(css)).await.expect("the page can be asked");
        futures::future::join_all(found.iter().map(async |one| one.text().await.expect("a text"))).await
    }

    /// An attribute of the first.
    pub(crate) async fn attribute(&self, css: &str, name: &str) -> Option<String> {
        self.wait_for(css, 1).await[0].attr(name).await.expect("an attribute")
    }

    /// Waits for it and presses it, also when the page draws it anew in between.
    pub(crate) async fn click(&self, css: &str) {
        let deadline = Instant::now() + WITHIN;
        loop {
            let found = self.wait_for(css, 1).await;
            match found[0].click().await {
                Ok(()) => return,
                Err(error) => assert!(
                    error.is_stale_element_reference() && Instant::now() < deadline,
                    "{css} can't be pressed: {error}"
                ),
            }
        }
    }

    /// Waits for it and types into it; `\n` is Enter. For a file's field: its path.
    pub(crate) async fn type_into(&self, css: &str, text: &str) {
        let found = self.wait_for(css, 1).await;
        found[0].send_keys(text).await.unwrap_or_else(|error| panic!("{css} can't be typed into: {error}"));
    }

    /// Presses a key wherever the focus is.
    pub(crate) async fn press(&self, key: fantoccini::key::Key) {
        let focused = self.client.active_element().await.expect("something has the focus");
        focused.send_keys(&String::from(char::from(key))).await.expect("it takes keys");
    }

    /// What the body of a function returns.
    pub(crate) async fn script(&self, body: &str) -> Value {
        let value = self.client.execute(body, Vec::new()).await;
        value.unwrap_or_else(|error| panic!("the script fails: {error}: {body}"))
    }

    /// What the body of an async function returns.
    pub(crate) async fn script_async(&self, body: &str) -> Value {
        let script = format!(
            "const done = arguments[0]; (async () => {{ {body} }})().then(done, (error) => done(String(error)));"
        );
        self.client.execute_async(&script, Vec::new()).await.expect("the script ends")
    }

    /// The size of what is seen of the page.
    pub(crate) async fn size(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.chromium("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// `light` or `dark`.
    pub(crate) async fn scheme(&self, scheme: &str) {
        let features = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}]});
        self.chromium("Emulation.setEmulatedMedia", features).await;
    }

    /// The page as it looks, as a file, if a folder for such files is named: `SCREENSHOTS=folder`.
    pub(crate) async fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("SCREENSHOTS") else { return };
        let picture = self.screenshot().await;
        let file = std::path::Path::new(&folder).join(format!("{name}.png"));
        std::fs::write(file, picture).expect("it can be written");
    }

    /// What is seen, as PNG.
    pub(crate) async fn screenshot(&self) -> Vec<u8> {
        self.client.screenshot().await.expect("a picture can be made")
    }

    /// A command of Chromium's own protocol.
    pub(crate) async fn chromium(&self, command: &'static str, parameters: Value) -> Value {
        let answer = self.client.issue_cmd(ChromiumCommand { command, parameters }).await;
        answer.unwrap_or_else(|error| panic!("{command} fails: {error}"))
    }

    /// Ends the browser.
    pub(crate) async fn close(self) {
        self.client.close().await.expect("the browser closes");
    }
}

#[derive(Debug)]
struct ChromiumCommand {
    command: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for ChromiumCommand {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, url::ParseError> {
        base_url.join(&format!("session/{}/goog/cdp/execute", session_id.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = json!({"cmd": self.command, "params": self.parameters});
        (Method::POST, Some(body.to_string()))
    }
}
