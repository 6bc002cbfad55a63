//! Pushes as they really come, beside the documentation. What every message and event is, is in `pushes`.

use huixin_wechat::{Event, Kind, Message, Trigger};
use serde_json::Value;

fn push(msg_type: &str, rest: &str) -> String {
    format!(
        "<xml><ToUserName><![CDATA[gh_0123456789ab]]></ToUserName>\n\
         <FromUserName><![CDATA[oFakeOpenId_0123456789abcdef]]></FromUserName>\n\
         <CreateTime>1718000010</CreateTime>\n<MsgType><![CDATA[{msg_type}]]></MsgType>\n{rest}\n</xml>"
    )
}

fn read(body: &str) -> Message {
    Message::parse(body.as_bytes()).unwrap()
}

fn s(text: &str) -> String {
    text.to_owned()
}

#[test]
fn the_numbers_of_each_trigger_are_those_of_the_documentation() {
    let numbers = Trigger::ALL.map(|t| (t.sends(), t.window().as_secs()));
    assert_eq!(numbers, [(5, 172_800), (3, 60), (3, 60), (3, 60), (0, 0), (0, 0)]);
}

#[test]
fn quirks_of_real_pushes_change_nothing() {
    let plain = read(&push("text", "<Content><![CDATA[hi]]></Content><MsgId>1</MsgId>"));
    for body in [
        // Blanks around CDATA and names, a byte order mark, a declaration, CRLF.
        "\u{FEFF}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<xml>\r\n<ToUserName> <![CDATA[gh_0123456789ab]]> \
         </ToUserName>\r\n<FromUserName>\n<![CDATA[ oFakeOpenId_0123456789abcdef ]]></FromUserName>\
         <CreateTime> 1718000010 </CreateTime><MsgType> <![CDATA[text]]> </MsgType>\
         <Content> <![CDATA[hi]]> </Content><MsgId> 1 </MsgId></xml>\r\n",
        // Another order, CDATA for numbers, bare text for strings, an element nobody knows.
        "<xml><MsgId><![CDATA[1]]></MsgId><New><Thing>1</Thing></New><Content>hi</Content><MsgType>text</MsgType>\
         <CreateTime><![CDATA[1718000010]]></CreateTime><FromUserName>oFakeOpenId_0123456789abcdef</FromUserName>\
         <ToUserName>gh_0123456789ab</ToUserName></xml>",
        // Names in another case, a doubled element: the first counts.
        "<xml><tousername>gh_0123456789ab</tousername><FromUserName>oFakeOpenId_0123456789abcdef</FromUserName>\
         <Createtime>1718000010</Createtime><MsgType>text</MsgType><Content>hi</Content><Content>no</Content>\
         <MsgID>1</MsgID></xml>",
    ] {
        let message = read(body);
        assert_eq!(
            (&message.to, &message.from, message.created_at, &message.kind, message.msg_id()),
            (&plain.to, &plain.from, plain.created_at, &plain.kind, plain.msg_id()),
            "{body}"
        );
        assert_eq!(message.trigger(), Trigger::Message);
        let key = |m: &Message| m.dedup_key("main", b"");
        assert_eq!(key(&message), key(&plain));
    }
}

#[test]
fn a_split_cdata_is_one_text() {
    let message = read(&push("text", "<Content><![CDATA[a]]]]><![CDATA[>b]]></Content>"));
    assert_eq!(message.content(), Some("a]]>b"));
}

#[test]
fn every_listed_type_and_event_is_known() {
    for name in Kind::TYPES {
        assert_ne!(read(&push(name, "")).kind, Kind::Unknown, "{name}");
    }
    for name in Event::NAMES {
        let event = read(&push("event", &format!("<Event>{name}</Event>")));
        assert_ne!(event.kind, Kind::Event(Event::Unknown), "{name}");
    }
}

