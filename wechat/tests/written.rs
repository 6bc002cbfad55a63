//! What people write, pushed as WeChat pushes it: in CDATA, and not escaped.

use huixin_wechat::envelope::{encrypt_of, seal, to_xml};
use huixin_wechat::xml::Element;
use huixin_wechat::{AesKey, Event, Inner, Keys, Kind, Message, PushQuery, Secret, admit, sign};
use proptest::collection::vec;
use proptest::prelude::*;

const ID: &str = "24801004976846051";
const BEHIND: &str = "\n<MsgId>24801004976846051</MsgId>\n</xml>";

/// A push with these elements; a message has its id last.
fn push(msg_type: &str, rest: &str) -> String {
    let end = if msg_type == "event" { "\n</xml>" } else { BEHIND };
    format!(
        "<xml><ToUserName><![CDATA[gh_a]]></ToUserName>\n<FromUserName><![CDATA[oUser]]></FromUserName>\n\
         <CreateTime>1718000010</CreateTime>\n<MsgType><![CDATA[{msg_type}]]></MsgType>\n{rest}{end}"
    )
}

fn cdata(name: &str, text: &str) -> String {
    format!("<{name}><![CDATA[{text}]]></{name}>")
}

fn read(body: &str) -> Message {
    Message::parse(body.as_bytes()).unwrap_or_else(|error| panic!("{error}: {body}"))
}

fn names(element: &Element) -> Vec<&str> {
    element.children.iter().map(|child| child.name.as_str()).collect()
}

/// The push has WeChat's own elements and no other, and is known by WeChat's own id.
fn assert_genuine(message: &Message, own: &[&str], body: &str) {
    let head = ["ToUserName", "FromUserName", "CreateTime", "MsgType"];
    let expected: Vec<&str> = head.into_iter().chain(own.iter().copied()).collect();
    assert_eq!(names(&message.tree), expected, "{body}");
    assert_eq!((message.to.as_str(), message.from.as_str()), ("gh_a", "oUser"));
    if !message.is_event() {
        assert_eq!(message.msg_id(), Some(ID), "{body}");
        assert_eq!(message.dedup_key("main", b"").as_str(), format!("m|main|gh_a|oUser|{ID}"));
    }
}

const AWKWARD: [&str; 16] = [
    "a[b[0]]>1",
    "]]>",
    "]]]>",
    "]",
    "<![CDATA[",
    "]]><![CDATA[",
    "<![CDATA[x]]>",
    " ",
    "x]]></Content>",
    "x]]></Content><MsgId>1</MsgId>",
    "x]]></Content>\n<MsgId>1</MsgId>\n</xml>",
    "x]]></Content>\n<bizmsgmenuid>1</bizmsgmenuid>\n<Content><![CDATA[y",
    "x]]></Content>\n<MsgId>1</MsgId>\n<Foo><![CDATA[",
    "x]]></Content><!--",
    "x]]></Content><Title><![CDATA[y]]></Title><item>",
    "<xml><ToUserName><![CDATA[a]]></ToUserName><Content><![CDATA[b]]></Content><MsgId>1</MsgId></xml>",
];

/// Pieces that mean something to a reader of XML, in any order. (That a `]]>` which is split as XML wants it is taken for one
/// `]]>` is on purpose.)
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(&AWKWARD[..]).prop_map(str::to_owned),
        prop::sample::select(
            &[
                "</",
                "<",
                ">",
                "]]",
                "&amp;",
                "&",
                "Content",
                "MsgId",
                "</Title>",
                "]]></Title>",
                "</xml>",
                "<Url>",
                "\n"
            ][..]
        )
        .prop_map(str::to_owned),
        "[^\r\0-\x08\x0b\x0c\x0e-\x1f\u{FFFE}\u{FFFF}]{0,8}",
    ];
    vec(piece, 0..8)
        .prop_map(|pieces| pieces.concat())
        .prop_filter("split as XML wants it", |text| !text.contains("]]]]><![CDATA[>"))
}

