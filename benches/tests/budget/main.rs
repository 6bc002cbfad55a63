//! What one message costs, in units that neither the clock nor another guest of the machine changes.
//!
//! Instructions are counted by callgrind in the command itself, with one thread for its tasks: in its release build, and, since
//! that takes minutes to build, in the debug build for every day. The commands, the bytes of the append-only file and the memory of Redis are what Redis counts. Each is compared with its line in
//! `benches/budget.toml`. To compare with another commit, name its binary:
//!
//! ```text
//! cargo test -p huixin-benches --test budget -- --nocapture
//! BUDGET_HUIXIN=../before/target/release/huixin cargo test -p huixin-benches --test budget -- --nocapture
//! ```

#![allow(clippy::unwrap_used, reason = "what can't be measured has failed")]

mod lines;
mod processes;
mod processor;
mod store;

use std::path::PathBuf;
use std::process::Command;

use lines::{Measured, judge};
use processes::Sizes;

/// By how much a figure may be over its line; the counts of two quiet runs differ by half of it at most.
const TOLERANCE: f64 = 0.03;
/// The debug build is slow, so more of what it does by the clock falls among the messages.
const TOLERANCE_OF_DEBUG: f64 = 0.06;

#[test]
fn a_message_costs_redis_no_more_than_its_budget() {
    hold("of_redis", &store::costs(), TOLERANCE);
}

/// `cargo test -p huixin-benches --test budget processor -- --ignored --nocapture`
#[test]
#[ignore = "it only prints"]
fn what_a_message_costs_the_processor_of_redis() {
    println!("{}", processor::table());
}

/// The long form counts in the release build, the short one in the debug build, which all tests use and is at hand.
#[test]
fn a_message_costs_no_more_instructions_than_its_budget() {
    let is_release = std::env::var_os("LONG_TESTS").is_some() || std::env::var_os("BUDGET_HUIXIN").is_some();
    let (huixin, part, sizes, tolerance) = match is_release {
        true => (release(), "instructions", Sizes { warm_up: 500, messages: 500, rounds: 3 }, TOLERANCE),
        false => (
            debug(),
            "instructions_of_debug",
            Sizes { warm_up: 100, messages: 100, rounds: 2 },
            TOLERANCE_OF_DEBUG,
        ),
    };
    let measured = std::thread::scope(|scope| {
        let accept = scope.spawn(|| processes::accept(&huixin, sizes, 1));
        let message = scope.spawn(|| processes::message(&huixin, sizes));
        // Of pushes that come together, how many share a call differs too much in a slow build.
        let together = is_release.then(|| processes::accept(&huixin, sizes, 64));
        let alone = [("accept_alone", accept.join().unwrap()), ("message_alone", message.join().unwrap())];
        let all = alone.into_iter().chain(together.map(|together| ("accept_of_64", together)));
        all.map(|(name, instructions)| (name.to_owned(), instructions)).collect()
    });
    hold(part, &measured, tolerance);
}

/// Compares with the lines of one part of the budget, and prints them all.
fn hold(part: &str, measured: &Measured, tolerance: f64) {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/budget.toml")).unwrap();
    let verdict = judge(&lines::read(&text, part), measured, tolerance);
    println!("{}{}", verdict.table, verdict.remarks.join("\n"));
    assert!(verdict.faults.is_empty(), "{}", verdict.faults.join("\n"));
}

/// The command as the tests of the workspace build it.
fn debug() -> PathBuf {
    let huixin = target().join("debug/huixin");
    assert!(huixin.exists(), "{} is missing: run `cargo test --workspace --no-run` first", huixin.display());
    huixin
}

/// The command as it is released, built if need be.
fn release() -> PathBuf {
    if let Some(named) = std::env::var_os("BUDGET_HUIXIN") {
        return named.into();
    }
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "--package", "huixin", "--bin", "huixin", "--target-dir"])
        .arg(target())
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .status();
    assert!(built.unwrap().success(), "the release build has failed");
    target().join("release/huixin")
}

/// This test is at target/debug/deps/.
fn target() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned()
}
