//! Which messages a condition takes, and what is said of those it doesn't.

use huixin_wechat::Element;

use super::*;

fn text(content: &str) -> Message {
    pushed(&format!("<MsgType>text</MsgType><Content><![CDATA[{content}]]></Content>"))
}

fn voice(recognition: &str) -> Message {
    pushed(&format!("<MsgType>voice</MsgType><Recognition><![CDATA[{recognition}]]></Recognition>"))
}

fn image() -> Message {
    pushed("<MsgType>image</MsgType>")
}

fn event(event: &str, key: &str) -> Message {
    pushed(&format!("<MsgType>event</MsgType><Event>{event}</Event><EventKey><![CDATA[{key}]]></EventKey>"))
}

fn pushed(fields: &str) -> Message {
    let body = format!("<xml><ToUserName>gh</ToUserName><FromUserName>o</FromUserName>{fields}</xml>");
    Message::parse(body.as_bytes()).unwrap()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn pattern(pattern: &str) -> Option<Regex> {
    Some(Regex::new(pattern).unwrap())
}

fn any() -> Condition {
    Condition::default()
}

/// For account `main`: "takes it", or why not.
fn explained(condition: &Condition, message: &Message) -> String {
    let explained = condition.explain("main", message);
    assert_eq!(condition.matches("main", message), explained.clone().ok(), "both say the same");
    explained.map_or_else(|mismatch| format!("{}: {mismatch}", mismatch.condition()), |_| TAKES.to_owned())
}

const TAKES: &str = "takes it";

#[test]
fn a_condition_holds_when_everything_that_is_set_holds_and_else_says_what_does_not() {
    let click = || Condition { event: some("CLICK"), ..any() };
    let rows = [
        (any(), text("x"), TAKES),
        (any(), image(), TAKES),
        (any(), pushed("<MsgType>brand_new</MsgType>"), TAKES),
        (
            any(),
            pushed("<InfoType>component_verify_ticket</InfoType>"),
            "type: it has no `MsgType`, so no user sent it",
        ),
        (
            any(),
            event("subscribe", ""),
            "type: it is an event, but a route without `type` and `event` takes only messages",
        ),
        (Condition { account: some("main"), ..any() }, text("x"), TAKES),
        (Condition { account: some("shop"), ..any() }, text("x"), "account: `account` is main, not shop"),
        (Condition { kind: some("TEXT"), ..any() }, text("x"), TAKES),
        (Condition { kind: some("text"), ..any() }, image(), "type: `type` is image, not text"),
        (Condition { kind: some("text"), ..any() }, pushed(""), "type: `type` is empty, not text"),
        (Condition { kind: some("event"), ..any() }, event("anything", ""), TAKES),
        (Condition { event: some("SUBSCRIBE"), ..any() }, event("subscribe", ""), TAKES),
        (click(), event("subscribe", ""), "event: `event` is subscribe, not CLICK"),
        (click(), text("CLICK"), "event: it is not an event (`type` is text), but `event` asks for CLICK"),
        (Condition { event_key: some("pay"), ..click() }, event("CLICK", "pay"), TAKES),
        (
            Condition { event_key: some("pay"), ..click() },
            event("CLICK", "Pay"),
            "event_key: `event_key` is \"Pay\", not \"pay\"",
        ),
        (
            Condition { event_key: some("pay"), ..click() },
            event("CLICK", ""),
            "event_key: it has no event key, but `event_key` asks for one",
        ),
        (
            Condition { event_key: some("pay"), ..any() },
            text("pay"),
            "event_key: it has no event key, but `event_key` asks for one",
        ),
        (Condition { event_key_prefix: some("city-"), ..click() }, event("CLICK", "city-7"), TAKES),
        (Condition { event_key_prefix: some("city-"), ..click() }, event("CLICK", "city-"), TAKES),
        (
            Condition { event_key_prefix: some("city-"), ..click() },
            event("CLICK", "City-7"),
            "event_key_prefix: the event key \"City-7\" does not begin with \"city-\"",
        ),
        (
            Condition { event_key_prefix: some("city-"), ..click() },
            pushed("<MsgType>event</MsgType><Event>CLICK</Event>"),
            "event_key_prefix: it has no event key, but `event_key_prefix` asks for one",
        ),
        (Condition { event_key_pattern: pattern(r"^city-\d+$"), ..click() }, event("click", "city-7"), TAKES),
        (
            Condition { event_key_pattern: pattern(r"^city-\d+$"), ..click() },
            event("CLICK", "city-７a"),
            r#"event_key_pattern: `event_key_pattern` does not match: `^city-\d+$` finds nothing in "city-７a""#,
        ),
        (
            Condition { event_key_pattern: pattern(""), ..click() },
            event("CLICK", ""),
            "event_key_pattern: it has no event key, but `event_key_pattern` asks for one",
        ),
        (
            Condition { event_key: some("city-7"), event_key_prefix: some("town-"), ..click() },
            event("CLICK", "city-7"),
            "event_key_prefix: the event key \"city-7\" does not begin with \"town-\"",
        ),
        (Condition { text: pattern("^hi$"), ..any() }, text(" hi\n"), TAKES),
        (
            Condition { text: pattern("^hi$"), ..any() },
            text("hi there"),
            "text: `text` does not match: `^hi$` finds nothing in \"hi there\"",
        ),
        (Condition { text: pattern(""), ..any() }, text(""), TAKES),
        (Condition { text: pattern(""), ..any() }, image(), "text: it is not a text (`type` is image)"),
        (Condition { text: pattern("hi"), ..any() }, voice("hi"), "text: it is not a text (`type` is voice)"),
        (Condition { speech: pattern("^hi$"), ..any() }, voice(" ｈｉ "), TAKES),
        (
            Condition { speech: pattern("^hi$"), ..any() },
            voice("hi。"),
            "speech: `speech` does not match: `^hi$` finds nothing in \"hi。\"",
        ),
        (
            Condition { speech: pattern(""), ..any() },
            voice(""),
            "speech: it is a voice message in which WeChat recognised nothing",
        ),
        (
            Condition { speech: pattern("hi"), ..any() },
            text("hi"),
            "speech: it is not a voice message (`type` is text)",
        ),
        (
            Condition { text: pattern(""), speech: pattern(""), ..any() },
            voice("hi"),
            "text: it is not a text (`type` is voice)",
        ),
    ];
    for (n, (condition, message, expected)) in rows.into_iter().enumerate() {
        assert_eq!(explained(&condition, &message), expected, "row {n}: {condition:?}");
    }
}

#[test]
fn groups_are_captured_by_number_and_name_from_whatever_the_pattern_is_for() {
    let code = r"^\?(?<code>\d+-(\d+))(!)?$";
    let by_text = Condition { text: pattern(code), ..any() };
    let by_speech = Condition { speech: pattern(code), ..any() };
    let by_key =
        Condition { event: some("CLICK"), event_key_pattern: pattern(r"(?<code>\d+-(\d+))(!)?$"), ..any() };
    let expected = [("1", "18-546"), ("2", "546"), ("code", "18-546")];
    let expected: Captures =
        expected.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    // The first is as a Chinese keyboard types it.
    for (condition, message) in [
        (&by_text, text("？18-546")),
        (&by_text, text("?18-546")),
        (&by_text, text(" ？１８－５４６ ")),
        (&by_text, text("?18-546\u{3000}")),
        (&by_speech, voice("？１８－５４６")),
        (&by_key, event("CLICK", "desk 18-546")),
    ] {
        assert_eq!(condition.explain("main", &message), Ok(expected.clone()), "{condition:?}");
    }
    assert_eq!(any().explain("main", &text("x")), Ok(Captures::new()));
}

#[test]
fn a_text_that_is_not_copied_is_the_one_that_would_be_made() {
    for typed in ["", " a ", "？", "e\u{301}", "é", "\u{b4}", "\u{3000}中文。", "ﬁ", "\u{a0}x\u{a0}"] {
        let made = typed.nfkc().collect::<String>();
        assert_eq!(normalised(typed), made.trim(), "{typed:?}");
    }
    assert!(matches!(normalised(" 你好, 18-546 "), Cow::Borrowed("你好, 18-546")));
}

#[test]
fn what_is_printed_of_a_message_is_short_and_nothing_that_a_terminal_obeys() {
    let condition = Condition { text: pattern("^x$"), ..any() };
    let long = "长".repeat(1000);
    assert_eq!(
        explained(&condition, &text(&long)),
        format!("text: `text` does not match: `^x$` finds nothing in \"{}…\"", "长".repeat(40))
    );
    let mut tree = Element::new("xml");
    tree.push(Element::leaf("MsgType", "event"))
        .push(Element::leaf("Event", "\u{1b}[2J\u{202e}"))
        .push(Element::leaf("EventKey", "\u{1b}]0;x\u{7}\n"));
    let evil = Message::from_tree(tree);
    let by_event = Condition { event: some("CLICK"), ..any() };
    assert_eq!(explained(&by_event, &evil), r"event: `event` is \u{1b}[2J\u{202e}, not CLICK");
    let by_key = Condition { kind: some("event"), event_key: some("a"), ..any() };
    let explained = explained(&by_key, &evil);
    assert!(!explained.contains(char::is_control), "{explained:?}");
}

/// A message that no route takes makes one of these for each route: it must stay a few words of memory.
#[test]
fn a_mismatch_is_no_larger_than_two_borrowed_texts_and_a_copied_one() {
    assert!(size_of::<Mismatch<'_>>() <= 9 * size_of::<usize>(), "{}", size_of::<Mismatch<'_>>());
}

#[test]
fn what_keyboards_and_clipboards_add_is_not_in_the_way() {
    let condition =
        Condition { text: Some(Regex::new(r"^\?(?<code>\d+-\d+)$").unwrap()), ..Condition::default() };
    for text in [
        "?18-546",
        "\u{feff}？18－546\u{200b}",
        "?18\u{2011}546",
        "?18—546",
        "?18\u{2006}-\u{2006}546",
        "\u{202a}?18-546\u{202c}",
        "?18-546\u{fffc}",
        "?1\u{ad}8-5\u{fe0f}46",
        "?18\u{1}-546",
    ] {
        let body = format!("<xml><MsgType>text</MsgType><Content><![CDATA[{text}]]></Content></xml>");
        let message = Message::parse(body.as_bytes()).unwrap();
        let captures = condition.matches("main", &message).unwrap_or_else(|| panic!("{text:?}"));
        assert_eq!(captures["code"], "18-546", "{text:?}");
    }
    // A pattern that names such a character still finds it.
    let quoted = Condition { text: Some(Regex::new("^“(.+)”$").unwrap()), ..Condition::default() };
    let message =
        Message::parse("<xml><MsgType>text</MsgType><Content>“a”</Content></xml>".as_bytes()).unwrap();
    assert_eq!(quoted.matches("main", &message).unwrap()["1"], "a");
}
