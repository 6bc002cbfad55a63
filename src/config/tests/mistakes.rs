//! What is said about mistakes.

use insta::assert_snapshot;

use super::*;

#[test]
fn all_mistakes_of_a_configuration_are_reported_at_once() {
    let text = r#"
[queue]
url = "http://127.0.0.1"
durability = "wait:1"
accept_risk = ["noaof"]
dedup_window = "6 parsecs"
prefix = "a{b}"

[receiver]
listen = ":8080"
max_body = "256KB"
ack_budget = 250
spool = { dir = "", max_size = "1GB", max_age = "8d", resrve = "1GiB" }

[worker]
concurency = 64
lease = "15"
grace = 25.5
ack_budget = "1s"

[admin]
token = "one"
token_file = "two"

[recever]
listen = "127.0.0.1:8080"

[account.main]
app_id = "gh_0123456789ab"
app_secret_file = "nowhere/secret"
token = ""
aes_key = "abc"
api_base = "ftp://example.com"

[account.other]
app_id = "wx2"

[account.Shop]
app_id = "wx3"

[[route]]
name = "lookup"
match = { text = '^\?(\d+', account = "mian" }
http = { url = "127.0.0.1:9000", timout = "2m", secret = "no base64!", attempts = 3 }
attempts = 0

[[route]]
name = "lookup"
reply = "echo {{ content"
http = { timeout = "2m" }

[[route]]
match = { event_key = "V1" }
failure_reply = 1

[[route]]
reply = [{ type = "news", titel = "t", title = "t", url = "u" }, "x"]

[[route]]
match = { event = "subscribe", text = "x" }
reply = { type = "video", media_id = "m" }

[[route]]
command = ["./answer"]

[[route]]
reply = " "

[[route]]
reply = { type = "text", content = 1 }
"#;
    let variables = [("HUIXIN_WORKER__CONCURENCY", "64"), ("HUIXIN_WORKER__CONCURRENCY", "many")];
    assert_snapshot!(problems(&with_variables(text, &variables), Role::Run), @r#"
    huixin.toml:3: `queue.url` has the unknown scheme `http`
        write "redis://HOST:6379/0", "rediss://…" for TLS, or "sqlite:huixin.db"
    huixin.toml:4: `queue.durability` is `wait:1`, which is not available in this version
        write "local"
    huixin.toml:5: `queue.accept_risk` names the unknown risk `noaof`
        did you mean `no_aof`?
    huixin.toml:6: `queue.dedup_window` is not a duration: `6 parsecs`
        write a number and its unit (ms, s, m or h), like "6h"
    huixin.toml:7: `queue.prefix` must be at most 64 of the characters A-Z a-z 0-9 _ - . :
    huixin.toml:10: `receiver.listen` is not an address with a port: `:8080`
        write "127.0.0.1:8080", or "0.0.0.0:8080" to be reached from other machines
    huixin.toml:11: `receiver.max_body` is not a size: `256KB`
        write a whole number and its unit (B, KiB, MiB or GiB), like "256KiB"
    huixin.toml:12: `receiver.ack_budget` needs a unit: ms, s, m or h
        write "250ms"
    huixin.toml:13: `receiver.spool.dir` is empty
    huixin.toml:13: `receiver.spool.max_size` is not a size: `1GB`
        write a whole number and its unit (B, KiB, MiB or GiB), like "1GiB"
    huixin.toml:13: `receiver.spool.max_age` must be from 1m to 7days, but is 8days
    huixin.toml:13: `receiver.spool.resrve` is not a known key
        did you mean `reserve`?
    huixin.toml:17: `worker.lease` needs a unit: ms, s, m or h
        write "15s"
    huixin.toml:18: `worker.grace` needs a unit: ms, s, m or h
        write it like "25s"
    huixin.toml:19: `worker.ack_budget` is not a known key
        it belongs to `[receiver]`
    huixin.toml:22: `admin.token` is given together with `token_file`
        leave one of them out
    huixin.toml:25: `recever` is not a known key
        did you mean `receiver`?
    huixin.toml:29: `account.main.app_id` is `gh_0123456789ab`, the account's original id
        the AppID begins with `wx`, and is in WeChat's console (微信开发者平台) under 基础信息
    huixin.toml:30: `account.main.app_secret_file` names `nowhere/secret`, which does not exist
    huixin.toml:31: `account.main.token` is empty
    huixin.toml:32: `account.main.aes_key` can't be used: an AES key has 43 characters; this has 3
        copy the EncodingAESKey from WeChat's console (微信开发者平台) under 基础信息 › 域名与消息推送配置
    huixin.toml:33: `account.main.api_base` must be an http or https URL, not `ftp`
        write it like "https://api.weixin.qq.com"
    huixin.toml:35: `account.other.app_secret` is missing
        set it here or in HUIXIN_ACCOUNT__OTHER__APP_SECRET, or name a file that holds it as `app_secret_file`
    huixin.toml:35: `account.other.token` is missing
        set it here or in HUIXIN_ACCOUNT__OTHER__TOKEN, or name a file that holds it as `token_file`
    huixin.toml:38: `account.Shop` is not a name for an account
        write 1 to 32 of the characters a-z 0-9 - _; it becomes part of the URL that WeChat calls
    huixin.toml:43: `route[lookup].match.account` names the unknown account `mian`
        did you mean `main`?
    huixin.toml:43: `route[lookup].match.text` is not a regular expression: unclosed group
        for the character itself write it with a backslash, in single quotes: text = '\('
    huixin.toml:44: `route[lookup].http.url` has no scheme
        add http:// or https:// in front; write it like "http://127.0.0.1:9000/answer"
    huixin.toml:44: `route[lookup].http.secret` is not a Standard Webhooks secret: `whsec_` and base64 of 24 to 64 bytes
        make one: echo whsec_$(openssl rand -base64 32)
    huixin.toml:44: `route[lookup].http.attempts` is not a key of the handler
        write `attempts` in the route, beside `http`
    huixin.toml:44: `route[lookup].http.timout` is not a known key
        did you mean `timeout`?
    huixin.toml:45: `route[lookup].attempts` must be from 1 to 100, but is 0
    huixin.toml:47: `route[lookup]` has more than one handler
        give it exactly one of `reply`, `http`, `sql` or `chat`
    huixin.toml:48: `route[lookup].name` is used twice: `lookup`
        give every route a name of its own
    huixin.toml:49: `route[lookup].reply` has a bad template: syntax error: unexpected end of input, expected end of variable block in line 1
    huixin.toml:50: `route[lookup].http.url` is missing
        write it like "http://127.0.0.1:9000/answer"
    huixin.toml:52: `route[3]` has no handler
        give it exactly one of `reply`, `http`, `sql` or `chat`
    huixin.toml:53: `route[3].match.event_key` can never hold: a route without `event` takes no events, and only they have keys
        add the event, like event = "CLICK"
    huixin.toml:54: `route[3].failure_reply` must be a string, but is an integer
    huixin.toml:57: `route[4].reply` doesn't match the reply schema: reply 1: `titel` is not a field of type news; those are type, title, description, url, picurl, kf_account, ai_label
    huixin.toml:60: `route[5].match.text` can never hold: events have no text
        make two routes of it
    huixin.toml:61: `route[5].reply` doesn't match the reply schema: reply: `thumb_media_id` is missing; give one of thumb_media_id, thumb_url, thumb_file, thumb_base64
    huixin.toml:64: `route[6].command` is not available in this version
        leave the key out
    huixin.toml:67: `route[7].reply` has no text, so nothing would be sent
        messages that no route takes are ended without a reply: leave the route out
    huixin.toml:70: `route[8].reply` doesn't match the reply schema: reply: `content` must be a text, and is a number
    `HUIXIN_WORKER__CONCURRENCY` must be a whole number, but is a string
    `HUIXIN_WORKER__CONCURENCY` matches no key
        did you mean `HUIXIN_WORKER__CONCURRENCY`?
    "#);
}

#[test]
fn a_condition_that_can_never_hold_is_told_with_the_way_out() {
    let conditions = [
        "type = 'text', event = 'CLICK'",
        "event_key = 'a'",
        "type = 'text', event_key_prefix = 'a'",
        "event_key_pattern = 'a'",
        "event = 'CLICK', event_key = 'a', event_key_prefix = 'a', event_key_pattern = 'a'",
        "event_key = 'a', event_key_prefix = 'a'",
        "event = 'CLICK', event_key_pattern = '(', event_key_prefix = ''",
        "type = 'image', text = 'a'",
        "type = 'Voice', text = 'a'",
        "event = 'CLICK', speech = 'a'",
        "type = 'event', text = 'a', speech = 'a'",
        "type = 'image', speech = 'a'",
        "type = 'TEXT', speech = 'a'",
        "text = 'a', speech = 'a'",
        "speech = '[a'",
        "even_key = 'a', event_key_pre = 'a', spech = 'a'",
    ];
    let mut text = MINIMAL.to_owned();
    for condition in conditions {
        // A line of the table for each.
        text += &format!("[[route]]\nreply = 'x'\nmatch = {{ {condition} }}\n");
    }
    assert_snapshot!(problems(&source(&text), Role::Run), @r#"
    huixin.toml:7: `route[1].match.event` can never hold: `type` is `text`, and only events have an `event`
        leave `type` out
    huixin.toml:10: `route[2].match.event_key` can never hold: a route without `event` takes no events, and only they have keys
        add the event, like event = "CLICK"
    huixin.toml:13: `route[3].match.event_key_prefix` can never hold: a route without `event` takes no events, and only they have keys
        add the event, like event = "CLICK"
    huixin.toml:16: `route[4].match.event_key_pattern` can never hold: a route without `event` takes no events, and only they have keys
        add the event, like event = "CLICK"
    huixin.toml:19: `route[5].match.event_key_prefix` is given together with `event_key`
        leave one of them out: one pattern can cover both
    huixin.toml:19: `route[5].match.event_key_pattern` is given together with `event_key`
        leave one of them out: one pattern can cover both
    huixin.toml:22: `route[6].match.event_key` can never hold: a route without `event` takes no events, and only they have keys
        add the event, like event = "CLICK"
    huixin.toml:22: `route[6].match.event_key_prefix` is given together with `event_key`
        leave one of them out: one pattern can cover both
    huixin.toml:25: `route[7].match.event_key_prefix` is empty
    huixin.toml:25: `route[7].match.event_key_pattern` is not a regular expression: unclosed group
        for the character itself write it with a backslash, in single quotes: event_key_pattern = '\('
    huixin.toml:28: `route[8].match.text` can never hold: `type` is `image`, and only a text message has `text`
        leave `type` out
    huixin.toml:31: `route[9].match.text` can never hold: `type` is `Voice`, and only a text message has `text`
        write `speech` in its place, or leave `type` out
    huixin.toml:34: `route[10].match.speech` can never hold: events have no speech
        make two routes of it
    huixin.toml:37: `route[11].match.text` can never hold: events have no text
        make two routes of it
    huixin.toml:37: `route[11].match.speech` can never hold: events have no speech
        make two routes of it
    huixin.toml:40: `route[12].match.speech` can never hold: `type` is `image`, and only a voice message has `speech`
        leave `type` out
    huixin.toml:43: `route[13].match.speech` can never hold: `type` is `TEXT`, and only a voice message has `speech`
        write `text` in its place, or leave `type` out
    huixin.toml:46: `route[14].match.speech` can never hold together with `text`: no message is a text and a voice
        make two routes of it
    huixin.toml:49: `route[15].match.speech` is not a regular expression: unclosed character class
        for the character itself write it with a backslash, in single quotes: speech = '\['
    huixin.toml:52: `route[16].match.even_key` is not a known key
        did you mean `event_key`?
    huixin.toml:52: `route[16].match.event_key_pre` is not a known key
        did you mean `event_key_prefix`?
    huixin.toml:52: `route[16].match.spech` is not a known key
        did you mean `speech`?
    "#);
}

#[test]
fn a_pattern_that_cannot_be_read_is_told_with_its_own_way_out() {
    let patterns =
        ["foo(?=bar)", "(?<!a)b", r"(a)\1", "(?<x>a)(?<x>b)", "a)", "[a", "?18", "a{3", "(?x>3)", r"\y"];
    let mut text = MINIMAL.to_owned();
    for pattern in patterns {
        text += &format!("[[route]]\nreply = 'x'\nmatch = {{ text = '{pattern}' }}\n");
    }
    assert_snapshot!(problems(&source(&text), Role::Run), @r#"
    huixin.toml:7: `route[1].match.text` is not a regular expression: look-around, including look-ahead and look-behind, is not supported
        patterns have no look-around, which keeps them fast: let an earlier route take what must not match, or let the handler check
    huixin.toml:10: `route[2].match.text` is not a regular expression: look-around, including look-ahead and look-behind, is not supported
        patterns have no look-around, which keeps them fast: let an earlier route take what must not match, or let the handler check
    huixin.toml:13: `route[3].match.text` is not a regular expression: backreferences are not supported
        patterns have no back references, which keeps them fast: capture both places, and let the handler compare them
    huixin.toml:16: `route[4].match.text` is not a regular expression: duplicate capture group name
        give each group a name of its own
    huixin.toml:19: `route[5].match.text` is not a regular expression: unopened group
        for the character itself write it with a backslash, in single quotes: text = '\)'
    huixin.toml:22: `route[6].match.text` is not a regular expression: unclosed character class
        for the character itself write it with a backslash, in single quotes: text = '\['
    huixin.toml:25: `route[7].match.text` is not a regular expression: repetition operator missing expression
        for the character itself write it with a backslash, in single quotes: text = '\?'
    huixin.toml:28: `route[8].match.text` is not a regular expression: unclosed counted repetition
        for the character itself write it with a backslash, in single quotes: text = '\{'
    huixin.toml:31: `route[9].match.text` is not a regular expression: unrecognized flag
        single quotes keep backslashes as they are: text = '^\d+$'
    huixin.toml:34: `route[10].match.text` is not a regular expression: unrecognized escape sequence
        single quotes keep backslashes as they are: text = '^\d+$'
    "#);
}

#[test]
fn conditions_that_can_hold_are_no_mistakes() {
    for condition in [
        "event = 'CLICK', event_key = 'a'",
        "type = 'event', event_key_prefix = 'a'",
        "type = 'EVENT', event = 'CLICK', event_key_pattern = 'a'",
        "type = 'Text', text = 'a'",
        "type = 'VOICE', speech = 'a'",
        "speech = 'a'",
        "account = 'main', text = 'a'",
    ] {
        let text = format!("[[route]]\nreply = 'x'\nmatch = {{ {condition} }}\n{MINIMAL}");
        assert!(load_as(&source(&text), Role::Run).is_ok(), "{condition}");
    }
}

#[test]
fn a_syntax_error_names_its_line_and_hides_the_rest() {
    assert_snapshot!(problems(&source("[queue]\nurl = \n[worker]\nlease = '1s\nx"), Role::Run), @"
    huixin.toml:2: not TOML: string values must be quoted, expected literal string
    huixin.toml:4: not TOML: invalid literal string, expected `'`
    huixin.toml:5: not TOML: key with no value, expected `=`
    ");
}

#[test]
fn a_wrong_shape_is_told_with_the_right_one() {
    let text = "queue = 'redis://127.0.0.1'\naccount = 1\n[route]\nreply = 'x'";
    assert_snapshot!(problems(&source(text), Role::Run), @"
    huixin.toml:1: `queue` must be a table, but is a string
        write a line `[queue]` and its keys below
    huixin.toml:2: `account` must be a table, but is an integer
        write a line `[account.main]` and its keys below
    huixin.toml:3: `route` must be a list of tables
        write `[[route]]` for `[route]`: two pairs of brackets
    ");
}

#[test]
fn values_out_of_range_are_told_the_range() {
    let text = "[worker]\nlease = '999ms'\nconcurrency = 0\ngrace = '2h'\n\
                [receiver]\nmax_body = '1MiB'\nack_budget = '5s'\n[queue]\nurl = 'redis://'";
    assert_snapshot!(problems(&source(&format!("{text}\n{MINIMAL}")), Role::Run), @r#"
    huixin.toml:2: `worker.lease` must be from 1s to 10m, but is 999ms
    huixin.toml:3: `worker.concurrency` must be from 1 to 100000, but is 0
    huixin.toml:4: `worker.grace` must be from 0s to 1h, but is 2h
    huixin.toml:6: `receiver.max_body` must be from 1KiB to 1008KiB, but is 1MiB
    huixin.toml:7: `receiver.ack_budget` must be from 10ms to 4s, but is 5s
    huixin.toml:9: `queue.url` names no host
        write "redis://HOST:6379/0", "rediss://…" for TLS, or "sqlite:huixin.db"
    "#);
}

#[test]
fn variables_that_match_no_key_are_mistakes_unless_they_are_of_others() {
    let variables = [
        ("HUIXIN_QUEUE_URL", "redis://127.0.0.1"),
        ("HUIXIN_QUEUE", "redis://127.0.0.1"),
        ("HUIXIN_ACCOUNT__MAIN__APP_SECRT", "s"),
        ("HUIXIN_ACCOUNT__MIAN__APP_SECRET", "s"),
        ("HUIXIN_ROUTE__LOOKUP__REPLY", "x"),
        ("HUIXIN_SOMETHING__ELSE", "x"),
        ("HUIXIN_LOG", "debug"),
        ("HUIXIN_CONFIG", "huixin.toml"),
        ("HUIXIN_IMAGE", "huixin"),
        ("HUIXIN_RECEIVER_SERVICE_HOST", "10.0.0.1"),
        ("HUIXIN_RECEIVER_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("HUIXIN_WORKER__LEASE", ""),
        ("PATH", "/bin"),
    ];
    assert_snapshot!(problems(&with_variables(MINIMAL, &variables), Role::Run), @"
    `HUIXIN_ACCOUNT__MIAN__APP_SECRET` sets a value of the account `mian`, which isn't in the file
        did you mean the account `main`?
    `HUIXIN_ACCOUNT__MAIN__APP_SECRT` matches no key
        did you mean `HUIXIN_ACCOUNT__MAIN__APP_SECRET`?
    `HUIXIN_QUEUE` matches no key
        a variable is named after the path of a key, like HUIXIN_QUEUE__URL for `queue.url`
    `HUIXIN_QUEUE_URL` matches no key
        did you mean `HUIXIN_QUEUE__URL`?
    `HUIXIN_ROUTE__LOOKUP__REPLY` matches no key
        routes can be set only in the file
    `HUIXIN_SOMETHING__ELSE` matches no key
        a variable is named after the path of a key, like HUIXIN_QUEUE__URL for `queue.url`
    ");
}

#[test]
fn a_missing_account_is_a_mistake_except_where_wechat_is_pretended() {
    assert_snapshot!(problems(&ConfigSource::default(), Role::Check), @"
    `account` is missing: no official account is configured
        begin one with `[account.main]`
    ");
    for role in [Role::Dev, Role::Sandbox] {
        let config = load_as(&ConfigSource::default(), role).unwrap();
        assert_eq!(config.accounts["main"].app_id, "wx0123456789abcdef", "{role:?}");
    }
}

#[test]
fn no_message_shows_a_secret() {
    let text = "[queue]\nurl = 'redis://:hunter2@'\n[account.main]\napp_id = 'wx1'\napp_secret = 'hunter2'\napp_secret_file = 'x'\n\
                token = ['hunter2']\n[[route]]\nhttp = { url = 'x://me:hunter2@h/', secret = 'hunter2' }";
    let shown = problems(&source(text), Role::Run);
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_missing_file_is_told_with_what_to_do() {
    let read = |named: Option<&str>, role| {
        ConfigSource::read(named.map(std::path::Path::new), role, Overrides::default())
    };
    let errors = read(Some("nowhere/huixin.toml"), Role::Dev).err().unwrap();
    assert_snapshot!(errors.to_string(), @"`nowhere/huixin.toml` does not exist");
    assert!(read(None, Role::Run).is_err());
    assert!(read(None, Role::Dev).unwrap().file.is_none());
}

#[test]
fn a_reply_of_any_type_is_checked_down_to_its_templates() {
    let schema = "doesn't match the reply schema: ";
    for (reply, message) in [
        (
            "{ type = 'news', title = '{{ a', url = 'http://x/' }",
            "has a bad template in `title`: syntax error: unexpected end of input, expected end of variable block in line 1".to_owned(),
        ),
        (
            "['a', { type = 'msgmenu', list = [{ id = '1', content = '{{ b' }] }]",
            "has a bad template in `content`: syntax error: unexpected end of input, expected end of variable block in line 1".to_owned(),
        ),
        (
            "{ type = 'image', file = '{{ content }}.png' }",
            format!("{schema}reply: `file` can't be a template; only texts and addresses can"),
        ),
        (
            "['a', { type = 'image', url = 'x' }]",
            format!(
                "{schema}reply 2: `url` is not an http or https address; give a full one, with spaces as %20"
            ),
        ),
        (
            "{ type = 'wxcard', card_id = 12.5 }",
            format!("{schema}reply: `card_id` must be a text, and is a number"),
        ),
        ("{ type = 'text', content = 2026-11-24 }", "has a date, and no field takes one".to_owned()),
        ("true", "must be texts, tables with a `type`, or a list of these, but is a boolean".to_owned()),
    ] {
        let text = format!("[[route]]\nreply = {reply}\n{MINIMAL}");
        let problems = problems(&source(&text), Role::Run);
        assert!(problems.contains(&format!("`route[1].reply` {message}\n")), "{problems}");
    }
}

#[test]
fn a_mistyped_handler_is_compared_with_all_of_them() {
    for (typed, meant) in [("htp", "http"), ("sqll", "sql"), ("chatt", "chat"), ("repli", "reply")] {
        let found = problems(&source(&format!("{MINIMAL}[[route]]\n{typed} = {{}}\n")), Role::Run);
        assert!(found.contains(&format!("did you mean `{meant}`?")), "{found}");
    }
}
