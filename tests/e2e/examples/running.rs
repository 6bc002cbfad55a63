//! An example, started by the command of its README, in a copy of its folder.
//!
//! The copy has other ports than the original, so that several can run at once and beside somebody's own; nothing else of
//! it is changed.

use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::transcript::{self, Line};
use crate::harness::{Group, PATIENCE, free_port};

/// One of them builds itself first.
const BUILDING: Duration = Duration::from_secs(600);
/// The ports that the examples name.
const PORTS: [&str; 5] = ["6390", "8080", "8088", "9000", "9700"];

/// A running example; it and all that it started are killed when dropped.
pub(super) struct Example {
    processes: Group,
    log: PathBuf,
    page: String,
    readme: String,
    http: reqwest::Client,
    folder: tempfile::TempDir,
}

impl Example {
    /// Starts it, with these variables added, and waits until it can be talked to.
    pub(super) async fn start(name: &str, variables: &[(&str, &str)]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
        let readme = std::fs::read_to_string(source.join("README.md")).expect("the example has a README");
        let command = format!("```sh\nexamples/{name}/run\n```");
        assert!(readme.contains(&command), "examples/{name}/README.md says how it is started");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut changes = vec![("../..".to_owned(), env!("CARGO_MANIFEST_DIR").to_owned())];
        changes.extend(other_ports());
        copy(&source, folder.path(), &changes);
        Self::run(folder, readme, variables).await
    }

