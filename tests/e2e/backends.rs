//! The services of docs/handlers.md answer as it says: each is started by its command, and asked through a whole `huixin`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::handler_test::handler_test;
use crate::harness::{Group, PATIENCE, Setup, Stack, free_port, skipped};

/// The name of a service's file, what is in it, and how it is started.
struct Service {
    file: String,
    text: String,
    command: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shortest_services_answer_in_every_language_that_is_here() {
    let services = services();
    let files: Vec<_> = services.iter().map(|service| service.file.as_str()).collect();
    assert_eq!(files, ["backend.py", "backend.js", "backend.php", "backend.go", "Backend.java"]);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (mut running, mut routes) = (Vec::new(), String::new());
    for service in &services {
        let port = free_port();
        let Some(started) = start(service, folder.path(), port) else {
            skipped(service.file.rsplit('.').next().expect("a file has an ending"), &service.command);
            continue;
        };
        wait_for(port, &service.file).await;
        let (file, url) = (&service.file, format!("http://127.0.0.1:{port}/"));
        routes += &format!(
            "[[route]]\nname = \"{file}\"\nmatch = {{ text = \"^{file}\" }}\nhttp = {{ url = \"{url}\" }}\n"
        );
        running.push((file.clone(), url, started));
    }
    assert!(!running.is_empty(), "not even python3 is installed: see tests/run");
    let mut stack = Stack::embedded(Setup { routes, ..Setup::default() }).await;
    let mut run = stack.role("run").await;
    for (file, ..) in &running {
        stack.say(&user(file), &format!("{file}：在吗？")).await;
    }
    for (file, ..) in &running {
        stack.wait_for_sends(&user(file), 1).await;
        assert_eq!(stack.texts_to(&user(file)), [format!("您问的是：{file}：在吗？")]);
    }
    assert_eq!(run.stop().await, Some(0));
    stack.end().await;
    for (file, url, _) in &running {
        let (code, output) = handler_test(&[url]).await;
        assert_eq!(code, Some(0), "{file}: {output}");
        assert!(!output.contains("WARN"), "{file} has an answer for what has no content: {output}");
        let heard =
            output.lines().filter(|line| line.starts_with("ok ") && line.contains("您问的是：你好")).count();
        assert_eq!(
            (heard, output.lines().count()),
            (3, 1 + 16),
            "text, tapped and voice say it, of all kinds, below a line that says what is done: {file}: {output}"
        );
    }
}

#[test]
fn the_service_of_the_readme_is_the_same_as_in_the_manual() {
    let python = services().into_iter().find(|service| service.file == "backend.py").expect("it is there");
    for readme in ["README.md", "README.zh-CN.md"] {
        let readme = read(readme);
        assert!(without_comments(&readme).contains(&without_comments(&python.text)), "{}", python.text);
    }
}

/// The chinese README comments in Chinese.
fn without_comments(text: &str) -> String {
    let code = |line: &str| line.split("  #").next().unwrap_or_default().to_owned() + "\n";
    text.lines().map(code).collect()
}

fn user(file: &str) -> String {
    format!("o{}", file.replace('.', "-"))
}

/// All services of the page: a paragraph that begins with the file's name, the file, and the command.
fn services() -> Vec<Service> {
    let page = read("docs/handlers.md");
    let mut services = Vec::new();
    let mut rest = page.as_str();
    while let Some(at) = rest.find("\n`backend.").into_iter().chain(rest.find("\n`Backend.")).min() {
        let after = &rest[at + 2..];
        let file = after.split('`').next().unwrap_or_default().to_owned();
        let mut blocks = after.split("\n```");
        let mut block = |what: &str| {
            let block =
                blocks.nth(1).or_else(|| blocks.next()).unwrap_or_else(|| panic!("{file} has {what}"));
            block.split_once('\n').expect("a block has a first line").1.to_owned() + "\n"
        };
        let (text, command) = (block("its text"), block("its command"));
        services.push(Service { file, text, command: command.trim().to_owned() });
        rest = after;
    }
    services
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
        .unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Starts it by its command, on another port; `None` if the language isn't installed.
fn start(service: &Service, folder: &Path, port: u16) -> Option<Group> {
    let mut words: Vec<&str> = service.command.split(' ').collect();
    let variable = words[0].split_once('=');
    if variable.is_some() {
        words.remove(0);
    }
    let change = |text: &str| text.replace("9000", &port.to_string());
    std::fs::write(folder.join(&service.file), change(&service.text)).expect("the folder can be written to");
    let mut command = Command::new(words[0]);
    command
        .args(words[1..].iter().map(|word| change(word)))
        .envs(variable)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Group::spawn(&mut command).ok()
}

/// Until it listens.
async fn wait_for(port: u16, file: &str) {
    let deadline = Instant::now() + PATIENCE;
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(Instant::now() < deadline, "{file} never listens");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
