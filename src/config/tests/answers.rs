//! `answer_by`, and what an account needs and may say for each of its values.

use std::time::Duration;

use huixin_worker::AnswerBy;
use insta::assert_snapshot;

use super::*;

const NO_SECRET: &str = "[account.main]\napp_id = 'wx1'\ntoken = 't0ken'\n";

fn by_push(keys: &str) -> ConfigSource {
    source(&format!("{NO_SECRET}answer_by = 'push'\n{keys}"))
}

fn doubts(source: &ConfigSource) -> String {
    let shown = |doubt: &Problem| format!("{doubt}\n    {}\n", doubt.hint.as_deref().unwrap_or_default());
    load(source).doubts.iter().map(shown).collect()
}

#[test]
fn answers_go_out_by_the_api_unless_it_is_said() {
    let account = load(&source(MINIMAL)).accounts["main"].clone();
    assert_eq!(account.answer_by, AnswerBy::Api);
    let AnswerRules { push_wait, unanswered, later_notice, fetch_words } = &account.answers;
    assert_eq!((*push_wait, unanswered.unwrap().to_string().as_str()), (Duration::from_secs(2), "20/5m"));
    assert_eq!(later_notice, "正在处理，请稍候点击：");
    assert_eq!(fetch_words, &["查看回复", "继续"]);
    let link = "<a href=\"weixin://bizmsgmenu?msgmenucontent=%E6%9F%A5%E7%9C%8B%E5%9B%9E%E5%A4%8D&msgmenuid=huixin\">查看回复</a>";
    assert_eq!(account.answers.notice(), format!("{later_notice}{link}"));
}

#[test]
fn an_account_that_answers_by_push_needs_no_app_secret_in_any_role() {
    for role in [Role::Run, Role::Receiver, Role::Worker, Role::Check] {
        let callback = "[callback]\nbase_url = 'https://bot.example.com'\n";
        let config = load_as(&by_push(callback), role).unwrap();
        assert!(config.accounts["main"].app_secret.is_none(), "{role:?}");
        assert_eq!(config.doubts, []);
    }
    // Nor is one that is there read.
    assert!(load_as(&by_push("app_secret_file = 'nowhere'\n"), Role::Run).is_ok());
    let without = problems(&source(&format!("{NO_SECRET}answer_by = 'either'\n")), Role::Run);
    assert!(without.contains("`account.main.app_secret` is missing"), "{without}");
}

#[test]
fn every_key_can_be_set_and_a_push_need_not_be_left_unanswered() {
    let keys = "unanswered = '5 / 90s'\nlater_notice = ' later '\nfetch_words = [' more ', 'go on']\n";
    let answers = load(&by_push(keys)).accounts["main"].answers.clone();
    assert_eq!(answers.unanswered.unwrap().to_string(), "5/90s");
    assert_eq!((answers.later_notice.as_str(), answers.fetch_words[0].as_str()), (" later ", "more"));
    assert_eq!(load(&by_push("unanswered = false\n")).accounts["main"].answers.unanswered, None);
    let either = load(&source(&format!("{MINIMAL}answer_by = 'either'\npush_wait = '4s'\n")));
    assert_eq!(either.accounts["main"].answers.push_wait, Duration::from_secs(4));
    assert_eq!(either.doubts, []);
    let variable = [("HUIXIN_ACCOUNT__MAIN__ANSWER_BY", "push")];
    assert_eq!(load(&with_variables(MINIMAL, &variable)).accounts["main"].answer_by, AnswerBy::Push);
}

