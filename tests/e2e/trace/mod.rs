//! `huixin trace`: what it says of messages that end in every way, while processes are killed, is what WeChat saw.

mod judge;
mod questions;

use std::time::{Duration, Instant, SystemTime};

use huixin_sandbox::{AccountRules, Push, SandboxAccount, SandboxConfig};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;

use self::judge::{Expected, judge, texts};
use crate::chaos::faults::strike_at;
use crate::chaos::installation::{Installation, LEASE};
use crate::harness::{Asked, Backend, PATIENCE, Said, Setup, Stack, WRITES_AT_ONCE, long, seed};

/// What a message asks for, and how often of 20 messages.
const KINDS: [(&str, usize); 7] = [
    ("answer", 8),
    ("nothing", 3),
    ("fail", 2),
    ("again", 2),
    ("refused", 2),
    ("image", 2),
    ("unreadable", 1),
];
const ACCOUNTS: [&str; 2] = ["main", "quick"];

/// A service that does what a message's first word says.
async fn service() -> Backend {
    Backend::saying(|asked: &Asked| {
        let said = match asked.content.split(' ').next().unwrap_or_default() {
            "nothing" => Said::Bare(204, "text/plain", ""),
            "fail" => Said::Bare(400, "text/plain", "no"),
            "again" if asked.attempt == 1 => Said::RetryAfter(503, 1),
            "refused" => Said::Bare(200, "application/json", r#"{"type": "image", "media_id": "none"}"#),
            _ => Said::Parts(vec![format!("re {}", asked.content)]),
        };
        (Duration::from_millis(50), said)
    })
    .await
}

fn setup(backend: &Backend, messages: usize) -> Setup {
    let accounts = ACCOUNTS.map(|name| SandboxAccount {
        rules: AccountRules { mark_fail: None, ..AccountRules::default() },
        ..SandboxAccount::named(name)
    });
    let quick = &accounts[1];
    let routes = format!(
        "[account.quick]\napp_id = \"{}\"\napp_secret = \"{}\"\ntoken = \"{}\"\napi_base = \"API\"\nanswer_by = \"either\"\n\
         [[route]]\nname = \"service\"\nmatch = {{ type = \"text\" }}\nhttp = {{ url = \"{}\" }}\n",
        quick.app_id, quick.app_secret, quick.token, backend.url
    );
    let sandbox = SandboxConfig {
        accounts: accounts.into(),
        enforce_windows: false,
        max_entries: 40 * messages,
        max_pushes: 100_000,
        ..SandboxConfig::default()
    };
    Setup {
        routes,
        receiver: "ack_budget = \"2s\"\n".to_owned(),
        lease: LEASE,
        redis: WRITES_AT_ONCE,
        sandbox,
        ..Setup::default()
    }
}

/// The second account has the same API as the first.
fn complete(stack: &Stack) {
    let file = stack.folder.path().join("huixin.toml");
    let text = std::fs::read_to_string(&file)
        .expect("it is there")
        .replace("\"API\"", &format!("\"{}\"", stack.sandbox.base_url));
    std::fs::write(file, text).expect("it can be written");
}

/// How many users there are, how many messages each writes, and in which time.
fn size() -> (usize, usize, Duration) {
    if long() { (500, 20, Duration::from_secs(150)) } else { (40, 10, Duration::from_secs(12)) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_redis_every_message_has_its_true_history_whatever_fails() {
    let ((users, each, lasting), seed) = (size(), seed());
    let backend = service().await;
    let mut stack = Stack::on_redis(setup(&backend, users * each)).await;
    stack.expect_errors("the message is dead");
    stack.expect_errors("pushes can't be stored");
    complete(&stack);
    let mut installation = Installation::start(stack, 3, seed).await;
    let wechat = installation.stack.sandbox.sandbox.clone();
    for (account, port) in ACCOUNTS.iter().zip(installation.receiver_ports) {
        let url = format!("http://127.0.0.1:{port}/wechat/{account}");
        wechat.set_push_url(account, url.parse().expect("it is a URL"));
    }
    let writing = tokio::spawn(write(wechat, users, each, lasting, seed));
    strike_at(&mut installation, seed, lasting).await;
    let expected = writing.await.expect("nobody panics");
    installation.stack.wait_until_empty().await;
    assert_eq!(installation.ended, Vec::<String>::new());
    compare(&installation.stack, "127.0.0.1:1", &expected, seed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_embedded_queue_every_message_has_its_true_history_whatever_fails() {
    let ((users, each, lasting), seed) = (size(), seed());
    let backend = service().await;
    let mut stack = Stack::embedded(setup(&backend, users * each)).await;
    complete(&stack);
    stack.expect_errors("the message is dead");
    let mut process = stack.role("run").await;
    let wechat = stack.sandbox.sandbox.clone();
    for account in ACCOUNTS {
        let url = format!("http://127.0.0.1:{}/wechat/{account}", stack.receiver_port);
        wechat.set_push_url(account, url.parse().expect("it is a URL"));
    }
    let writing = tokio::spawn(write(wechat, users, each, lasting, seed));
    let end = Instant::now() + lasting;
    while Instant::now() < end {
        // Kills are what the test is about, not what it waits for.
        tokio::time::sleep(Duration::from_secs(4)).await;
        process.kill();
        process = stack.role("run").await;
    }
    let expected = writing.await.expect("nobody panics");
    let url = process.url_after("health and metrics are served url=").await;
    let admin = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    // The process has the file, so it is asked.
    let emptied = async { while !run(&stack, &admin, &["status"]).await.contains("no message is open") {} };
    tokio::time::timeout(PATIENCE, emptied).await.expect("every message ends");
    compare(&stack, &admin, &expected, seed).await;
    assert_eq!(process.stop().await, Some(0));
}

/// All write what they have to say, at moments that the seed decides. Gives what each asked for.
async fn write(
    wechat: huixin_sandbox::Sandbox,
    users: usize,
    each: usize,
    lasting: Duration,
    seed: u64,
) -> Vec<Expected> {
    let pack: Vec<&str> = KINDS.iter().flat_map(|(kind, times)| [*kind].repeat(*times)).collect();
    let mut writing = tokio::task::JoinSet::new();
    for user in 0..users {
        let (wechat, pack) = (wechat.clone(), pack.clone());
        let mut chance = StdRng::seed_from_u64(seed ^ (user as u64).wrapping_mul(0x9e37_79b9));
        writing.spawn(async move {
            let (account, open_id) = (ACCOUNTS[user % 2], format!("oUser{user}"));
            let pause_ms = u64::try_from(lasting.as_millis()).expect("it is short") / each as u64;
            let mut expected = Vec::new();
            for n in 0..each {
                tokio::time::sleep(Duration::from_millis(chance.random_range(0..2 * pause_ms))).await;
                let kind = pack[chance.random_range(0..pack.len())];
                let content = format!("{kind} {user}/{n}");
                let push = match kind {
                    "image" => Push::image(account, &*open_id),
                    "unreadable" => Push::raw(account, &*open_id, format!("<xml>{content}")),
                    _ => Push::text(account, &*open_id, &*content),
                };
                let report = wechat.push(push).await;
                expected.push(Expected { account, user: open_id.clone(), kind, content, report });
            }
            expected
        });
    }
    writing.join_all().await.concat()
}

/// Asks for each user, and compares.
async fn compare(stack: &Stack, admin: &str, expected: &[Expected], seed: u64) {
    let mut wrong = Vec::new();
    let mut users: Vec<_> = expected.iter().map(|one| (one.account, one.user.as_str())).collect();
    users.sort_unstable();
    users.dedup();
    let entries = stack.sandbox.sandbox.transcript().entries();
    let seen = texts(entries.iter().map(AsRef::as_ref));
    let mut ends = std::collections::BTreeMap::<String, usize>::new();
    for (account, user) in users {
        let asked = ["--account", account, "--user", user, "--limit", "1000"];
        let view = trace(stack, admin, &asked).await;
        for ended in view["ended"].as_array().expect("a list") {
            *ends.entry(ended["end"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        wrong.extend(judge(expected.iter().filter(|one| one.user == user), &view, &seen));
    }
    // What can't be read has no user that could be asked for: it lies in its account's own lane.
    let unreadable = expected.iter().filter(|one| one.kind == "unreadable" && one.is_acked()).count();
    let (mut found, mut until) = (0, SystemTime::now());
    // In slices, since one call doesn't show all of the long form.
    for _ in 0..20 {
        let since = until - Duration::from_secs(20);
        let [from, to] = [since, until].map(|time| humantime::format_rfc3339_millis(time).to_string());
        let view =
            trace(stack, admin, &["--end", "dead", "--limit", "1000", "--since", &from, "--until", &to])
                .await;
        assert_eq!(view["more"], false);
        found += view["ended"].as_array().expect("a list").iter().filter(|ended| ended["user"] == "").count();
        until = since;
    }
    println!("seed {seed}: {} messages; ends {ends:?}, unreadable {found} of {unreadable}", expected.len());
    assert_eq!(wrong, Vec::<String>::new());
    assert!(found >= unreadable, "each that can't be read is there, and perhaps some whose ack was lost");
    for end in ["answered", "answered_in_response", "no_reply", "unmatched", "dead"] {
        assert!(ends.contains_key(end), "{end} is tried");
    }
}

/// What `huixin trace` prints for programs.
async fn trace(stack: &Stack, admin: &str, arguments: &[&str]) -> Value {
    let text = run(stack, admin, &[&["trace", "--json"], arguments].concat()).await;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("it prints JSON: {error}: {text}"))
}

/// What a command prints.
async fn run(stack: &Stack, admin: &str, arguments: &[&str]) -> String {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_huixin"));
    command.args(arguments).args(["--config", "huixin.toml", "--admin-listen", admin]);
    let output = command.current_dir(stack.folder.path()).output().await.expect("the binary starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