#[test]
fn unknown_types_and_missing_fields_are_no_error() {
    let beam = read(&push("hologram", "<Title><![CDATA[a.pdf]]></Title><MsgId>49d7_1555684067</MsgId>"));
    assert_eq!((&beam.kind, beam.trigger()), (&Kind::Unknown, Trigger::Message));
    assert_eq!(beam.tree.text_of("Title"), Some("a.pdf"));
    assert_eq!(beam.msg_id(), Some("49d7_1555684067"));
    assert_eq!((beam.content(), beam.recognition()), (None, None));

    let file = read(&push("file", "<FileTotalLen>much</FileTotalLen>"));
    assert_eq!(file.typed_json()["size_bytes"], Value::Null);
    assert_eq!(file.typed_json()["msg_id"], Value::Null);

    assert_eq!(read(&push("device_status", "")).trigger(), Trigger::Silent);

    let bare = read("<xml><action>CheckContainerPath</action></xml>");
    assert_eq!((bare.to.as_str(), bare.from.as_str(), bare.created_at), ("", "", 0));
    assert_eq!((&bare.kind, bare.msg_type(), bare.trigger()), (&Kind::Unknown, "", Trigger::Silent));

    let nameless = read("<xml><MsgType>event</MsgType></xml>");
    assert_eq!(nameless.event(), Some(""));
    assert_eq!(nameless.kind, Kind::Event(Event::Unknown));

    let odd = read("<xml><CreateTime>soon</CreateTime><MsgType>text</MsgType></xml>");
    assert_eq!((odd.created_at, odd.content(), odd.msg_id()), (0, Some(""), None));
}

#[test]
fn the_inner_messages_of_the_vectors_say_what_they_say() {
    let vectors: Value = serde_json::from_str(include_str!("../testdata/vectors.json")).unwrap();
    let plaintext = |index: usize| vectors["safe_mode"][index]["plaintext"].as_str().unwrap().as_bytes();
    let parse = |index: usize| Message::parse(plaintext(index)).unwrap();

    let text = parse(0);
    assert_eq!(text.content(), Some("你好，世界 😀 <a & b>"));
    assert_eq!((text.created_at, text.msg_id()), (1_718_000_010, Some("24801004976846051")));

    for (index, scene) in [(1, "111111111111111111111111"), (2, "2222"), (3, "33333333333333333333333")] {
        let follow = parse(index);
        let expected =
            Event::Subscribe { scene: Some(s(scene)), ticket: Some(s("TICKET")), transaction_id: None };
        assert_eq!(follow.kind, Kind::Event(expected));
        assert_eq!(follow.event_key(), Some(format!("qrscene_{scene}").as_str()));
        assert_eq!(follow.created_at, 1_718_000_020);
    }

    let demo = parse(4);
    assert_eq!((demo.event(), demo.tree.text_of("debug_str")), (Some("debug_demo"), Some("hello world")));

    let demo = parse(5);
    assert_eq!((demo.content(), demo.msg_id()), (Some("abcdteT"), Some("6054768590064713728")));
    assert_eq!((demo.to.as_str(), demo.from.as_str()), ("gh_10f6c3c3ac5a", "oyORnuP8q7ou2gfYjqLzSIWZf0rs"));
}

#[test]
fn a_head_tells_the_trigger_that_the_kind_would() {
    let types = Kind::TYPES.into_iter().filter(|name| *name != "event");
    for msg_type in types.chain(["", " TEXT ", "hardware", "Device_Text", "new"]) {
        for menu_id in ["", " ", "7"] {
            let body =
                format!("<xml><MsgType>{msg_type}</MsgType><bizmsgmenuid>{menu_id}</bizmsgmenuid></xml>");
            let message = Message::parse(body.as_bytes()).unwrap();
            let expected = match (&message.kind, message.msg_type()) {
                (Kind::Text { menu_id: Some(_), .. }, _) => Trigger::Click,
                (Kind::Unknown, "" | "hardware" | "Device_Text") => Trigger::Silent,
                _ => Trigger::Message,
            };
            let head = message.head();
            assert_eq!((head.trigger(), message.trigger()), (expected, expected), "{body}");
            assert_eq!(head.dedup_key("main", b"b"), message.dedup_key("main", b"b"));
        }
    }
}
