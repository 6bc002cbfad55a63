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
