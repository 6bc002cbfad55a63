//! A Redis that would lose messages is refused before it has any, with what mends it; the risk can be taken by name.
//!
//! The advice is followed to the letter here: the test runs the commands that it was told, and nothing else.

use huixin_queue::testing::RedisServer;
use regex::Regex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{Setup, Stack};

/// What is wrong with a Redis: how it got so, the risk's name, and the line that mends it in redis.conf.
const RISKS: [(&[&[&str]], &str, &str); 3] = [
    (&[&["appendonly", "no"]], "no_aof", "appendonly yes"),
    (&[&["appendfsync", "no"]], "appendfsync_no", "appendfsync everysec"),
    (
        &[&["maxmemory", "100mb"], &["maxmemory-policy", "allkeys-lru"]],
        "eviction",
        "maxmemory-policy noeviction",
    ),
];

fn redis(stack: &Stack) -> &RedisServer {
    stack.redis.as_ref().expect("it is on Redis")
}

fn make_unsafe(stack: &Stack, settings: &[&[&str]]) {
    for setting in settings {
        let answer = redis(stack).cli(&[&["CONFIG", "SET"], *setting].concat());
        assert_eq!(answer.trim(), "OK", "{setting:?}");
    }
}

/// Starts a role that must refuse, and gives what it says.
async fn refused(stack: &mut Stack, role: &str, variables: &[(&str, &str)]) -> String {
    let mut process = stack.spawn(role, variables);
    let code = process.ended().await.code();
    assert_eq!(code, Some(64), "{role}: {}", process.log());
    process.log()
}

#[tokio::test]
async fn a_redis_that_would_lose_messages_is_refused_unless_the_risk_is_named() {
    for (settings, risk, line) in RISKS {
        let mut stack = Stack::on_redis(Setup::default()).await;
        make_unsafe(&stack, settings);
        for role in ["receiver", "worker", "run"] {
            let text = refused(&mut stack, role, &[]).await;
            assert!(text.contains("would lose messages"), "{text}");
            assert!(text.contains(&format!("CONFIG SET {line}`")), "{text}");
            assert!(text.contains(&format!("write `{line}` into redis.conf")), "{text}");
            assert!(text.contains(&format!("accept_risk = [\"{risk}\"]")), "{text}");
        }
        let another = if risk == "no_aof" { "eviction" } else { "no_aof" };
        refused(&mut stack, "worker", &[("HUIXIN_QUEUE__ACCEPT_RISK", &format!("[\"{another}\"]"))]).await;

        let accepted = format!("[\"{risk}\"]");
        for role in ["receiver", "worker"] {
            let process = stack.spawn(role, &[("HUIXIN_QUEUE__ACCEPT_RISK", &accepted)]);
            process.ready().await;
            let log = process.log();
            let warnings = log.lines().filter(|line| line.contains("WARN") && line.contains(risk)).count();
            assert_eq!(warnings, 1, "{role} warns once: {log}");
        }
        stack.end().await;
    }
}

#[tokio::test]
async fn all_that_is_wrong_with_a_redis_is_told_at_once_and_what_is_told_mends_it() {
    let mut stack = Stack::on_redis(Setup::default()).await;
    for (settings, ..) in RISKS {
        make_unsafe(&stack, settings);
    }
    let text = refused(&mut stack, "worker", &[]).await;
    for (_, risk, line) in RISKS {
        assert!(text.contains(risk) && text.contains(line), "{text}");
    }
    let command = Regex::new("`redis-cli -u (\\S+) CONFIG SET (\\S+) (\\S+)`").expect("it is a pattern");
    for told in command.captures_iter(&text) {
        assert_eq!(told[1], redis(&stack).url());
        assert_eq!(redis(&stack).cli(&["CONFIG", "SET", &told[2], &told[3]]).trim(), "OK");
    }
    let worker = stack.role("worker").await;
    assert!(!worker.log().contains("risk"), "{}", worker.log());
    stack.end().await;
}

#[tokio::test]
async fn a_redis_of_version_6_is_refused_whatever_risks_are_accepted() {
    let mut stack = Stack::on_redis(Setup::default()).await;
    let url = format!("redis://{}/0", older(redis(&stack).port()).await);
    let all = "[\"no_aof\", \"appendfsync_no\", \"eviction\"]";
    for role in ["receiver", "worker", "run"] {
        let variables = [("HUIXIN_QUEUE__URL", url.as_str()), ("HUIXIN_QUEUE__ACCEPT_RISK", all)];
        let text = refused(&mut stack, role, &variables).await;
        assert!(text.contains("older than 7.0") && text.contains("Valkey"), "{text}");
        assert!(!text.contains("accept_risk"), "{text}");
    }
    stack.end().await;
}

/// A door to a Redis that tells version 6 for its own: there is no other way to have an old one on every machine. Gives
/// its address.
async fn older(port: u16) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port can be bound");
    let address = listener.local_addr().expect("it has an address");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let server = TcpStream::connect(("127.0.0.1", port)).await?;
                let ((mut asks, mut hears), (mut tells, mut takes)) =
                    (client.into_split(), server.into_split());
                let ask = tokio::io::copy(&mut asks, &mut takes);
                let tell = async {
                    let mut bytes = vec![0; 64 * 1024];
                    loop {
                        let n = tells.read(&mut bytes).await?;
                        if n == 0 {
                            return std::io::Result::Ok(());
                        }
                        // Its place is in the first line of INFO, so it is never cut in two.
                        let field = b"redis_version:";
                        if let Some(at) = bytes[..n].windows(field.len()).position(|some| some == field) {
                            bytes[at + field.len()] = b'6';
                        }
                        hears.write_all(&bytes[..n]).await?;
                    }
                };
                tokio::select! {
                    ended = ask => ended.map(|_| ()),
                    ended = tell => ended,
                }
            });
        }
    });
    address
}
