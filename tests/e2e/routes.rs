//! `huixin route test`: which route takes a message, without a queue, a network or a secret.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// Nothing that is named here exists: none of it may be asked for.
const ELSEWHERE: &str = "[queue]\nurl = \"redis://127.0.0.1:1/0\"\n\
    [receiver]\nmax_body = \"1KiB\"\n\
    [account.main]\napp_id = \"wx1\"\napp_secret_file = \"nowhere\"\ntoken_file = \"nowhere\"\n";

const ROUTES: &str = r#"
[[route]]
name = "menu"
match = { event = "CLICK", event_key_prefix = "city-" }
reply = "x"

[[route]]
name = "lookup"
match = { text = '^\?(?<code>(?s:.)+)$' }
http = { url = "http://127.0.0.1:1/", secret_file = "nowhere" }
"#;

/// Another account, and a route of its own.
const SHOP: &str = r#"
[[route]]
name = "shop"
match = { account = "shop" }
reply = "x"
[account.shop]
app_id = "wx2"
"#;

fn run(config: &str, program: &str, arguments: &[&str], stdin: &[u8]) -> Output {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::write(folder.path().join("huixin.toml"), config).expect("the folder can be written to");
    std::fs::write(folder.path().join("push.xml"), stdin).expect("the folder can be written to");
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // A process that doesn't read it may be gone already.
    let _ = child.stdin.take().expect("it is piped").write_all(stdin);
    child.wait_with_output().expect("the program ends")
}

