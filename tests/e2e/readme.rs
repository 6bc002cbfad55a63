//! The README's commands are executed, or at least known to exist.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser as _;
use huixin::cli::Cli;

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"))
        .expect("there is a README")
}

/// The lines of all fenced `sh` blocks.
fn commands() -> Vec<String> {
    let mut commands = Vec::new();
    let mut within = false;
    for line in readme().lines() {
        match line.trim() {
            "```sh" => within = true,
            "```" => within = false,
            line if within && !line.is_empty() && !line.starts_with('#') => commands.push(line.to_owned()),
            _ => {}
        }
    }
    commands
}

#[test]
fn the_first_command_starts_everything_and_the_second_runs_the_tests() {
    assert_eq!(commands()[..2], ["cargo run -- dev", "tests/run"]);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let log = folder.path().join("dev.log");
    let output = std::fs::File::create(&log).expect("the log can be made");
    let mut child = Command::new(env!("CARGO"))
        .args(["run", "--", "dev"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .stdout(output.try_clone().expect("a file handle can be doubled"))
        .stderr(output)
        .spawn()
        .expect("cargo starts");
    let deadline = Instant::now() + Duration::from_secs(300);
    let started = loop {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        if text.contains("Open http://127.0.0.1:") {
            break true;
        }
        if Instant::now() > deadline || child.try_wait().is_ok_and(|ended| ended.is_some()) {
            break false;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    // Cargo has become the command, or waits for it: both go with SIGTERM to their group's leader and its child.
    let _ = Command::new("pkill").args(["-TERM", "-P", &child.id().to_string()]).status();
    let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    let _ = child.wait();
    assert!(started, "{}", std::fs::read_to_string(&log).unwrap_or_default());
}

#[test]
fn every_huixin_command_of_the_readme_is_one() {
    let mut seen = 0;
    for command in commands() {
        let words: Vec<_> = command.split(" #").next().unwrap_or_default().split_whitespace().collect();
        let (["cargo", "run", "--", arguments @ ..]
        | ["huixin", arguments @ ..]
        | ["target/release/huixin", arguments @ ..]) = words.as_slice()
        else {
            continue;
        };
        seen += 1;
        let parsed = Cli::try_parse_from(std::iter::once(&"huixin").chain(arguments));
        assert!(parsed.is_ok(), "{command}: {}", parsed.err().map(|e| e.to_string()).unwrap_or_default());
    }
    assert!(seen >= 4, "the README has only {seen} commands");
}
