//! Every ordinary message and every event of follow, scan, location and menu, written as WeChat's documentation has
//! them, and then as they really come.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use huixin_wechat::{Event, Kind, Message, Trigger};
use serde_json::Value;

fn push(msg_type: &str, rest: &str) -> String {
    format!(
        "<xml><ToUserName><![CDATA[gh_0123456789ab]]></ToUserName>\n\
         <FromUserName><![CDATA[oFakeOpenId_0123456789abcdef]]></FromUserName>\n\
         <CreateTime>1718000010</CreateTime>\n<MsgType><![CDATA[{msg_type}]]></MsgType>\n{rest}\n</xml>"
    )
}

fn event(name: &str, rest: &str) -> String {
    push("event", &format!("<Event><![CDATA[{name}]]></Event>\n{rest}"))
}

fn read(body: &str) -> Message {
    Message::parse(body.as_bytes()).unwrap()
}

fn s(text: &str) -> String {
    text.to_owned()
}

#[test]
fn every_ordinary_message_has_its_fields() {
    let text =
        |content: &str, menu_id: Option<&str>| Kind::Text { content: s(content), menu_id: menu_id.map(s) };
    let cases = [
        ("text", "<Content><![CDATA[hello]]></Content>", text("hello", None), Trigger::Message),
        ("text", "<Content><![CDATA[]]></Content>", text("", None), Trigger::Message),
        ("text", "<Content><![CDATA[ \n ]]></Content>", text(" \n ", None), Trigger::Message),
        (
            "text",
            "<Content><![CDATA[yes]]></Content><bizmsgmenuid>101</bizmsgmenuid>",
            text("yes", Some("101")),
            Trigger::Click,
        ),
        (
            "image",
            "<PicUrl><![CDATA[http://mmbiz.qpic.cn/x/0]]></PicUrl>\n<MediaId><![CDATA[m]]></MediaId>",
            Kind::Image { pic_url: s("http://mmbiz.qpic.cn/x/0"), media_id: s("m") },
            Trigger::Message,
        ),
        (
            "voice",
            "<MediaId><![CDATA[m]]></MediaId><Format><![CDATA[amr]]></Format><MediaId16K><![CDATA[m16]]></MediaId16K>\
             <Recognition><![CDATA[你好。]]></Recognition>",
            Kind::Voice {
                media_id: s("m"),
                format: s("amr"),
                media_id_16k: Some(s("m16")),
                recognition: Some(s("你好。")),
            },
            Trigger::Message,
        ),
        (
            "voice",
            "<MediaId><![CDATA[m]]></MediaId><Format><![CDATA[speex]]></Format><Recognition><![CDATA[]]></Recognition>",
            Kind::Voice { media_id: s("m"), format: s("speex"), media_id_16k: None, recognition: None },
            Trigger::Message,
        ),
        (
            "video",
            "<MediaId><![CDATA[m]]></MediaId><ThumbMediaId><![CDATA[t]]></ThumbMediaId>",
            Kind::Video { media_id: s("m"), thumb_media_id: s("t") },
            Trigger::Message,
        ),
        (
            "shortvideo",
            "<MediaId><![CDATA[m]]></MediaId><ThumbMediaId><![CDATA[t]]></ThumbMediaId>",
            Kind::ShortVideo { media_id: s("m"), thumb_media_id: s("t") },
            Trigger::Message,
        ),
        (
            "location",
            "<Location_X>23.134521</Location_X><Location_Y>113.358803</Location_Y><Scale>20</Scale>\
             <Label><![CDATA[位置信息 ]]></Label>",
            Kind::Location {
                latitude: s("23.134521"),
                longitude: s("113.358803"),
                scale: s("20"),
                label: s("位置信息 "),
            },
            Trigger::Message,
        ),
        (
            "link",
            "<Title><![CDATA[公众平台官网链接]]></Title><Description><![CDATA[]]></Description><Url><![CDATA[http://u]]></Url>",
            Kind::Link { title: s("公众平台官网链接"), description: s(""), url: s("http://u") },
            Trigger::Message,
        ),
    ];
    for (msg_type, rest, kind, trigger) in cases {
        let message = read(&push(msg_type, &format!("{rest}<MsgId>24801004976846051</MsgId>")));
        assert_eq!(message.kind, kind, "{rest}");
        assert_eq!(message.to, "gh_0123456789ab");
        assert_eq!(message.from, "oFakeOpenId_0123456789abcdef");
        assert_eq!(message.created_at, 1_718_000_010);
        assert_eq!(message.msg_type(), msg_type);
        assert_eq!(message.msg_id(), Some("24801004976846051"));
        assert_eq!((message.event(), message.event_key()), (None, None));
        assert_eq!(message.trigger(), trigger, "{rest}");
    }
}