    /// The same once more, with the same ports in its files.
    pub(super) async fn again(&self) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        copy(self.folder.path(), folder.path(), &[]);
        Self::run(folder, self.readme.clone(), &[]).await
    }

    /// Starts the service of README.md with its configuration, by its commands.
    pub(super) async fn of_the_readme() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
        let readme = std::fs::read_to_string(source).expect("there is a README");
        let block = |first_line: &str| {
            let from = readme.split(first_line).nth(1).unwrap_or_else(|| panic!("README has {first_line}"));
            let rest = from.split("\n```\n").next().unwrap_or_default();
            first_line.split_once('\n').expect("a fence stands before it").1.to_owned() + rest + "\n"
        };
        let commands = block("```sh\npython3 backend.py\n");
        let (service, dev) = commands.trim().split_once('\n').expect("two commands");
        let dev = dev.replacen("huixin", "exec \"$HUIXIN\"", 1);
        let run =
            format!("#!/usr/bin/env bash\ncd \"${{0%/*}}\"\n{service} &\n{dev} --listen 127.0.0.1:8088\n");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let changes = other_ports();
        for (name, text) in [
            ("huixin.toml", block("```toml\nqueue.url")),
            ("backend.py", block("```python\nimport ")),
            ("run", run),
        ] {
            let text = changes.iter().fold(text, |text, (from, to)| text.replace(from, to));
            std::fs::write(folder.path().join(name), text).expect("the folder can be written to");
        }
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path().join("run"), executable).expect("it is ours");
        Self::run(folder, readme, &[]).await
    }

    /// Starts what is in the folder.
    async fn run(folder: tempfile::TempDir, readme: String, variables: &[(&str, &str)]) -> Self {
        let log = folder.path().join("run.log");
        let output = File::create(&log).expect("the log can be made");
        let mut command = Command::new(folder.path().join("run"));
        command
            .envs(variables.iter().copied())
            .env("HUIXIN", env!("CARGO_BIN_EXE_huixin"))
            .env("NO_COLOR", "1")
            // Other tests have the default one.
            .env("HUIXIN_ADMIN__LISTEN", "127.0.0.1:0")
            .stdout(output.try_clone().expect("a file handle can be doubled"))
            .stderr(output);
        let processes = Group::spawn(&mut command).expect("the example's command starts");
        let http = huixin_wechat::http_client().expect("a client can be made");
        let mut example = Self { processes, log, page: String::new(), readme, http, folder };
        example.page = example.page().await;
        example.answers("nobody").await;
        example
    }

    /// Plays every conversation of the README, each by a user of its own, all at once.
    pub(super) async fn plays_its_transcripts(&self) {
        self.plays("").await;
    }

    /// The same with those of one kind.
    pub(super) async fn plays(&self, kind: &str) {
        let conversations = transcript::read(&self.readme, kind);
        assert!(!conversations.is_empty(), "the README has a transcript");
        let played = conversations.iter().enumerate();
        futures::future::join_all(played.map(|(n, lines)| self.play(format!("oReader{n}"), lines))).await;
        let log = self.log();
        assert!(!log.contains("ERROR"), "{log}");
    }

    /// Stops it as its user does, and waits until nothing of it is left.
    pub(super) async fn stops_with_all_that_it_started(mut self) {
        self.processes.stop();
        let deadline = Instant::now() + PATIENCE;
        while !self.processes.has_ended() || self.processes.is_there() {
            assert!(Instant::now() < deadline, "something goes on: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn play(&self, user: String, lines: &[Line]) {
        let mut expected: Vec<&str> = Vec::new();
        for line in lines {
            match line {
                Line::Gets(text) => expected.push(text),
                Line::Says(deed) => {
                    self.expect(&user, &expected).await;
                    self.push(&user, deed.clone()).await;
                }
            }
        }
        self.expect(&user, &expected).await;
    }

    /// Does something as the user.
    pub(super) async fn push(&self, user: &str, mut deed: Value) {
        deed["user"] = json!(user);
        let answer = self.http.post(format!("{}sandbox/push", self.page)).json(&deed).send().await;
        let answer = answer.expect("the pretend WeChat answers");
        assert_eq!(answer.status(), 202, "{deed}");
    }

    /// Waits until the user has got this, and no more.
    pub(super) async fn expect(&self, user: &str, expected: &[&str]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let got = self.answers(user).await;
            let fits = |(printed, got): (&&str, &String)| transcript::matches(printed, got);
            let so_far = got.len() <= expected.len() && expected.iter().zip(&got).all(fits);
            assert!(so_far, "{user} got {got:?} instead of {expected:?}: {}", self.log());
            if got.len() == expected.len() {
                return;
            }
            assert!(Instant::now() < deadline, "{user} got only {got:?} of {expected:?}: {}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the user has got so far, as transcripts print it.
    pub(super) async fn answers(&self, user: &str) -> Vec<String> {
        let url = format!("{}sandbox/transcript?limit=10000", self.page);
        let deadline = Instant::now() + PATIENCE;
        let page = loop {
            match self.http.get(&url).send().await {
                Ok(page) => break page.bytes().await.expect("to the end"),
                // It is being started.
                Err(error) => assert!(Instant::now() < deadline, "{error}: {}", self.log()),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let page: Value = serde_json::from_slice(&page).expect("JSON");
        let entries = page["entries"].as_array().expect("a list");
        let is_shown = |entry: &&Value| entry["what"] == "sent" || entry["what"] == "replied";
        let to_user = entries.iter().filter(is_shown).filter(|entry| entry["user"] == user);
        to_user.map(transcript::print).collect()
    }

    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The address after `Open`.
    async fn page(&mut self) -> String {
        let deadline = Instant::now() + BUILDING;
        loop {
            let log = self.log();
            if let Some(rest) = log.split("Open ").nth(1).filter(|rest| rest.contains('\n')) {
                return rest
                    .split(|c: char| c.is_whitespace() || c == ';')
                    .next()
                    .unwrap_or_default()
                    .to_owned();
            }
            let ended = self.processes.has_ended();
            assert!(!ended && Instant::now() < deadline, "the example does not start: {log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Each port with a free one in its place.
fn other_ports() -> Vec<(String, String)> {
    PORTS.map(|port| (port.to_owned(), free_port().to_string())).into()
}

fn copy(from: &Path, to: &Path, changes: &[(String, String)]) {
    for entry in std::fs::read_dir(from).expect("the example is there") {
        let entry = entry.expect("it can be listed");
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            std::fs::create_dir(&target).expect("the copy can have folders");
            copy(&source, &target, changes);
            continue;
        }
        // With its permissions.
        std::fs::copy(&source, &target).expect("it can be copied");
        // Its checksums are no ports.
        let is_lock = entry.file_name() == "Cargo.lock";
        if let Some(text) = std::fs::read_to_string(&source).ok().filter(|_| !is_lock) {
            let text = changes.iter().fold(text, |text, (from, to)| text.replace(from, to));
            std::fs::write(&target, text).expect("the copy can be written");
        }
    }
}
