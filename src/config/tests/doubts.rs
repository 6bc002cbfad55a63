//! What may be a mistake, and doesn't keep anything from starting.

use insta::assert_snapshot;

use super::*;

/// The doubts about conditions, each of a route of its own.
fn doubts(conditions: &[&str]) -> String {
    let route = |condition: &&str| format!("[[route]]\nreply = 'x'\nmatch = {{ {condition} }}\n");
    let text = MINIMAL.to_owned() + &conditions.iter().map(route).collect::<String>();
    let shown = |doubt: &Problem| format!("{doubt}\n    {}\n", doubt.hint.as_deref().unwrap_or_default());
    load(&source(&text)).doubts.iter().map(shown).collect()
}

#[test]
fn a_type_that_nobody_knows_is_doubted_with_those_that_are_known() {
    assert_snapshot!(doubts(&["type = 'txt'", "type = 'hologram'", "type = 'Image'"]), @"
    huixin.toml:7: `route[1].match.type` is `txt`, a type of message that this version doesn't know
        did you mean `text`? known types: text, image, voice, video, shortvideo, location, link, file, miniprogrampage, event
    huixin.toml:10: `route[2].match.type` is `hologram`, a type of message that this version doesn't know
        known types: text, image, voice, video, shortvideo, location, link, file, miniprogrampage, event
    ");
}

#[test]
fn a_timeout_that_does_not_fit_the_time_to_answer_is_doubted() {
    let route = |condition: &str, timeout: &str| {
        format!("[[route]]\nmatch = {{ {condition} }}\nhttp = {{ url = 'http://a/'{timeout} }}\n")
    };
    let text = [
        MINIMAL.to_owned(),
        route("event = 'CLICK'", ", timeout = '45s'"),
        route("event = 'click'", ", timeout = '58s'"),
        route("event = 'subscribe'", ""),
        route("type = 'text'", ""),
        "[delivery.subscribe]\nwindow = '90s'\n".to_owned(),
    ];
    let shown = |doubt: &Problem| format!("{doubt}\n    {}\n", doubt.hint.as_deref().unwrap_or_default());
    assert_snapshot!(load(&source(&text.concat())).doubts.iter().map(shown).collect::<String>(), @"
    huixin.toml:10: `route[2].http.timeout` is 58s, but WeChat allows replies to these messages for 1m: a later one waits until the user writes again
        make it shorter, like 45s
    `route[3].http.timeout` is 2m, but WeChat allows replies to these messages for 1m 30s: a later one waits until the user writes again
        make it shorter, like 1m 7s 500ms
    ");
}

#[test]
fn a_token_that_wechat_would_not_take_is_doubted_and_not_shown() {
    let doubted = |token: &str| {
        let doubts = load(&source(&MINIMAL.replace("t0ken", token))).doubts;
        doubts.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let shown = "huixin.toml:4: `account.main.token` is not a token that WeChat's console accepts";
    for token in ["ab", "the token", "my_token", "令牌令牌", &"a".repeat(33)] {
        assert_eq!(doubted(token), [shown], "{token}");
    }
    for token in ["abc", &"Z9".repeat(16)] {
        assert!(doubted(token).is_empty(), "{token}");
    }
}

#[test]
fn an_event_is_doubted_only_beside_one_that_is_known() {
    let conditions = ["event = 'subscibe'", "event = 'Click'", "event = 'user_pay_from_pay_cell'"];
    assert_snapshot!(doubts(&conditions), @"
    huixin.toml:7: `route[1].match.event` is `subscibe`, an event that this version doesn't know
        did you mean `subscribe`?
    ");
}