fn content_of(text: &str) -> String {
    push("text", &cdata("Content", text))
}

#[test]
fn an_awkward_text_is_read_as_it_was_typed() {
    for text in AWKWARD {
        let body = content_of(text);
        let message = read(&body);
        assert_eq!(message.content(), Some(text));
        assert!(matches!(&message.kind, Kind::Text { menu_id: None, .. }), "{text}");
        assert_genuine(&message, &["Content", "MsgId"], &body);
    }
}

#[test]
fn a_text_behind_an_id_and_before_more_elements_ends_where_it_ends() {
    let hostile = "x]]></Content><bizmsgmenuid>9</bizmsgmenuid>";
    let rest = format!("{}\n<bizmsgmenuid>101</bizmsgmenuid>", cdata("Content", hostile));
    let message = read(&push("text", &rest));
    assert_eq!(message.kind, Kind::Text { content: hostile.to_owned(), menu_id: Some("101".to_owned()) });
    // With blanks around it, as some of WeChat's pushes have them.
    let spaced = push("text", &format!("<Content>\n<![CDATA[{hostile}]]> </Content >"));
    assert_eq!(read(&spaced).content(), Some(hostile));
}

#[test]
fn what_is_split_as_xml_wants_it_is_one_text() {
    assert_eq!(read(&content_of("a]]]]><![CDATA[>b")).content(), Some("a]]>b"));
    let list =
        "<Titles><item><Title><![CDATA[a]]></Title></item><item><Title><![CDATA[b]]></Title></item></Titles>";
    let tree = read(&push("event", list)).tree;
    let titles = tree.get("Titles").unwrap();
    assert_eq!(names(titles), ["item", "item"], "the fields of a list end each for itself");
}

#[test]
fn what_is_written_into_an_event_adds_nothing_to_it() {
    let hostile =
        "1]]></ScanResult></ScanCodeInfo><EventKey>other</EventKey><ScanCodeInfo><ScanResult><![CDATA[2";
    let scan = format!(
        "{}{}<ScanCodeInfo>{}\n{}</ScanCodeInfo>",
        cdata("Event", "scancode_waitmsg"),
        cdata("EventKey", "key"),
        cdata("ScanType", "qrcode"),
        cdata("ScanResult", hostile)
    );
    let message = read(&push("event", &scan));
    assert_genuine(&message, &["Event", "EventKey", "ScanCodeInfo"], &scan);
    let Kind::Event(Event::ScanCodeWaitMsg { key, scan_result, .. }) = &message.kind else {
        panic!("{message:?}")
    };
    assert_eq!((key.as_str(), scan_result.as_str()), ("key", hostile));

    let place = |label: &str, name: &str| {
        let inside = format!("{}\n{}", cdata("Label", label), cdata("Poiname", name));
        let info = format!("<SendLocationInfo>{}{inside}</SendLocationInfo>", cdata("Scale", "16"));
        push("event", &format!("{}{}{info}", cdata("Event", "location_select"), cdata("EventKey", "key")))
    };
    let hostile = "]]></Label></SendLocationInfo><Event>unsubscribe</Event><A><![CDATA[";
    for (label, name) in [(hostile, "x"), ("x", hostile)] {
        let body = place(label, name);
        let message = read(&body);
        let Kind::Event(Event::LocationSelect { label: read, poi_name, .. }) = &message.kind else {
            panic!("{message:?}")
        };
        assert_eq!((read.as_str(), poi_name.as_str()), (label, name));
        assert_genuine(&message, &["Event", "EventKey", "SendLocationInfo"], &body);
    }
}

