//! What `check --print` shows.

use insta::assert_snapshot;

use super::*;

#[test]
fn the_effective_values_are_printed_with_their_origin_and_without_secrets() {
    let text = r#"
[queue]
url = "redis://user:hunter2@127.0.0.1:6379/0"
[callback]
base_url = "https://bot.example.com/huixin/"
[admin]
token = "hunter2"
[account.main]
app_id = "wx1"
app_secret = "hunter2"
token = "hunter2"
send_rate = "600/m"
[delivery]
proxy = "http://me:hunter2@127.0.0.1:3128"
click = { sends = 4 }
[[route]]
name = "lookup"
match = { type = "text", text = '^\?(?<code>\d+)$' }
http = { url = "http://me:hunter2@127.0.0.1:9000/lookup", timeout = "90s", secret = "whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVy" }
failure_reply = "查询失败"
notice = "稍候"
unsure = "drop"
hold_for = "0s"
[[route]]
reply = ["a \"b\"", { type = "image", media_id = "m" }]
"#;
    let variables = [("HUIXIN_WORKER__LEASE", "1500ms"), ("HUIXIN_ACCOUNT__MAIN__APP_SECRET", "hunter2")];
    let overrides = Overrides { worker_concurrency: Some(64), ..Overrides::default() };
    let config = load(&ConfigSource { overrides, ..with_variables(text, &variables) });
    let printed = config.print_effective();
    assert!(!printed.contains("hunter2") && !printed.contains("aHVudGVy"), "{printed}");
    assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
    assert_snapshot!(printed, @r#"
    [queue]
    url = "redis://user:***@127.0.0.1:6379/0"
    prefix = "huixin"  # default
    durability = "local"  # default
    accept_risk = []  # default
    dedup_window = "6h"  # default

    [queue.dead]
    max_age = "30days"  # default
    max = 100000  # default

    [receiver]
    listen = "127.0.0.1:8080"  # default
    max_body = "256KiB"  # default
    ack_budget = "250ms"  # default
    max_skew = "10m"  # default
    allow_from = []  # default
    trusted_proxies = []  # default

    [receiver.spool]
    dir = "huixin-spool"  # default
    max_size = "1GiB"  # default
    max_age = "5h"  # default
    reserve = "512MiB"  # default

    [worker]
    concurrency = 64  # --concurrency
    lease = "1s 500ms"  # HUIXIN_WORKER__LEASE
    grace = "25s"  # default

    [delivery]
    proxy = "http://me:***@127.0.0.1:3128"

    [delivery.message]
    sends = 5  # default
    window = "2days"  # default

    [delivery.click]
    sends = 4
    window = "1m"  # default

    [delivery.scan]
    sends = 3  # default
    window = "1m"  # default

    [delivery.subscribe]
    sends = 3  # default
    window = "1m"  # default

    [media]
    allow_private = []  # default
    timeout = "20s"  # default
    at_once = 8  # default

    [callback]
    listen = "127.0.0.1:9700"  # default
    base_url = "https://bot.example.com/huixin"

    [admin]
    listen = "127.0.0.1:9600"  # default
    token = "***"

    [traces]
    sample = 1.0  # default

    [account.main]
    app_id = "wx1"
    app_secret = "***"  # HUIXIN_ACCOUNT__MAIN__APP_SECRET
    token = "***"
    accept_plain = false  # default
    answer_by = "api"  # default
    push_wait = "2s"  # default
    api_base = "https://api.weixin.qq.com"  # default
    api_fallback = []  # default
    send_rate = "600/m"

    [[route]]
    name = "lookup"
    match = { text = '^\?(?<code>\d+)$', type = "text" }
    http = { secret = "***", timeout = "1m 30s", url = "http://me:***@127.0.0.1:9000/lookup" }
    attempts = 8
    failure_reply = "查询失败"
    unsure = "drop"
    patience = "20s"
    hold_for = "0s"
    typing = true
    notice = "稍候"
    notice_after = "10s"
    markdown = false
    ai_label = false
    answer_within = "10m"
    memory_for = "1day"
    may_transfer = false

    [[route]]
    name = "route 2"
    match = {}
    reply = ['a "b"', { media_id = "m", type = "image" }]
    attempts = 8
    unsure = "resend"
    patience = "20s"
    typing = true
    markdown = false
    ai_label = false
    answer_within = "10m"
    memory_for = "1day"
    may_transfer = false
    "#);
}

#[test]
fn what_is_printed_can_be_loaded_again() {
    let conditions = [
        "event = 'CLICK', event_key = 'a'",
        "type = 'event', event_key_prefix = 'a'",
        "event = 'scan', event_key_pattern = '^\\d'",
        "account = 'main', text = '^a'",
        "speech = '^a'",
    ];
    let route = |condition| format!("[[route]]\nmatch = {{ {condition} }}\nreply = '{{{{ content }}}}'\n");
    let routes: String = conditions.into_iter().map(route).collect();
    let text = format!("[receiver]\nmax_body = '1100B'\n[callback]\nlisten = false\n{routes}{MINIMAL}");
    let once = load(&source(&text)).print_effective();
    let twice = load(&source(&once)).print_effective();
    let values = |text: &str| {
        text.lines().map(|line| line.split("  #").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(values(&once), values(&twice));
    for part in conditions.into_iter().flat_map(|condition| condition.split(", ")) {
        let printed = part.replace('\'', "\"");
        assert!(once.contains(part) || once.contains(&printed), "{part}: {once}");
    }
}
