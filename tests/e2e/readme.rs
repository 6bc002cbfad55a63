//! The README's commands are executed, and those of all pages are known to exist.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser as _;
use huixin::cli::Cli;

use crate::harness::long;

/// The lines of all fenced `sh` blocks of a page.
pub(crate) fn commands(page: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    let mut commands = Vec::new();
    let mut within = false;
    for line in text.lines() {
        match line.trim() {
            "```sh" => within = true,
            "```" => within = false,
            line if within && !line.is_empty() && !line.starts_with('#') => commands.push(line.to_owned()),
            _ => {}
        }
    }
    commands
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_first_command_starts_everything_and_the_second_runs_the_tests() {
    assert_eq!(commands(&root().join("README.md"))[..2], ["cargo run -- dev", "tests/run"]);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let log = folder.path().join("dev.log");
    let output = std::fs::File::create(&log).expect("the log can be made");
    // Without the members' tests cargo compiles half of all crates again, with fewer features: only in the long form. Otherwise
    // the program starts that cargo would choose.
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("it is there");
    assert!(manifest.contains("\ndefault-run = \"huixin\"\n"));
    let mut command = match long() {
        true => Command::new(env!("CARGO")),
        false => Command::new(env!("CARGO_BIN_EXE_huixin")),
    };
    let mut child = command
        .args(if long() { ["run", "--", "dev"].as_slice() } else { &["dev"] })
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
fn every_huixin_command_of_a_page_is_one() {
    let in_folder = |folder: &str| std::fs::read_dir(root().join(folder)).expect("it is there");
    let docs = in_folder("docs").map(|entry| entry.expect("it can be listed").path());
    let examples =
        in_folder("examples").map(|entry| entry.expect("it can be listed").path().join("README.md"));
    let pages = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    for page in pages.chain(examples) {
        commands_that_parse(&page);
    }
    assert!(commands_that_parse(&root().join("README.md")) >= 4);
}

fn commands_that_parse(page: &Path) -> usize {
    let mut seen = 0;
    for command in commands(page) {
        let words: Vec<_> = command.split(" #").next().unwrap_or_default().split_whitespace().collect();
        let (["cargo", "run", "--", arguments @ ..] | ["huixin", arguments @ ..]) = words.as_slice() else {
            continue;
        };
        seen += 1;
        let parsed = Cli::try_parse_from(std::iter::once(&"huixin").chain(arguments));
        let error = parsed.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.is_empty(), "{}: {command}: {error}", page.display());
    }
    seen
}