#[test]
fn a_card_of_a_mini_program_can_forge_no_id() {
    let hostile = "p]]></Title><MsgId>1</MsgId><PagePath><![CDATA[q";
    let rest =
        |title, page| format!("{}{}{}", cdata("Title", title), cdata("AppId", "wx"), cdata("PagePath", page));
    for (title, page) in
        [("t", hostile), ("t", "p]]></PagePath><MsgId>1</MsgId><A><![CDATA["), (hostile, "p")]
    {
        let body = push("miniprogrampage", &rest(title, page));
        assert_eq!(read(&body).msg_id(), Some(ID), "{body}");
    }
}

#[test]
fn the_copy_beside_an_envelope_can_hide_nothing() {
    // In compatible mode the body has the plain text beside `Encrypt`, and a text could name a second one.
    let inner = content_of("x]]></Content><Encrypt>y</Encrypt>");
    let key = AesKey::decode("b7Qm2VxT9cLwZ0hRkEoUyJ4sNfPd6gAiWq1XtMv3BzE").unwrap();
    let sealed = seal(&key, "wx1", inner.as_bytes());
    let compatible = inner.replace("\n</xml>", &format!("{}</xml>", cdata("Encrypt", &sealed)));
    assert_eq!(encrypt_of(compatible.as_bytes()), Ok(sealed.clone()));
    let token = Secret::from("t");
    let keys =
        Keys { tokens: vec![token], aes_keys: vec![key], app_id: "wx1".to_owned(), accept_plain: true };
    let query = |parts: &[&str], aes: &str| {
        let (plain, of_all) = (sign(&["t", "1", "2"]), sign(parts));
        let raw = format!(
            "signature={plain}&timestamp=1&nonce=2{aes}{}",
            if aes.is_empty() { "" } else { &of_all }
        );
        PushQuery::parse(&raw).unwrap()
    };
    let aes = "&encrypt_type=aes&msg_signature=";
    for body in [compatible, to_xml("gh_a", &sealed)] {
        let opened = admit(&keys, &query(&["t", "1", "2", &sealed], aes), body.as_bytes());
        assert_eq!(opened, Ok(Inner::Opened { body: inner.clone().into_bytes(), key: 0 }));
    }
    assert_eq!(admit(&keys, &query(&[], ""), inner.as_bytes()), Ok(Inner::Plain), "a text is no envelope");
}

proptest! {
    #[test]
    fn any_text_is_read_as_it_was_written_and_adds_nothing(text in text()) {
        let rows = [
            ("text", cdata("Content", &text), &["Content", "MsgId"][..], "Content"),
            ("voice", format!("{}\n{}", cdata("MediaId", "m"), cdata("Recognition", &text)), &["MediaId", "Recognition", "MsgId"], "Recognition"),
            ("location", format!("<Scale>16</Scale>\n{}", cdata("Label", &text)), &["Scale", "Label", "MsgId"], "Label"),
        ];
        for (kind, rest, own, field) in rows {
            let body = push(kind, &rest);
            let message = read(&body);
            prop_assert_eq!(message.tree.text_of(field), Some(text.as_str()));
            assert_genuine(&message, own, &body);
        }
    }

    #[test]
    fn of_several_texts_none_adds_anything_and_one_alone_is_read_as_it_was_written(a in text(), b in text(), c in text()) {
        let link = |title: &str, description: &str, url: &str| {
            let parts = [cdata("Title", title), cdata("Description", description), cdata("Url", url)];
            push("link", &parts.join("\n"))
        };
        let own = ["Title", "Description", "Url", "MsgId"];
        assert_genuine(&read(&link(&a, &b, &c)), &own, "");
        for (title, description) in [(a.as_str(), "d"), ("t", a.as_str())] {
            let body = link(title, description, "u");
            let message = read(&body);
            assert_genuine(&message, &own, &body);
            if !a.contains("]]></Title>") || title == a {
                let read = (message.tree.text_of("Title"), message.tree.text_of("Description"));
                prop_assert_eq!(read, (Some(title), Some(description)));
            }
        }
    }
}
