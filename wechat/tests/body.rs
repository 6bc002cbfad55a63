//! Both data formats: which is which, what is mended, what JSON becomes, and what hostile bodies cost.

use std::time::{Duration, Instant};

use huixin_wechat::body::parse;
use huixin_wechat::json::{self, JsonError};
use huixin_wechat::xml::{Element, XmlError};
use huixin_wechat::{BodyError, Message};
use serde_json::{Value, json};

fn to_json(body: &str) -> Value {
    parse(body.as_bytes()).unwrap().tree.to_json()
}

fn refusal(body: &str) -> JsonError {
    json::parse(body.as_bytes()).unwrap_err()
}

#[test]
fn the_first_character_tells_the_format() {
    for body in [
        "{\"A\":\"x\"}",
        " \r\n\t{\"A\":\"x\"}\n",
        "\u{FEFF}{\"A\":\"x\"}",
        "<xml><A>x</A></xml>",
        "\n<xml><A>x</A></xml>",
    ] {
        let parsed = parse(body.as_bytes()).unwrap();
        assert_eq!((parsed.tree.name.as_str(), parsed.tree.text_of("A")), ("xml", Some("x")), "{body}");
        assert!(!parsed.mended);
    }
    assert_eq!(parse(b"[]"), Err(BodyError::Xml(XmlError::NotXml { offset: 0 })));
    assert_eq!(parse(b""), Err(BodyError::Xml(XmlError::Empty)));
    assert!(matches!(parse(b"{"), Err(BodyError::Json(JsonError::Syntax { offset: 1, .. }))));
}

#[test]
fn a_message_in_json_has_the_same_types_as_in_xml() {
    // MsgId and CreateTime as numbers, and then as strings.
    for (time, id) in [("1718000010", "24801004976846051"), ("\"1718000010\"", "\"24801004976846051\"")] {
        let body = format!(
            r#"{{"ToUserName":"gh_a","FromUserName":"oA","CreateTime":{time},"MsgType":"text","Content":"\u4f60好","MsgId":{id}}}"#
        );
        let xml = "<xml><ToUserName>gh_a</ToUserName><FromUserName>oA</FromUserName><CreateTime>1718000010</CreateTime>\
                   <MsgType>text</MsgType><Content>你好</Content><MsgId>24801004976846051</MsgId></xml>";
        assert_eq!(Message::parse(body.as_bytes()), Message::parse(xml.as_bytes()));
    }
}

#[test]
fn numbers_keep_every_digit() {
    for number in [
        "0",
        "-0",
        "9007199254740993",
        "18446744073709551615",
        "-9223372036854775808",
        "123456789012345678901234567890",
        "23.137466",
        "1.50",
        "1e5",
        "1E+5",
        "-1.5e-7",
        "1e999",
    ] {
        let body = format!("{{\"A\":{number}}}");
        assert_eq!(parse(body.as_bytes()).unwrap().tree.text_of("A"), Some(number));
    }
}

