//! What the command says when something is wrong, and with which exit code.

use std::process::{Command, Output};

use huixin_queue::testing::RedisServer;
use huixin_sandbox::{RunningSandbox, SandboxConfig};

const ACCOUNT: &str = "[account.main]\napp_id = \"wx0123456789abcdef\"\napp_secret = \"s3cret-of-app\"\ntoken = \"s3cretToken\"\n";

fn huixin(arguments: &[&str], config: &str) -> (Output, String) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::write(folder.path().join("huixin.toml"), config).expect("the folder can be written to");
    let output = Command::new(env!("CARGO_BIN_EXE_huixin"))
        .args(arguments)
        .current_dir(folder.path())
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary starts");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!text.contains("s3cret"), "no secret is printed: {text}");
    (output, text)
}

#[test]
fn every_mistake_of_a_configuration_is_told_at_once() {
    let config = "[queue]\nurl = \"redis:/127.0.0.1\"\n[worker]\nlease = 15\nconcurency = 5\n\
        [account.main]\napp_id = \"wx0123456789abcdef\"\napi_base = \"ftp://x\"\n\
        [[route]]\nname = \"a\"\nmatch = { text = \"(\" }\nreply = \"hi {{ content\"\n\
        [[route]]\nname = \"b\"\nmatch = { account = \"mian\" }\nhttp = { url = \"nowhere\" }\n";
    let (output, text) = huixin(&["worker"], config);
    assert_eq!(output.status.code(), Some(64));
    insta::assert_snapshot!(text);
}

#[test]
fn what_cannot_go_out_in_a_response_is_told_by_the_check_and_by_every_start() {
    let notice = "很慢".repeat(400);
    let config = format!(
        "{ACCOUNT}answer_by = \"either\"\npush_wait = \"6s\"\n\
         [account.plain]\napp_id = \"wx2\"\ntoken = \"s3cretToken\"\nanswer_by = \"push\"\nlater_notice = \"{notice}\"\n\
         [[route]]\nname = \"menu\"\nmatch = {{ account = \"plain\" }}\n\
         reply = {{ type = \"msgmenu\", list = [{{ id = \"1\", content = \"yes\" }}] }}\n"
    );
    let told = ["check", "run", "receiver", "worker"].map(|command| {
        let (output, text) = huixin(&[command], &config);
        assert_eq!(output.status.code(), Some(64), "{command}: {text}");
        text
    });
    assert!(told.iter().all(|text| *text == told[0]), "{told:?}");
    insta::assert_snapshot!(told[0]);
}

#[test]
fn a_queue_in_a_file_is_refused_for_a_single_role_with_the_command_that_can() {
    for role in ["receiver", "worker"] {
        let (output, text) = huixin(&[role], &format!("[queue]\nurl = \"sqlite:huixin.db\"\n{ACCOUNT}"));
        assert_eq!(output.status.code(), Some(64));
        assert!(text.starts_with(&format!("error: `huixin {role}` can't use the queue `sqlite:")), "{text}");
        assert!(text.contains("hint: start receiver and worker in one process with `huixin run`"), "{text}");
    }
}

#[test]
fn a_wrong_password_of_redis_ends_the_start_and_says_what_to_do() {
    let server = RedisServer::start(&["--requirepass", "right"]);
    for role in ["receiver", "worker", "run"] {
        let url = format!("redis://:s3cret-wrong@127.0.0.1:{}/0", server.port());
        let (output, text) = huixin(&[role], &format!("[queue]\nurl = \"{url}\"\n{ACCOUNT}"));
        assert_eq!(output.status.code(), Some(64), "{text}");
        let text = text.replace(&server.port().to_string(), "PORT");
        if role == "receiver" {
            insta::assert_snapshot!(text);
        }
    }
}

