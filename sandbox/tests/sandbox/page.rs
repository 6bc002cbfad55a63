use huixin_sandbox::SandboxConfig;

use crate::support::{Receiver, http, start};

#[tokio::test]
async fn the_page_and_its_files_have_a_policy() {
    let running = start(SandboxConfig::default(), &Receiver::default()).await;
    let files = [
        ("", "text/html"),
        ("page/sandbox/app.js", "text/javascript"),
        ("page/shared/tokens.css", "text/css"),
    ];
    for (path, kind) in files {
        let response = http().get(running.base_url.join(path).unwrap()).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let headers = response.headers().clone();
        assert!(headers["content-type"].to_str().unwrap().starts_with(kind), "{path}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
    }
}

#[tokio::test]
async fn the_control_api_s_own_path_leads_to_the_page() {
    let running = start(SandboxConfig::default(), &Receiver::default()).await;
    for path in ["sandbox/", "sandbox"] {
        let response = http().get(running.base_url.join(path).unwrap()).send().await.unwrap();
        assert_eq!(response.status(), 307);
        assert_eq!(response.headers()["location"], "/");
    }
    let nothing = http().get(running.base_url.join("nothing").unwrap()).send().await.unwrap();
    assert_eq!(nothing.status(), 404);
}

#[tokio::test]
async fn the_page_has_the_hooks_that_browser_tests_use() {
    let running = start(SandboxConfig::default(), &Receiver::default()).await;
    let get = async |path| {
        http().get(running.base_url.join(path).unwrap()).send().await.unwrap().text().await.unwrap()
    };
    let (html, script) = (get("").await, get("page/sandbox/app.js").await);
    for hook in ["id=\"user\"", "id=\"text\"", "id=\"send\"", "aria-live=\"polite\""] {
        assert!(html.contains(hook), "{hook}");
    }
    for hook in [
        "bubble mine",
        "bubble theirs",
        "dataset.msgId",
        "note ack",
        "ackMs",
        "\"fault\"",
        "typing",
        "img\", \"uploaded",
        "dataset.menuId",
        "bizmsgmenu",
        "replied(entry",
        "withheld(entry",
        "system bad wrong",
        "note ai",
        "isComposing",
    ] {
        assert!(script.contains(hook), "{hook}");
    }
}
