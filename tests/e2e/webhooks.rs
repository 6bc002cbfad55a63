//! The signature of requests, checked by the public library of another language, in the very service that the manual shows.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::harness::{PATIENCE, Setup, Stack, free_port};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ANOTHER: &str = "whsec_AAAA9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The Python service of docs/http-handler.md; killed when dropped.
struct Service {
    child: Child,
    url: String,
}

impl Service {
    async fn start(folder: &Path, secret: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("target/python/bin/python");
        assert!(python.exists(), "the Python library `standardwebhooks` is missing: tests/run installs it");
        let manual = std::fs::read_to_string(root.join("docs/http-handler.md")).expect("there is a manual");
        let code = manual.split("```python\n").nth(1).and_then(|rest| rest.split("```").next());
        let code = code.expect("the manual has a service in Python");
        let port = free_port();
        assert!(code.contains("\"whsec_…\"") && code.contains("9000"), "{code}");
        let code = code.replace("whsec_…", secret).replace("9000", &port.to_string());
        let file = folder.join(format!("service-{port}.py"));
        std::fs::write(&file, code).expect("the folder can be written to");
        let child = Command::new(python).arg(file).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let service = Self { child: child.expect("Python starts"), url: format!("http://127.0.0.1:{port}/") };
        let started = async {
            while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, started).await.expect("the service listens");
        service
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_library_of_another_language_verifies_a_signed_request_and_refuses_one_of_another_secret() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (right, wrong) =
        (Service::start(folder.path(), SECRET).await, Service::start(folder.path(), ANOTHER).await);
    let routes = format!(
        "[[route]]\nname = \"wrong\"\nmatch = {{ text = \"^wrong\" }}\n\
         http = {{ url = \"{}\", secret = \"{SECRET}\" }}\nfailure_reply = \"sorry\"\n\
         [[route]]\nname = \"right\"\nhttp = {{ url = \"{}\", secret = \"{SECRET}\" }}\n",
        wrong.url, right.url
    );
    let mut stack = Stack::embedded(Setup { routes, ..Setup::default() }).await;
    stack.expect_errors("the message is dead");
    let mut run = stack.role("run").await;
    // What isn't ASCII must be signed as it is sent.
    stack.say("oAnna", "你好 😀").await;
    stack.say("oBen", "wrong").await;
    stack.wait_for_sends("oAnna", 1).await;
    stack.wait_for_sends("oBen", 1).await;
    run.wait_for_log("the message is dead").await;
    assert_eq!(stack.texts_to("oAnna"), ["verified: 你好 😀"]);
    assert_eq!(stack.texts_to("oBen"), ["sorry"]);
    assert_eq!(run.stop().await, Some(0));
    assert!(stack.dead().await[0].reason.contains("401 Unauthorized"));
    stack.end_with_dead().await;
}
