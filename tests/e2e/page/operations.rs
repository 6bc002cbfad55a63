//! An installation that a person runs from the operations page.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::browser::{Browser, Driver};
use crate::harness::{Asked, Backend, Process, Said, Setup, Stack};

/// What must not run, wherever it comes from. As long as a reason quotes an answer.
pub(super) const SCRIPT: &str = "<script>pwn=[]</script>";

/// One process with a queue in a file, and a service that fails until it is mended.
pub(super) struct Operated {
    pub(super) stack: Stack,
    pub(super) driver: Driver,
    pub(super) url: String,
    process: Process,
    is_mended: Arc<AtomicBool>,
}

impl Operated {
    pub(super) async fn start() -> Self {
        let is_mended = Arc::new(AtomicBool::new(false));
        let mended = is_mended.clone();
        let backend = Backend::saying(move |asked: &Asked| {
            let word = asked.content.split(' ').next().unwrap_or_default();
            let said = match word {
                "fail" if !mended.load(Ordering::Relaxed) => {
                    Said::Bare(200, "application/json", r#"{"type": "<script>pwn=[]</script>"}"#)
                }
                "refused" => Said::Bare(200, "application/json", r#"{"type": "image", "media_id": "none"}"#),
                _ => Said::Parts(vec![format!("re {}", asked.content)]),
            };
            (Duration::from_millis(20), said)
        });
        let route = format!(
            "[[route]]\nname = \"service\"\nmatch = {{ type = \"text\" }}\nhttp = {{ url = \"{}\" }}\n",
            backend.await.url
        );
        let mut stack = Stack::embedded(Setup { routes: route, ..Setup::default() }).await;
        stack.expect_errors("the message is dead");
        let process = stack.role("run").await;
        let url = process.url_after("health and metrics are served url=").await;
        Self { stack, driver: Driver::start(), url, process, is_mended }
    }

    /// From now on the service answers.
    pub(super) fn mend(&self) {
        self.is_mended.store(true, Ordering::Relaxed);
    }

    /// A browser at a view of the page.
    pub(super) async fn open(&self, language: &str, view: &str) -> Browser {
        self.driver.open(language, &format!("{}{view}", self.url)).await
    }

    /// Asks the API.
    pub(super) async fn get(&self, path: &str) -> Value {
        let answer = reqwest::get(format!("{}v1/{path}", self.url)).await.expect("it answers");
        answer.json().await.expect("it is JSON")
    }

    /// Waits for so many dead letters.
    pub(super) async fn wait_for_dead(&self, count: u64) {
        let counted = async { while self.get("status").await["dead"] != count {} };
        tokio::time::timeout(crate::harness::PATIENCE, counted).await.expect("they die in the end");
    }

    /// What was changed, the first change first.
    pub(super) async fn deeds(&self) -> Vec<String> {
        let changes = self.get("changes").await;
        let changes = changes["changes"].as_array().expect("a list");
        let what = changes.iter().rev().map(|change| change["what"].as_str().unwrap_or_default().to_owned());
        what.collect()
    }

    pub(super) async fn end(mut self) {
        assert_eq!(self.process.stop().await, Some(0));
        self.stack.end_with_dead().await;
    }
}

/// Goes to another view of the page that is open.
pub(super) async fn visit(browser: &Browser, view: &str) {
    // What is there is no part of it.
    let leave = format!(
        "document.querySelector('#view').replaceChildren();
        if (location.hash === {0}) dispatchEvent(new HashChangeEvent('hashchange'));
        else location.hash = {0};",
        json!(view)
    );
    browser.script(&leave).await;
    let name = view.trim_start_matches("#/").split(['/', '?']).next().unwrap_or_default();
    let name = if name.is_empty() { "overview" } else { name };
    browser.wait_for(&format!("#view-{name} h1"), 1).await;
}

/// Presses what asks first, and says yes.
pub(super) async fn confirm(browser: &Browser, button: &str) {
    browser.click(button).await;
    browser.click("dialog [type=submit]").await;
    browser.wait_until_gone("dialog").await;
}

/// Nothing that came from outside has run, and nothing was asked of another host.
pub(super) async fn is_unharmed(browser: &Browser) {
    assert_eq!(browser.script("return window.pwn ?? null").await, Value::Null);
    let elsewhere = "return performance.getEntriesByType('resource').map((one) => one.name)
        .filter((name) => !name.startsWith(location.origin + '/') && !name.startsWith('data:'))";
    assert_eq!(browser.script(elsewhere).await, json!([]));
}
