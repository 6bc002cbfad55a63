//! The examples are run as their READMEs say.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use huixin_sandbox::{Push, RunningSandbox, SandboxConfig};

use crate::harness::{PATIENCE, Process, Prompt, free_port, model};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_model_answers_in_a_conversation() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/llm-chat");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let asked = Arc::new(Mutex::new(Vec::<Prompt>::new()));
    let url = {
        let asked = asked.clone();
        model(move |prompt| {
            let (_, question) = prompt.messages.last().cloned().unwrap_or_default();
            let knows = prompt.messages.iter().any(|(_, text)| text == "我叫小明");
            asked.lock().expect("no holder panics").push(prompt);
            let name = if knows { "您叫**小明**。" } else { "我还不知道您的名字。" };
            let answer =
                if question == "我叫小明" { "<think>a name</think>\n\n你好，小明！" } else { name };
            async move { Ok(answer.to_owned()) }
        })
        .await
    };
    let sandbox = RunningSandbox::start(SandboxConfig::default()).await.expect("the sandbox starts");
    let config =
        std::fs::read_to_string(example.join("huixin.toml")).expect("the example has a configuration");
    // The changes that its README asks for.
    let config = config.replace("http://127.0.0.1:11434/v1", &url).replace("# key_file", "key_file");
    assert!(config.contains(&url) && config.contains("\nkey_file = \"key\""), "{config}");
    std::fs::write(folder.path().join("huixin.toml"), config).expect("the folder can be written to");
    std::fs::write(folder.path().join("key"), "sk-example\n").expect("the folder can be written to");
    let receiver_port = free_port();
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
        ("oMing", "我叫小明", "你好，小明！"),
        ("oMing", "我叫什么？", "您叫小明。"),
        ("oOther", "我叫什么？", "我还不知道您的名字。"),
        ("oMing", "重新开始", "好的，我们重新开始。"),
        ("oMing", "我叫什么？", "我还不知道您的名字。"),
    ];
    for (n, (user, text, answer)) in rows.iter().enumerate() {
        let report = sandbox.sandbox.push(Push::text("main", *user, *text)).await;
        assert!(report.ack_ms.is_some_and(|ms| ms < 1000.0), "{report:?}");
        let told = rows[..=n].iter().filter(|(to, ..)| to == user).count();
        let transcript = sandbox.sandbox.transcript();
        let sent = transcript.wait_for_sends(*user, told, PATIENCE).await.unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(sent[told - 1].what.text(), Some(*answer), "{text}");
    }
    let asked = asked.lock().expect("no holder panics").clone();
    assert_eq!(asked.len(), 4, "a word that forgets asks nobody: {asked:?}");
    for prompt in &asked {
        assert_eq!(prompt.authorization.as_deref(), Some("Bearer sk-example"));
        assert_eq!((prompt.model.as_str(), prompt.messages[0].0.as_str()), ("qwen3:1.7b", "system"));
    }
    let log = run.log();
    assert!(!log.contains("ERROR") && !log.contains("sk-example") && !log.contains("小明"), "{log}");
}
