//! The worker's program as it is started.

use std::process::Command;

#[test]
fn without_its_account_it_says_which_variable_is_missing() {
    let started = Command::new(env!("CARGO_BIN_EXE_rust-handler")).env_remove("APP_ID").output();
    let output = started.expect("it can be started");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("APP_ID"), "{output:?}");
}