#[test]
fn every_event_of_follow_scan_location_and_menu_has_its_fields() {
    let subscribe = |scene: Option<&str>, ticket: Option<&str>| Event::Subscribe {
        scene: scene.map(s),
        ticket: ticket.map(s),
    };
    let cases = [
        ("subscribe", "", subscribe(None, None), Trigger::Subscribe),
        ("subscribe", "<EventKey><![CDATA[]]></EventKey>", subscribe(None, None), Trigger::Subscribe),
        (
            "subscribe",
            "<EventKey><![CDATA[qrscene_123123]]></EventKey><Ticket><![CDATA[TICKET]]></Ticket>",
            subscribe(Some("123123"), Some("TICKET")),
            Trigger::Subscribe,
        ),
        (
            "subscribe",
            "<EventKey><![CDATA[qrscene_qrscene_1]]></EventKey><Ticket><![CDATA[T]]></Ticket>",
            subscribe(Some("qrscene_1"), Some("T")),
            Trigger::Subscribe,
        ),
        (
            "subscribe",
            "<EventKey><![CDATA[bare]]></EventKey><Ticket><![CDATA[T]]></Ticket>",
            subscribe(Some("bare"), Some("T")),
            Trigger::Subscribe,
        ),
        (
            "subscribe",
            "<EventKey><![CDATA[last_trade_no_4200001]]></EventKey>",
            subscribe(None, None),
            Trigger::Subscribe,
        ),
        ("unsubscribe", "<EventKey><![CDATA[]]></EventKey>", Event::Unsubscribe, Trigger::Unsubscribe),
        ("UnSubscribe", "", Event::Unsubscribe, Trigger::Unsubscribe),
        (
            "SCAN",
            "<EventKey><![CDATA[qrscene_7]]></EventKey><Ticket><![CDATA[TICKET]]></Ticket>",
            Event::Scan { scene: s("qrscene_7"), ticket: Some(s("TICKET")) },
            Trigger::Scan,
        ),
        ("scan", "<EventKey>42</EventKey>", Event::Scan { scene: s("42"), ticket: None }, Trigger::Scan),
        (
            "LOCATION",
            "<Latitude>23.137466</Latitude><Longitude>113.352425</Longitude><Precision>119.385040</Precision>",
            Event::Location {
                latitude: s("23.137466"),
                longitude: s("113.352425"),
                precision: s("119.385040"),
            },
            Trigger::Silent,
        ),
        ("CLICK", "<EventKey><![CDATA[KEY 1]]></EventKey>", Event::Click { key: s("KEY 1") }, Trigger::Click),
        (
            "VIEW",
            "<EventKey><![CDATA[http://www.qq.com]]></EventKey><MenuId>1234</MenuId>",
            Event::View { url: s("http://www.qq.com"), menu_id: Some(s("1234")) },
            Trigger::Silent,
        ),
        (
            "VIEW",
            "<EventKey><![CDATA[http://www.qq.com]]></EventKey><MenuID>1234</MenuID>",
            Event::View { url: s("http://www.qq.com"), menu_id: Some(s("1234")) },
            Trigger::Silent,
        ),
        ("scancode_push", "<EventKey><![CDATA[6]]></EventKey>", Event::Unknown, Trigger::Click),
        ("scancode_waitmsg", "<EventKey><![CDATA[6]]></EventKey>", Event::Unknown, Trigger::Click),
        ("pic_weixin", "<EventKey><![CDATA[6]]></EventKey>", Event::Unknown, Trigger::Silent),
        ("view_miniprogram", "<EventKey><![CDATA[p]]></EventKey>", Event::Unknown, Trigger::Silent),
        ("TEMPLATESENDJOBFINISH", "<MsgID>1</MsgID>", Event::Unknown, Trigger::Silent),
        ("never_heard_of", "<Strange><a/></Strange>", Event::Unknown, Trigger::Silent),
    ];
    for (name, rest, expected, trigger) in cases {
        let message = read(&event(name, rest));
        assert_eq!(message.kind, Kind::Event(expected), "{name} {rest}");
        assert_eq!(message.event(), Some(name));
        assert_eq!(message.msg_id(), None);
        assert_eq!(message.trigger(), trigger, "{name}");
    }
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
fn unknown_types_and_missing_fields_are_no_error() {
    let file = read(&push("file", "<Title><![CDATA[a.pdf]]></Title><FileKey>k</FileKey><MsgId>9</MsgId>"));
    assert_eq!((&file.kind, file.trigger()), (&Kind::Unknown, Trigger::Message));
    assert_eq!(file.tree.text_of("Title"), Some("a.pdf"));
    assert_eq!(file.msg_id(), Some("9"));
    assert_eq!((file.content(), file.recognition()), (None, None));

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
        let expected = Event::Subscribe { scene: Some(s(scene)), ticket: Some(s("TICKET")) };
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
