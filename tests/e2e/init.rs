//! `huixin init`: what it writes passes `huixin check` and answers in `huixin dev`.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use huixin_queue::testing::RedisServer;

use crate::harness::{Process, free_port};

const SECRET: (&str, &str) = ("HUIXIN_ACCOUNT__MAIN__APP_SECRET", "s3cret-of-app");

fn huixin(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_huixin"))
        .args(arguments)
        .current_dir(folder)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts");
    let text = [&output.stdout[..], &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .concat();
    (output, text)
}

/// The pretend WeChat of a configuration, and the variable that leads there.
async fn pretend_wechat(folder: &Path, variables: &[(&str, &str)]) -> (Process, String) {
    let listen = format!("127.0.0.1:{}", free_port());
    let log = folder.join("sandbox.log");
    let sandbox = Process::spawn(&["sandbox", "--listen", &listen], folder, log, variables);
    let page = sandbox.url_after("the chat page is served url=").await;
    (sandbox, page.trim_end_matches(',').to_owned())
}

#[tokio::test]
async fn what_init_writes_passes_the_check_for_every_handler_store_and_account() {
    let redis = RedisServer::start(&[]);
    let redis_url = redis.url();
    let rows = [
        ("none", "reply", "收到：{{ content }} \"quoted\"", "sqlite:huixin.db"),
        ("none", "http", "http://127.0.0.1:9000/", redis_url.as_str()),
        ("wx0123456789abcdef", "chat", "http://127.0.0.1:11434/v1", "sqlite:huixin.db"),
        ("wx0123456789abcdef", "sql", "sqlite:factory.db", redis_url.as_str()),
    ];
    for (app_id, handler, address, store) in rows {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let folder = folder.path();
        std::fs::write(folder.join("factory.db"), "").expect("an empty file is an empty database");
        let flags = ["--app-id", app_id, "--handler", handler, "--address", address, "--store", store];
        let (output, text) = huixin(folder, &[&["init"], &flags[..]].concat(), &[]);
        assert_eq!(output.status.code(), Some(0), "{text}");
        let file = std::fs::read_to_string(folder.join("huixin.toml")).expect("it is written");
        assert!(file.lines().all(|line| line.chars().count() <= 130), "{file}");
        let secret = if app_id == "none" { &[][..] } else { &[SECRET][..] };
        let (_sandbox, base) = pretend_wechat(folder, secret).await;
        let variables = [secret, &[("HUIXIN_ACCOUNT__MAIN__API_BASE", base.as_str())]].concat();
        let (output, text) = huixin(folder, &["check"], &variables);
        assert_eq!(output.status.code(), Some(0), "{file}\n{text}");
        assert!(text.contains("issues an access token"), "{text}");
    }
}

#[test]
fn a_file_that_is_there_is_replaced_by_force_only() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("bot.toml");
    std::fs::write(&file, "mine").expect("the folder can be written to");
    let arguments =
        "init --config bot.toml --app-id none --handler reply --address hello --store sqlite:a.db";
    let mut arguments: Vec<&str> = arguments.split(' ').collect();
    let (output, text) = huixin(folder.path(), &arguments, &[]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("error: `bot.toml` already exists") && text.contains("--force"), "{text}");
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), "mine");
    arguments.push("--force");
    let (output, text) = huixin(folder.path(), &arguments, &[]);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(std::fs::read_to_string(&file).expect("it is there").contains("reply = \"hello\""));
    let nowhere = ("HUIXIN_ACCOUNT__MAIN__API_BASE", "http://127.0.0.1:1");
    // Without its pretend WeChat, a check says how to start it, and is no failure.
    let (output, text) = huixin(folder.path(), &["check", "--config", "bot.toml"], &[nowhere]);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("WARN account `main`: it is the pretend WeChat's"), "{text}");
}

#[test]
fn what_cannot_be_a_configuration_is_not_written() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (output, text) = huixin(folder.path(), &["init", "--handler", "http", "--store", "redis://h"], &[]);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("you can't be asked for --app-id, --address\n"), "{text}");
    let arguments = "init --app-id none --handler reply --address {{oops --store sqlite:a.db";
    let (output, text) = huixin(folder.path(), &arguments.split(' ').collect::<Vec<_>>(), &[]);
    assert_eq!(output.status.code(), Some(64), "{text}");
    assert!(text.contains("`route[answer].reply`") && text.contains("nothing is written"), "{text}");
    assert!(!folder.path().join("huixin.toml").exists());
}

#[tokio::test]
async fn dev_says_which_configuration_it_took() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path();
    let dev = |name: &str, arguments: &[&str]| {
        let ports = [("HUIXIN_ADMIN__LISTEN", "127.0.0.1:0"), ("HUIXIN_CALLBACK__LISTEN", "127.0.0.1:0")];
        let variables = [&ports[..], &[("HUIXIN_RECEIVER__LISTEN", "127.0.0.1:0")]].concat();
        let arguments = [&["dev", "--listen", "127.0.0.1:0"], arguments].concat();
        Process::spawn(&arguments, path, path.join(name), &variables)
    };
    let mut none = dev("none.log", &[]);
    none.wait_for_log("Open http").await;
    assert!(
        none.log().starts_with("Configuration: none, since there is no huixin.toml here"),
        "{}",
        none.log()
    );
    assert_eq!(none.stop().await, Some(0));
    let flags = "init --app-id none --handler reply --address hello --store sqlite:a.db";
    let (output, text) = huixin(path, &flags.split(' ').collect::<Vec<_>>(), &[]);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let mut found = dev("found.log", &[]);
    found.wait_for_log("Open http").await;
    assert!(found.log().starts_with("Configuration: huixin.toml\n"), "{}", found.log());
    assert_eq!(found.stop().await, Some(0));
}