#[test]
fn mistakes_are_told_with_their_reason() {
    let main = format!("{MINIMAL}answer_by = 'either'\npush_wait = '6s'\n");
    let other = "[account.other]\napp_id = 'wx2'\napp_secret = 's'\ntoken = 't0ken'\nanswer_by = 'pull'\n";
    let third = "[account.third]\napp_id = 'wx3'\ntoken = 't0ken'\nanswer_by = 'push'\n\
                 unanswered = '20'\nlater_notice = ' '\nfetch_words = []\n";
    let fourth = format!(
        "[account.fourth]\napp_id = 'wx4'\ntoken = 't0ken'\nanswer_by = 'push'\nunanswered = true\n\
         later_notice = '{}'\nfetch_words = ['继续', 'a<b']\n",
        "字".repeat(660)
    );
    assert_snapshot!(problems(&source(&[&main, other, third, &fourth].concat()), Role::Run), @r#"
    huixin.toml:6: `account.main.push_wait` must be from 10ms to 4s, but is 6s
        WeChat hangs up on a push after five seconds, and the response needs its part of them
    huixin.toml:11: `account.other.answer_by` is unknown: `pull`
        write "api", "either" or "push"
    huixin.toml:16: `account.third.unanswered` is not a rate: `20`
        write how many per second, minute or hour, like "20/5m"
    huixin.toml:17: `account.third.later_notice` is blank
    huixin.toml:18: `account.third.fetch_words` is empty
        users need a text that fetches their answers
    huixin.toml:23: `account.fourth.unanswered` is true
        write how many, like "20/5m", or leave the key out
    huixin.toml:24: `account.fourth.later_notice` has 2095 bytes with its link, but WeChat takes 2047
        make it shorter
    huixin.toml:25: `account.fourth.fetch_words` has `a<b`, which can't be the text of a link
        write 1 to 20 characters without < and >
    "#);
}

#[test]
fn a_notice_may_be_as_long_as_wechat_takes_with_its_link() {
    let link = load(&by_push("")).accounts["main"].answers.link().len();
    let notice = |bytes: usize| by_push(&format!("later_notice = '{}'\n", "a".repeat(bytes)));
    assert!(load_as(&notice(2047 - link), Role::Run).is_ok());
    let found = problems(&notice(2048 - link), Role::Run);
    assert!(found.contains("has 2048 bytes with its link, but WeChat takes 2047"), "{found}");
}

#[test]
fn keys_without_an_effect_are_doubted() {
    let all =
        "push_wait = '1s'\nunanswered = '1/m'\nlater_notice = 'x'\nfetch_words = ['x']\nsend_rate = '1/m'\n";
    assert_snapshot!(doubts(&source(&format!("{MINIMAL}{all}"))), @r#"
    huixin.toml:6: `account.main.unanswered` has no effect with `answer_by = "api"`
        leave it out, or set `answer_by = "push"`
    huixin.toml:7: `account.main.later_notice` has no effect with `answer_by = "api"`
        leave it out, or set `answer_by = "push"`
    huixin.toml:8: `account.main.fetch_words` has no effect with `answer_by = "api"`
        leave it out, or set `answer_by = "push"`
    "#);
    assert_snapshot!(doubts(&source(&format!("{MINIMAL}answer_by = 'either'\n{all}"))), @r#"
    huixin.toml:7: `account.main.unanswered` has no effect with `answer_by = "either"`
        leave it out, or set `answer_by = "push"`
    huixin.toml:8: `account.main.later_notice` has no effect with `answer_by = "either"`
        leave it out, or set `answer_by = "push"`
    huixin.toml:9: `account.main.fetch_words` has no effect with `answer_by = "either"`
        leave it out, or set `answer_by = "push"`
    "#);
    assert_snapshot!(doubts(&by_push(&format!("{all}api_base = 'http://a'\napi_fallback = []\n"))), @r#"
    huixin.toml:5: `account.main.push_wait` has no effect with `answer_by = "push"`
        leave it out
    huixin.toml:10: `account.main.api_base` has no effect with `answer_by = "push"`
        leave it out
    huixin.toml:11: `account.main.api_fallback` has no effect with `answer_by = "push"`
        leave it out
    huixin.toml:9: `account.main.send_rate` has no effect with `answer_by = "push"`
        leave it out
    "#);
}

#[test]
fn more_unanswered_pushes_than_wechat_bears_are_doubted() {
    let doubted = |rate: &str| doubts(&by_push(&format!("unanswered = '{rate}'\n")));
    for rate in ["29/5m", "29/h", "5/m", "1/15s"] {
        assert_eq!(doubted(rate), "", "{rate}");
    }
    for rate in ["30/5m", "30/h", "6/m", "1/9s"] {
        assert!(doubted(rate).contains("unanswered pushes in five minutes"), "{rate}");
    }
    assert_snapshot!(doubted("10/m"), @r#"
    huixin.toml:5: `account.main.unanswered` allows 50 unanswered pushes in five minutes: WeChat warns at 30, and stops all pushes for a minute after many more
        write fewer, like "20/5m"
    "#);
}

#[test]
fn a_fixed_reply_that_cannot_be_a_response_is_a_mistake_unless_its_route_names_other_accounts() {
    let routes = r#"
[[route]]
name = "menu"
reply = ["好", { type = "msgmenu", list = [{ id = "1", content = "是" }] }]
[[route]]
name = "picture"
reply = { type = "image", file = "menu.png" }
[[route]]
name = "seats"
sql = { database = "main", query = "SELECT 1", one = { type = "wxcard", card_id = "c" }, none = { type = "image", url = "https://a.example/{{ content | urlencode }}" } }
[[route]]
name = "good"
reply = ["{{ content }}", { type = "image", media_id = "m" }, { type = "news", title = "t", url = "https://a.example/" }]
[[route]]
name = "others"
match = { account = "certified" }
reply = { type = "image", file = "menu.png" }
[database.main]
url = "sqlite:a.db"
[account.certified]
app_id = "wx2"
app_secret = "s"
token = "t0ken"
"#;
    assert_snapshot!(problems(&by_push(routes), Role::Run), @r#"
    huixin.toml:8: `route[menu].reply` can't be sent to users of the account `main`: reply 2: type msgmenu can't be the response to a push; give one of text, image, voice, video, music, news, transfer_customer_service
        change it, or let `match` name an account that isn't `answer_by = "push"`
    huixin.toml:11: `route[picture].reply` can't be sent to users of the account `main`: reply: this account answers in the response to a push and can't upload: give the image as `media_id`
        change it, or let `match` name an account that isn't `answer_by = "push"`
    huixin.toml:14: `route[seats].sql.one` can't be sent to users of the account `main`: reply: type wxcard can't be the response to a push; give one of text, image, voice, video, music, news, transfer_customer_service
        change it, or let `match` name an account that isn't `answer_by = "push"`
    huixin.toml:14: `route[seats].sql.none` can't be sent to users of the account `main`: reply: this account answers in the response to a push and can't upload: give the image as `media_id`
        change it, or let `match` name an account that isn't `answer_by = "push"`
    "#);
}

#[test]
fn a_notice_that_is_not_sent_is_doubted_and_a_slow_event_is_not() {
    let route = "[[route]]\nmatch = { event = 'CLICK' }\nhttp = { url = 'http://a/' }\nnotice = '请稍候'\n";
    assert_snapshot!(doubts(&by_push(route)), @"
    huixin.toml:8: `route[1].notice` is not sent to users of the account `main`, which answers by push
        they get the `later_notice` of `[account.main]`
    ");
    assert!(doubts(&source(&format!("{MINIMAL}{route}"))).contains("`route[1].http.timeout` is 2m"));
}

#[test]
fn only_keys_with_an_effect_are_printed_and_what_is_printed_can_be_loaded_again() {
    let printed = load(&by_push("")).print_effective();
    let account = printed.split("\n\n").find(|section| section.starts_with("[account.main]")).unwrap();
    assert_snapshot!(account, @r#"
    [account.main]
    app_id = "wx1"
    token = "***"
    accept_plain = false  # default
    answer_by = "push"
    unanswered = "20/5m"  # default
    later_notice = "正在处理，请稍候点击："  # default
    fetch_words = ["查看回复", "继续"]  # default
    "#);
    assert_eq!(doubts(&source(&printed.replace("***", "t0ken"))), "");
}
