//! What `huixin --version` prints: the version, its commit and its day; and the commit alone, for metrics.
//!
//! A development build has the version alone: else every commit would compile the package and its tests again. The day is
//! the commit's, so that one commit gives one binary whenever it is built.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for variable in ["HUIXIN_COMMIT", "SOURCE_DATE_EPOCH"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let (from_git, of_git) = match std::env::var("PROFILE").as_deref() {
        Ok("release") if !Path::new(PACKED).exists() => git(),
        _ => (None, None),
    };
    let commit = std::env::var("HUIXIN_COMMIT").ok().or_else(packed).or(from_git);
    let second = std::env::var("SOURCE_DATE_EPOCH").ok().or(of_git).and_then(|text| text.parse().ok());
    let day = second.map(|second| {
        let time = humantime::format_rfc3339(UNIX_EPOCH + Duration::from_secs(second)).to_string();
        time.chars().take("2026-01-01".len()).collect::<String>()
    });
    println!("cargo::rustc-env=HUIXIN_BUILD_COMMIT={}", commit.as_deref().unwrap_or_default());
    let known: Vec<String> = commit.filter(|commit| !commit.is_empty()).into_iter().chain(day).collect();
    let version = env!("CARGO_PKG_VERSION");
    match known.as_slice() {
        [] => println!("cargo::rustc-env=VERSION_WITH_COMMIT={version}"),
        known => println!("cargo::rustc-env=VERSION_WITH_COMMIT={version} ({})", known.join(", ")),
    }
}

/// Written by `cargo package`. A crate that has it may lie in somebody else's repository, so git isn't asked then.
const PACKED: &str = ".cargo_vcs_info.json";

/// The commit that a crate was packed from.
fn packed() -> Option<String> {
    let text = std::fs::read_to_string(PACKED).ok()?;
    let commit = text.split("\"sha1\"").nth(1)?.split('"').nth(1)?;
    Some(commit.chars().take(9).collect())
}

/// The commit that is checked out, and the second of it.
fn git() -> (Option<String>, Option<String>) {
    if let Some(moves) =
        ask(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|path| Path::new(path).exists())
    {
        println!("cargo::rerun-if-changed={moves}");
    }
    (ask(&["rev-parse", "--short=9", "HEAD"]), ask(&["log", "-1", "--format=%ct"]))
}

/// What git prints; nothing without git or a repository.
fn ask(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
