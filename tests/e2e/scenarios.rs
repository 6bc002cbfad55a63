//! `sandbox play` and `sandbox flood` as users call them, and the page about them.

use std::path::Path;
use std::process::{Command, Output};

use insta::assert_snapshot;
use serde_json::Value;

use crate::harness::{Process, free_port};
use crate::readme::commands;

fn huixin(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_huixin"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).env("NO_COLOR", "1");
    command.output().expect("the binary starts")
}

fn play(scenarios: &[&str]) -> Output {
    let config = ["sandbox", "play", "--config", "examples/sandbox/huixin.toml"];
    huixin(&[&config, scenarios].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("it prints UTF-8")
}

#[test]
fn the_scenarios_of_the_example_pass_beside_each_other_and_in_trouble() {
    let played = play(&["examples/sandbox/welcome.toml", "examples/sandbox/trouble.toml"]);
    let shown = text(&played.stdout);
    assert!(played.status.success(), "{shown}{}", text(&played.stderr));
    assert!(shown.ends_with("\n2 of 2 scenarios passed\n") && !shown.contains("FAIL"), "{shown}");
    assert_eq!(text(&played.stderr), "");
}

#[test]
fn a_scenario_that_fails_shows_the_difference_by_line_and_ends_with_1() {
    let played = play(&["examples/sandbox/wrong.toml"]);
    assert_eq!(played.status.code(), Some(1));
    let shown = text(&played.stdout);
    let (shown, before) = shown.split_once("     before:\n").expect("a failure shows what was before it");
    assert!(
        before.contains("oXiaoming does: text 价目") && before.contains("try 1 of the push: acked"),
        "{before}"
    );
    assert_snapshot!(shown, @r"
    examples/sandbox/wrong.toml  Fails on purpose: the price of a latte was raised
    ok   line 4    oXiaoming says 价目
    FAIL line 5    oXiaoming is shown 今日价目…
         something else was shown
         - expected, + got:
           今日价目
         - 拿铁 28 元
         + 拿铁 30 元
           美式 22 元
           手冲 38 元
    ");
    assert_snapshot!(text(&played.stderr), @"
    error: 1 of 1 scenarios failed

    hint: `huixin dev` shows the same by hand, in its page; HUIXIN_LOG=info tells more
    ");
}

#[test]
fn a_played_scenario_is_there_for_programs_too() {
    let played = play(&["--json", "examples/sandbox/wrong.toml", "examples/sandbox/welcome.toml"]);
    let result: Value = serde_json::from_slice(&played.stdout).expect("it is JSON");
    let [wrong, welcome] = result["scenarios"].as_array().expect("a list").as_slice() else {
        panic!("{result}")
    };
    assert_eq!([&result["passed"], &wrong["passed"], &welcome["passed"]], [false, false, true]);
    assert_eq!((wrong["steps"].as_array().map(Vec::len), &wrong["not_played"]), (Some(2), &Value::from(1)));
    let missed = &wrong["steps"][1]["missed"];
    assert_eq!(missed["difference"], "  今日价目\n- 拿铁 28 元\n+ 拿铁 30 元\n  美式 22 元\n  手冲 38 元\n");
}

#[test]
fn a_scenario_that_cannot_be_read_ends_with_2_before_anything_is_played() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("a.toml");
    std::fs::write(&file, "step = [\n  { sya = 'hi' },\n]\n").expect("it can be written");
    let played = play(&["examples/sandbox/welcome.toml", &file.to_string_lossy()]);
    assert_eq!((played.status.code(), text(&played.stdout)), (Some(2), String::new()));
    let said = text(&played.stderr);
    assert!(
        said.contains("a.toml:2: unknown field `sya`, expected one of `account`, `user`, `say`"),
        "{said}"
    );
    assert!(said.contains("hint: docs/sandbox.md"), "{said}");
    assert_eq!(play(&["examples/sandbox/none.toml"]).status.code(), Some(2));
}

#[test]
fn what_nobody_expected_fails_at_the_end() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("a.toml");
    let steps = "[[step]]\nfollow = true\n[[step]]\nexpect = { acked = '5s' }\n[[step]]\nwait = '2s'\n";
    std::fs::write(&file, steps).expect("it can be written");
    let played = play(&[&file.to_string_lossy()]);
    let shown = text(&played.stdout);
    assert_eq!(played.status.code(), Some(1), "{shown}");
    assert!(
        shown.contains("FAIL the end\n     a user was shown what no step expects\n     + 欢迎光临"),
        "{shown}"
    );
}

#[test]
fn a_flood_of_what_is_not_there_fails_and_one_of_somebody_else_is_refused() {
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let flooded = huixin(&["sandbox", "flood", "--receiver", &nowhere, "--for", "200ms", "--json"]);
    let report: Value = serde_json::from_slice(&flooded.stdout).expect("it is JSON");
    assert_eq!((&report["pushed"], &report["unreachable"]), (&Value::from(20), &Value::from(20)));
    assert_eq!(flooded.status.code(), Some(1));
    let refused = huixin(&["sandbox", "flood", "--receiver", "http://192.0.2.1"]);
    assert!(text(&refused.stderr).contains("hint: add --anywhere"), "{}", text(&refused.stderr));
}

/// Everything but what starts the installation itself.
#[tokio::test]
async fn the_commands_of_the_page_about_the_sandbox_work() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/sandbox.md");
    let text = std::fs::read_to_string(&page).expect("the page is there");
    let scenario = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join(name), bytes).expect("the folder can be written to");
    };
    write("scenario.toml", scenario.expect("the page has a scenario").as_bytes());
    write("picture.png", b"\x89PNG\r\n\x1a\n");
    let (port, receiver) = (free_port(), free_port());
    let listen = format!("127.0.0.1:{receiver}");
    let variables = [("HUIXIN_RECEIVER__LISTEN", listen.as_str()), ("HUIXIN_ADMIN__LISTEN", "127.0.0.1:0")];
    let here = ["dev", "--listen", &format!("127.0.0.1:{port}")];
    let dev = Process::spawn(&here, folder.path(), folder.path().join("dev.log"), &variables);
    dev.ready().await;
    let commands = commands(&page);
    assert!(commands.len() > 20, "{commands:?}");
    let commands = commands.join("\n").replace("127.0.0.1:8088", &format!("127.0.0.1:{port}"));
    let commands =
        commands.replace("--for 30s", &format!("--for 500ms --receiver http://127.0.0.1:{receiver}"));
    // An error of WeChat's API has status 200, and a code.
    let script = format!(
        "set -euo pipefail\nhuixin() {{ \"$HUIXIN\" \"$@\"; }}\n\
         curl() {{ command curl -sS --fail-with-body \"$@\" | tee answer && ! grep -q '\"errcode\":[^0]' answer; }}\n{commands}\n"
    );
    let mut shell = Command::new("bash");
    shell.args(["-xc", &script]).current_dir(folder.path()).env("HUIXIN", env!("CARGO_BIN_EXE_huixin"));
    let ran = shell.env("NO_COLOR", "1").output().expect("bash starts");
    let (said, trace) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{said}\n{trace}");
    assert!(said.contains("1 of 1 scenarios passed") && said.contains("acks         250"), "{said}");
}