#[test]
fn arrays_become_siblings_and_nothing_is_lost() {
    assert_eq!(
        to_json(
            r#"{"a":[1,"2",true,null],"List":{"b":"c"},"item":["x"],"e":{},"f":"","g":[{"h":[1]},[2,[3]]]}"#
        ),
        json!({
            "a": ["1", "2", "true", ""], "List": [{"b": "c"}], "item": ["x"], "e": "", "f": "",
            "g": [{"h": "1"}, {"item": ["2", {"item": ["3"]}]}],
        })
    );
    // Repeated members are kept, in their order; an empty array is nothing.
    let tree = json::parse(br#"{"a":"1","b":[],"a":"2","A":"3"}"#).unwrap();
    let children: Vec<_> = tree.children.iter().map(|c| (c.name.as_str(), c.text.as_str())).collect();
    assert_eq!(children, [("a", "1"), ("a", "2"), ("A", "3")]);
    assert_eq!(json::parse(b"{}"), Ok(Element::new("xml")));
}

#[test]
fn strings_are_read_with_what_users_put_in_them() {
    for (body, text, mended) in [
        (r#""\"\\\/\b\f\n\r\t\u0041""#, "\"\\/\n\r\tA", true),
        (r#""\u4F60\u597d\ud83d\ude00""#, "你好😀", false),
        (r#""\ud83d""#, "\u{FFFD}", true),
        (r#""\ude00\ud83dx\ud83d\u0041""#, "\u{FFFD}\u{FFFD}x\u{FFFD}A", true),
        (r#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀", true),
        (r#""\u0000\u0001\uFFFFx""#, "x", true),
        ("\"raw\nline\tend\"", "raw\nline\tend", false),
        ("\"\u{1}x\0\"", "x", true),
        ("\"\"", "", false),
    ] {
        let parsed = parse(format!("{{\"A\":{body}}}").as_bytes()).unwrap();
        assert_eq!((parsed.tree.text_of("A"), parsed.mended), (Some(text), mended), "{body}");
    }
}

#[test]
fn what_is_not_json_is_refused_at_its_place() {
    let syntax = |expected, offset| JsonError::Syntax { expected, offset };
    for (body, error) in [
        ("", syntax("{", 0)),
        ("[]", syntax("{", 0)),
        ("{", syntax("a name in quotes", 1)),
        ("{a:1}", syntax("a name in quotes", 1)),
        ("{\"a\"}", syntax(":", 4)),
        ("{\"a\":}", syntax("a value", 5)),
        ("{\"a\":nul}", syntax("a value", 5)),
        ("{\"a\":1,}", syntax("a name in quotes", 7)),
        ("{\"a\":1 \"b\":2}", syntax(", or }", 7)),
        ("{\"a\":[1,]}", syntax("a value", 8)),
        ("{\"a\":[1}", syntax(", or ]", 7)),
        ("{\"a\":[1]]", syntax(", or }", 8)),
        ("{\"a\":01}", syntax(", or }", 6)),
        ("{\"a\":-}", syntax("a digit", 6)),
        ("{\"a\":1.}", syntax("a digit", 7)),
        ("{\"a\":1e}", syntax("a digit", 7)),
        ("{\"a\":+1}", syntax("a value", 5)),
        ("{\"a\":\"x", syntax("the end of a string", 7)),
        ("{\"a\":\"\\x\"}", syntax("an escape", 7)),
        ("{\"a\":\"\\u12", syntax("four hex digits", 8)),
        ("{\"a\":\"\\u+123\"}", syntax("four hex digits", 8)),
        ("{\"a\":\"\\ud83d\\u12\"}", syntax("four hex digits", 14)),
        ("{\"a\":\"\\u00é9\"}", syntax("four hex digits", 8)),
        ("{'a':1}", syntax("a name in quotes", 1)),
        ("{} x", JsonError::Trailing { offset: 3 }),
        ("{}{}", JsonError::Trailing { offset: 2 }),
        ("{}/*c*/", JsonError::Trailing { offset: 2 }),
    ] {
        assert_eq!(refusal(body), error, "{body}");
    }
}

#[test]
fn json_has_the_limits_of_xml() {
    let nested = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    assert!(json::parse(nested(15).as_bytes()).is_ok());
    assert_eq!(refusal(&nested(16)), JsonError::TooDeep { limit: 16, offset: 80 });
    let arrays = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(json::parse(arrays(15).as_bytes()).is_ok());
    assert!(matches!(refusal(&arrays(1_000_000)), JsonError::TooDeep { .. }));
    let wide = |values: usize| format!("{{\"a\":[1{}]}}", ",1".repeat(values - 1));
    assert!(json::parse(wide(4095).as_bytes()).is_ok());
    assert_eq!(refusal(&wide(4096)), JsonError::TooMany { limit: 4096, offset: 6 + 2 * 4095 });
    assert!(matches!(refusal(&wide(1_000_000)), JsonError::TooMany { .. }));
}

#[test]
fn what_was_mended_is_noted_and_nothing_else_is() {
    for (body, mended) in [
        (&b"<xml><A>\xE4\xBD\xA0\xEF\xBF\xBD</A></xml>"[..], false),
        (b"<xml><A>\xE4\xBD</A></xml>", true),
        (b"<xml><A>\x01</A></xml>", true),
        (b"<xml><A>&#1;</A></xml>", true),
        (b"<xml><A>&#xFFFE;</A></xml>", true),
        (b"<xml><A>&#0;</A></xml>", true),
        (b"<xml><A>&#xFFFD;&#10;&lt;</A></xml>", false),
        (b"<xml><A>x</A></xml>\0", true),
        (b"{\"A\":\"\xE4\xBD\"}", true),
        (b"{\"A\":\"\xE4\xBD\xA0\"}", false),
    ] {
        assert_eq!(parse(body).unwrap().mended, mended, "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn a_broken_text_does_not_lose_its_message() {
    let body = b"<xml><ToUserName>gh_a</ToUserName><FromUserName>oA</FromUserName><MsgType>text</MsgType>\
                 <Content><![CDATA[a\xF0\x9F\x98b\x08c]]></Content><MsgId>1</MsgId></xml>";
    let message = Message::parse(body).unwrap();
    assert_eq!((message.content(), message.msg_id()), (Some("a\u{FFFD}bc"), Some("1")));
}

/// Each is read, or refused at the offset where the limit is: nothing behind it is looked at. The time is a hundred
/// times what a slow machine needs; anything quadratic takes minutes.
#[test]
fn hostile_bodies_are_refused_or_read_quickly() {
    let tags = 256 * 1024 / 3;
    let big = 1024 * 1024;
    let read: [(&str, String); 9] = [
        ("a million attributes", format!("<xml {}><A>x</A></xml>", "a=\"b\" ".repeat(1_000_000))),
        ("a million attributes without values", format!("<xml {}/>", "a ".repeat(1_000_000))),
        ("one long attribute", format!("<xml a='{}'/>", ">\"".repeat(big))),
        ("a long comment", format!("<xml><!--{}--></xml>", "- ->".repeat(big / 4))),
        ("many comments", format!("<xml>{}</xml>", "<!---->".repeat(big / 7))),
        ("many instructions", format!("<xml>{}</xml>", "<?a?>".repeat(big / 5))),
        ("many references", format!("<xml>{}</xml>", "&#65;".repeat(big / 5))),
        ("many sections", format!("<xml>{}</xml>", "<![CDATA[]]>".repeat(big / 12))),
        ("a long string", format!("{{\"a\":\"{}\"}}", "\\u0041\\ud83d".repeat(big / 12))),
    ];
    let began = Instant::now();
    for (what, body) in read {
        assert!(parse(body.as_bytes()).is_ok(), "{what}");
    }

    let laughs =
        "<!DOCTYPE lolz [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;\">]><xml>&b;</xml>";
    let xml: [(&str, String, XmlError); 7] = [
        ("nested tags", "<xml>".repeat(tags), XmlError::TooDeep { limit: 16, offset: 80 }),
        (
            "siblings",
            format!("<xml>{}", "<a/>".repeat(tags)),
            XmlError::TooMany { limit: 4096, offset: 16385 },
        ),
        ("billion laughs", laughs.to_owned(), XmlError::Doctype { offset: 0 }),
        (
            "an endless DOCTYPE",
            format!("<!DOCTYPE {}>", "[<!-- ]]> ".repeat(tags)),
            XmlError::Doctype { offset: 0 },
        ),
        ("a long name", format!("<{}>", "n".repeat(big)), XmlError::Root { name: "n".repeat(32) }),
        (
            "a long entity",
            format!("<xml>&{};", "n".repeat(big)),
            XmlError::Entity { name: "n".repeat(32), offset: 5 },
        ),
        ("blanks", " ".repeat(big), XmlError::Empty),
    ];
    for (what, body, error) in xml {
        let refused = parse(body.as_bytes()).unwrap_err();
        let malformed =
            matches!(refused, BodyError::Xml(XmlError::Malformed { .. })) && what.contains("DOCTYPE");
        assert!(refused == BodyError::Xml(error) || malformed, "{what}: {refused:?}");
    }
    for body in
        ["<", "&", "<!--", "<![CDATA[", "<xml><", "<xml>&", "<xml></", "{\"", "{\"a\":[", "{\"a\":\"\\"]
    {
        assert!(parse(body.repeat(tags).as_bytes()).is_err(), "{body}");
    }
    assert!(parse(&vec![0xFF; big]).is_err() && parse(&vec![0; big]).is_err());
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}