#[test]
fn a_redis_that_would_lose_messages_is_refused_unless_the_risk_is_named() {
    let server = RedisServer::start(&["--appendonly", "no"]);
    let queue = format!("[queue]\nurl = \"{}\"\n", server.url());
    let (output, text) = huixin(&["worker"], &format!("{queue}{ACCOUNT}"));
    assert_eq!(output.status.code(), Some(64), "{text}");
    insta::assert_snapshot!(text.replace(&server.port().to_string(), "PORT"));

    // All that is wrong is reported at once, with the same two commands.
    server.cli(&["CONFIG", "SET", "maxmemory", "1gb", "maxmemory-policy", "allkeys-lru"]);
    let (output, text) = huixin(&["receiver"], &format!("{queue}{ACCOUNT}"));
    assert_eq!(output.status.code(), Some(64), "{text}");
    assert!(text.contains("CONFIG SET appendonly yes maxmemory-policy noeviction\n"), "{text}");

    // What is accepted is still told by `check`.
    let config = format!("{queue}accept_risk = [\"no_aof\"]\n{ACCOUNT}api_base = \"http://127.0.0.1:1\"\n");
    let (output, _) = huixin(&["check"], &config);
    let facts = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(facts.contains("WARN queue: it has no append-only file"), "{facts}");
    assert!(facts.contains("BAD  queue: it evicts keys") && facts.contains("CONFIG REWRITE"), "{facts}");

    // They do mend it.
    server.cli(&["CONFIG", "SET", "appendonly", "yes", "maxmemory-policy", "noeviction"]);
    let config = format!("{queue}{ACCOUNT}api_base = \"http://127.0.0.1:1\"\n");
    let (output, _) = huixin(&["check"], &config);
    let facts = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(facts.contains("ok   queue: `redis://") && !facts.contains("BAD  queue"), "{facts}");
}

#[test]
fn a_taken_port_is_told_by_its_address_its_key_and_its_flag() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port can be bound");
    let address = taken.local_addr().expect("it has an address");
    let config = format!("[receiver]\nlisten = \"{address}\"\n{ACCOUNT}api_base = \"http://127.0.0.1:1\"\n");
    let (output, text) = huixin(&["run"], &config);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(&format!("error: cannot listen on `{address}` for pushes")), "{text}");
    assert!(text.contains("set another port with `receiver.listen` or --listen"), "{text}");
    let (output, _) = huixin(&["check"], &config);
    let facts = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(facts.contains(&format!("WARN the address `{address}` for pushes: ")), "{facts}");
    assert!(facts.contains("set another port with `receiver.listen` or --listen"), "{facts}");
    assert!(facts.contains("WARN account `main`: it accepts plain pushes"), "what plain mode risks: {facts}");
}

#[test]
fn a_second_worker_on_the_same_admin_port_takes_nothing_and_says_which_port_to_give_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port can be bound");
    let address = taken.local_addr().expect("it has an address").to_string();
    let server = RedisServer::start(&[]);
    let arguments = ["worker", "--queue-url", &server.url(), "--admin-listen", &address];
    let (output, text) = huixin(&arguments, ACCOUNT);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(&format!("error: cannot listen on `{address}` for operators")), "{text}");
    assert!(text.contains("needs a port of its own: --admin-listen 127.0.0.1:9602"), "{text}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &text;
    assert!(!said.contains("the worker serves accounts"), "it has not begun: {said}");
}

#[test]
fn check_tells_one_fact_a_line_and_fails_when_one_is_bad() {
    let config = format!("{ACCOUNT}api_base = \"http://127.0.0.1:1\"\n");
    let (output, text) = huixin(&["check"], &config);
    let facts = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{facts}{text}");
    assert!(facts.contains("ok   configuration: 1 account, 0 routes"), "{facts}");
    assert!(facts.contains("ok   queue: `sqlite:"), "{facts}");
    assert!(facts.contains("BAD  account `main`: no access token: nothing was sent to WeChat"), "{facts}");
    assert!(text.contains("error: 1 problem found"), "{text}");
}

