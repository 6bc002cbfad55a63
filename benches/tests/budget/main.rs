//! What one message costs, in units that neither the clock nor another guest of the machine changes.
//!
//! Instructions are counted by callgrind in the release build of the command itself, with one thread for its tasks; the
//! commands, the bytes of the append-only file and the memory of Redis are what Redis counts. Each is compared with its line in
//! `benches/budget.toml`. To compare with another commit, name its binary:
//!
//! ```text
//! cargo test -p huixin-benches --test budget -- --nocapture
//! BUDGET_HUIXIN=../before/target/release/huixin cargo test -p huixin-benches --test budget -- --nocapture
//! ```

#![allow(clippy::unwrap_used, reason = "what can't be measured has failed")]

mod lines;
mod processes;
mod store;

use std::path::PathBuf;
use std::process::Command;

use lines::{Measured, judge};

#[test]
fn a_message_costs_redis_no_more_than_its_budget() {
    hold("of_redis", &store::costs());
}

/// In the long form only: it needs the release build, which takes longer than all other tests.
#[test]
fn a_message_costs_no_more_instructions_than_its_budget() {
    if std::env::var_os("LONG_TESTS").is_none() && std::env::var_os("BUDGET_HUIXIN").is_none() {
        println!("not counted: LONG_TESTS is not set");
        return;
    }
    let huixin = huixin();
    let measured = std::thread::scope(|scope| {
        let accept = scope.spawn(|| processes::accept(&huixin));
        let message = scope.spawn(|| processes::message(&huixin));
        [accept.join().unwrap(), message.join().unwrap()].into_iter().flatten().collect()
    });
    hold("instructions", &measured);
}

/// Compares with the lines of one part of the budget, and prints them all.
fn hold(part: &str, measured: &Measured) {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/budget.toml")).unwrap();
    let verdict = judge(&lines::read(&text, part), measured);
    println!("{}{}", verdict.table, verdict.remarks.join("\n"));
    assert!(verdict.faults.is_empty(), "{}", verdict.faults.join("\n"));
}

/// The command as it is released, built if need be.
fn huixin() -> PathBuf {
    if let Some(named) = std::env::var_os("BUDGET_HUIXIN") {
        return named.into();
    }
    // This test is at target/debug/deps/.
    let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "--package", "huixin", "--bin", "huixin", "--target-dir"])
        .arg(&target)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .status();
    assert!(built.unwrap().success(), "the release build has failed");
    target.join("release/huixin")
}