/// Exit code, standard output and standard error of `route test`.
fn route_test(config: &str, arguments: &[&str], stdin: &str) -> (Option<i32>, String, String) {
    let arguments = [&["route", "test"], arguments].concat();
    let output = run(config, env!("CARGO_BIN_EXE_huixin"), &arguments, stdin.as_bytes());
    let text = |bytes| String::from_utf8(bytes).expect("it prints UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn it_says_which_route_takes_a_message_and_why_the_others_do_not() {
    let config = format!("{ELSEWHERE}{ROUTES}{SHOP}");
    let main = |arguments: &[&str], stdin: &str| {
        route_test(&config, &[arguments, &["--account", "main"]].concat(), stdin)
    };
    let click = "<xml><FromUserName>o1</FromUserName><MsgType>event</MsgType><Event>CLICK</Event>\
        <EventKey>city-7</EventKey></xml>";
    let no_event = "no   menu    it is not an event (`type` is text), but `event` asks for CLICK\n";

    let taken = format!(
        "{no_event}yes  lookup  takes it, for `http` to answer\n     1 = \"18\"\n     code = \"18\"\n"
    );
    assert_eq!(main(&["--text", "？18"], ""), (Some(0), taken, String::new()));

    let none = format!(
        "{no_event}no   lookup  `text` does not match: `^\\?(?<code>(?s:.)+)$` finds nothing in \"-h\"\n\
         no   shop    `account` is main, not shop\n"
    );
    let expected = "error: no route takes it: it ends without a reply\n\n\
        hint: a last route without `match` takes every other message\n";
    assert_eq!(main(&["--text", "-h"], ""), (Some(4), none, expected.to_owned()));

    let by_key = (Some(0), "yes  menu  takes it, for `reply` to answer\n".to_owned(), String::new());
    assert_eq!(main(&["--xml", "-"], click), by_key);
    assert_eq!(main(&["--xml", "push.xml"], click), by_key);

    // What a user wrote can't write to the terminal.
    let (code, out, _) = main(&["--text", "?\u{1b}[2J\na"], "");
    assert_eq!(code, Some(0));
    assert!(out.contains(r#"code = "[2J\na""#) && !out.contains('\u{1b}'), "{out}");
}

#[test]
fn the_same_as_json() {
    let config = format!("{ELSEWHERE}{ROUTES}{SHOP}");
    let as_json = |arguments: &[&str], stdin: &str| {
        let (code, out, _) =
            route_test(&config, &[arguments, &["--json", "--account", "main"]].concat(), stdin);
        let value: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"));
        (code, value)
    };
    let event = r#"{"FromUserName": "o1", "MsgType": "event", "Event": "CLICK", "EventKey": "town"}"#;
    let expected = json!({
        "account": "main", "user": "o1", "type": "event", "event": "CLICK", "key": "town",
        "route": null, "handler": null, "captures": {},
        "passed_by": [
            { "route": "menu", "condition": "event_key_prefix",
              "why": "the event key \"town\" does not begin with \"city-\"" },
            { "route": "lookup", "condition": "type",
              "why": "it is an event, but a route without `type` and `event` takes only messages" },
            { "route": "shop", "condition": "account", "why": "`account` is main, not shop" },
        ],
    });
    assert_eq!(as_json(&["--xml", "-"], event), (Some(4), expected));
    let (code, taken) = as_json(&["--text", "?1", "--user", "oAnna"], "");
    assert_eq!((code, &taken["user"], &taken["route"]), (Some(0), &json!("oAnna"), &json!("lookup")));
}

#[test]
fn what_is_no_message_or_no_account_is_told() {
    let one = format!("{ELSEWHERE}{ROUTES}");
    let two = format!("{one}{SHOP}");
    let large = "x".repeat(1025);
    let encrypted = "<xml><ToUserName>gh</ToUserName><Encrypt>abc</Encrypt></xml>";
    for (config, arguments, stdin, code, expected) in [
        (
            &one,
            &["--xml", "nowhere.xml"][..],
            "",
            1,
            "error: cannot read `nowhere.xml`\n  caused by: no such file",
        ),
        (&one, &["--xml", "."], "", 1, "error: cannot read `.`\n  caused by: is a directory"),
        (
            &one,
            &["--xml", "-"],
            "hello",
            1,
            "error: standard input is not a push of WeChat's\n  caused by: the body is not XML",
        ),
        (
            &one,
            &["--xml", "push.xml"],
            "<xml><MsgType>",
            1,
            "error: `push.xml` is not a push of WeChat's\n  caused by: the body ends inside",
        ),
        (
            &one,
            &["--xml", "-"],
            "",
            1,
            "caused by: the body holds no XML element\n\nhint: give the body as WeChat posts it",
        ),
        (&one, &["--xml", "-"], encrypted, 1, "error: standard input is an encrypted push"),
        (
            &one,
            &["--xml", "-"],
            &large,
            1,
            "error: standard input has more than the 1KiB of `receiver.max_body`",
        ),
        (&two, &["--text", "x"], "", 1, "hint: name one with --account: main, shop"),
        (
            &two,
            &["--text", "x", "--account", "stop"],
            "",
            1,
            "error: there is no account `stop`\n\nhint: known accounts: main, shop",
        ),
        (&one, &[], "", 2, "required arguments were not provided"),
        (&one, &["--text", "x", "--xml", "-"], "", 2, "cannot be used with"),
        (&one, &["--user", "x", "--xml", "-"], "", 2, "cannot be used with"),
        (
            &"[worker]\nlease = 1\n".to_owned(),
            &["--text", "x"],
            "",
            64,
            "huixin.toml:2: `worker.lease` needs a unit",
        ),
    ] {
        let (ended, out, error) = route_test(config, arguments, stdin);
        assert_eq!(ended, Some(code), "{arguments:?}: {error}");
        assert!(error.contains(expected), "{arguments:?}: {error}");
        assert!(out.is_empty(), "{arguments:?}: {out}");
    }
    let (code, out, _) = route_test(&two, &["--text", "x", "--account", "shop"], "");
    assert!(code == Some(0) && out.contains("yes  shop    takes it"), "{out}");
}

/// The document has its configuration first; each command is followed by what it prints.
#[test]
fn the_commands_of_the_document_print_what_it_says() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/routes.md");
    let document = std::fs::read_to_string(document).expect("the document is in the repository");
    let blocks: Vec<(&str, &str)> =
        document.split("\n```").skip(1).step_by(2).filter_map(|block| block.split_once('\n')).collect();
    let (language, config) = blocks[0];
    assert_eq!(language, "toml");
    let mut commands = 0;
    for pair in blocks.windows(2) {
        let [("sh", command), (_, expected)] = pair else { continue };
        commands += 1;
        let binary = env!("CARGO_BIN_EXE_huixin");
        let command = command.strip_prefix("huixin").expect("it is a command of this program");
        let output = run(config, "sh", &["-c", &format!("'{binary}'{command}")], b"");
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), *expected, "{command}");
    }
    assert_eq!(commands, 2, "the document has two commands");
}