#[test]
fn check_says_how_each_account_answers_and_asks_for_no_token_where_none_is_needed() {
    let account = |name: &str, keys: &str| {
        format!("[account.{name}]\napp_id = \"wx1\"\ntoken = \"s3cretToken\"\n{keys}")
    };
    let push = account("free", "answer_by = \"push\"\nunanswered = false\n");
    let (output, text) = huixin(&["check"], &push);
    let facts = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{facts}{text}");
    assert!(!facts.contains("access token"), "{facts}");

    let by_api = "app_secret = \"s\"\napi_base = \"http://127.0.0.1:1\"\n";
    let either = account("both", &format!("{by_api}answer_by = \"either\"\npush_wait = \"1500ms\"\n"));
    let (output, _) = huixin(&["check"], &[push, either, account("shop", by_api)].concat());
    let facts = String::from_utf8_lossy(&output.stdout).into_owned();
    let ways: Vec<_> = facts.lines().filter(|line| line.contains(": answers ")).collect();
    insta::assert_snapshot!(ways.join("\n"), @"
    ok   account `both`: answers that are ready within 1s 500ms go out in the response to the push, later ones by WeChat's API, which needs the customer-service right (客服消息)
    ok   account `free`: answers go out in the responses to pushes, never by WeChat's API; a late one waits until the user sends `查看回复` or `继续`; pushes left unanswered, so that WeChat tries them again: none
    ok   account `shop`: answers go out by WeChat's API, which needs the customer-service right (客服消息)
    ");
}

#[test]
fn a_host_that_has_no_address_is_told_in_one_line_without_the_words_of_libraries() {
    let config =
        format!("{ACCOUNT}api_base = \"http://api.invalid\"\n[queue]\nurl = \"redis://redis.invalid/0\"\n");
    let (output, text) = huixin(&["check"], &config);
    let facts = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{facts}{text}");
    for (expected, hint) in [
        (
            "BAD  account `main`: the host `api.invalid` can't be resolved to an address\n",
            "check the spelling of `api_base`",
        ),
        (
            "BAD  queue: the host `redis.invalid` can't be resolved to an address\n",
            "check the spelling of `queue.url`",
        ),
    ] {
        assert!(facts.contains(&format!("{expected}     hint: {hint}")), "{facts}");
    }
    assert!(!facts.contains("dns error") && !facts.contains("lookup"), "{facts}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_wechat_refuses_is_told_with_its_rid_and_the_place_in_its_console() {
    let wechat = RunningSandbox::start(SandboxConfig::default()).await.expect("the sandbox starts");
    let config = format!("{ACCOUNT}api_base = \"{}\"\n", wechat.base_url);
    let (output, _) = tokio::task::block_in_place(|| huixin(&["check"], &config));
    let facts = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(facts.contains("BAD  account `main`: no access token: WeChat refused with "), "{facts}");
    assert!(facts.contains(" rid: ") && facts.contains("微信开发者平台) under 开发密钥"), "{facts}");
}

#[test]
fn check_print_shows_the_effective_values_without_secrets() {
    let (output, _) = huixin(&["check", "--print"], ACCOUNT);
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    assert!(shown.contains("lease = \"15s\"") && shown.contains("***"), "{shown}");
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn health_of_nothing_is_a_failure() {
    let (output, text) = huixin(&["health", "--url", "http://127.0.0.1:1/healthz"], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("cannot ask `http://127.0.0.1:1/healthz`"), "{text}");
}

#[test]
fn a_type_that_nobody_knows_is_warned_of_by_a_check() {
    let away = "api_base = \"http://127.0.0.1:1\"\n";
    let route = "[[route]]\nname = \"a\"\nmatch = { type = \"txt\" }\nreply = \"hi\"\n";
    let config = format!("{ACCOUNT}{away}{route}[queue]\nurl = \"sqlite:huixin.db\"\n");
    let expected = "`route[a].match.type` is `txt`, a type of message that this version doesn't know";
    let (output, _) = huixin(&["check"], &config);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains(&format!("WARN huixin.toml:8: {expected}\n     hint: did you mean `text`?")),
        "{text}"
    );
    assert_eq!(text.matches("BAD").count(), 1, "only the access token is missing: {text}");
}
