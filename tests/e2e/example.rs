//! The examples are run as their READMEs say.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use huixin_sandbox::{Push, RunningSandbox, SandboxConfig};

use crate::harness::{PATIENCE, Process, free_port};

/// The Python service; killed when dropped.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_workstation_lookup_answers() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/workstation-lookup");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (lookup_port, receiver_port) = (free_port(), free_port());
    let _service = Service(
        Command::new("python3")
            .arg(example.join("lookup.py"))
            .env("PORT", lookup_port.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 is installed: see tests/run"),
    );
    let sandbox = RunningSandbox::start(SandboxConfig::default()).await.expect("the sandbox starts");
    let config =
        std::fs::read_to_string(example.join("huixin.toml")).expect("the example has a configuration");
    // The same file, with the ports of this test.
    let config = config.replace("127.0.0.1:9000", &format!("127.0.0.1:{lookup_port}"));
    assert!(config.contains(&lookup_port.to_string()), "the example asks its service");
    std::fs::write(folder.path().join("huixin.toml"), config).expect("the folder can be written to");
    let variables = [
        ("HUIXIN_ACCOUNT__MAIN__API_BASE", sandbox.base_url.to_string()),
        ("HUIXIN_RECEIVER__LISTEN", format!("127.0.0.1:{receiver_port}")),
        ("HUIXIN_ADMIN__LISTEN", "127.0.0.1:0".to_owned()),
    ];
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let run = Process::spawn(&["run"], folder.path(), folder.path().join("run.log"), &variables);
    run.ready().await;
    let push_url = format!("http://127.0.0.1:{receiver_port}/wechat/main").parse().expect("it is a URL");
    sandbox.sandbox.set_push_url("main", push_url);

    let rows = [
        ("oKnown", "?18-546", Some("[18-546]的工作台位为[车体新厂房3号]")),
        ("oChinese", "？18-546", Some("[18-546]的工作台位为[车体新厂房3号]")),
        ("oUnknown", "?99-999", None),
    ];
    for (user, text, _) in rows {
        let report = sandbox.sandbox.push(Push::text("main", user, text)).await;
        assert!(report.ack_ms.is_some_and(|ms| ms < 1000.0), "{report:?}");
    }
    for (user, text, expected) in rows {
        let sent = sandbox
            .sandbox
            .transcript()
            .wait_for_sends(user, 1, PATIENCE)
            .await
            .unwrap_or_else(|e| panic!("{e}"));
        let answer = sent[0].what.text().unwrap_or_default().to_owned();
        match expected {
            Some(expected) => assert_eq!(answer, expected, "{text}"),
            None => assert!(
                answer.contains("99-999") && !answer.contains("工作台位为"),
                "a polite text: {answer}"
            ),
        }
    }
    assert!(!run.log().contains("ERROR"), "{}", run.log());
}
