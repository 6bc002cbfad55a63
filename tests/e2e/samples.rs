//! Every message and event of this version, as WeChat's documentation prints it, and the quirks of real pushes.

use huixin_queue::testing::Settling as _;
use huixin_queue::{Class, Leased, TakeRequest, WorkerId};
use huixin_sandbox::{Push, TryOutcome};
use huixin_wechat::{Event, Kind, Message};
use huixin_worker::Payload;
use serde_json::Value;

use crate::harness::{Setup, Stack};

const USER: &str = "oFakeOpenId_0123456789abcdef";

fn pushed(fields: &str) -> String {
    format!(
        "<xml><ToUserName><![CDATA[gh_0123456789ab]]></ToUserName>\n<FromUserName><![CDATA[{USER}]]></FromUserName>\n\
         <CreateTime>1718000010</CreateTime>\n{fields}\n</xml>"
    )
}

/// The quirks: what must be as good as the plain form of the same text.
fn quirks() -> Vec<(&'static str, String)> {
    let text = "<MsgType><![CDATA[text]]></MsgType>\n<Content><![CDATA[hello]]></Content>\n<MsgId>";
    vec![
        (
            "spaced CDATA",
            pushed(
                "<MsgType> <![CDATA[text]]>\n</MsgType><Content><![CDATA[hello]]></Content><MsgId>101</MsgId>",
            ),
        ),
        (
            "another order",
            pushed(
                "<MsgId>102</MsgId><Content><![CDATA[hello]]></Content><MsgType><![CDATA[text]]></MsgType>",
            ),
        ),
        ("a BOM", format!("\u{feff}{}", pushed(&format!("{text}103</MsgId>")))),
        (
            "a declaration",
            format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", pushed(&format!("{text}104</MsgId>"))),
        ),
        ("an unknown element", pushed(&format!("{text}105</MsgId><Brand><New a=\"b\">1</New></Brand>"))),
        (
            "bare text and CDATA numbers",
            pushed("<MsgType>text</MsgType><Content>hello</Content><MsgId><![CDATA[106]]></MsgId>"),
        ),
        ("line ends of Windows", pushed(&format!("{text}107</MsgId>")).replace('\n', "\r\n")),
    ]
}

async fn take_one(stack: &Stack, call: u64) -> Leased {
    let request = TakeRequest {
        max: 10,
        classes: [Class::new("main").expect("it fits")].into(),
        worker: WorkerId::new("test"),
        call,
        lease_for: std::time::Duration::from_secs(60),
        suspect: true,
    };
    let queue = stack.queue();
    let mut messages = queue.take(&request).await.expect("the queue gives").messages;
    assert_eq!(messages.len(), 1, "one push, one message");
    let message = messages.remove(0);
    queue.complete(&message.lease).await.expect("it can be completed");
    message
}

#[tokio::test]
async fn every_sample_of_the_protocol_is_acked_and_enqueued() {
    let mut stack = Stack::on_redis(Setup::default()).await;
    let _receiver = stack.role("receiver").await;
    let user = || USER;
    let mut samples = vec![
        ("text", Push::text("main", user(), "你好 😀 <a & b>")),
        ("image", Push::image("main", user())),
        ("voice", Push::voice("main", user(), Some("今天天气"))),
        ("voice", Push::voice("main", user(), None)),
        ("video", Push::video("main", user())),
        ("shortvideo", Push::shortvideo("main", user())),
        ("subscribe", Push::subscribe("main", user(), None)),
        ("subscribe", Push::subscribe("main", user(), Some("123"))),
        ("unsubscribe", Push::unsubscribe("main", user())),
        ("SCAN", Push::scan("main", user(), "456")),
        ("CLICK", Push::click("main", user(), "mypay")),
        ("VIEW", Push::view("main", user(), "https://example.com/?a=1&b=2")),
    ];
    let raw = |fields: &str| Push::raw("main", user(), pushed(fields));
    samples.extend([
        ("location", raw("<MsgType><![CDATA[location]]></MsgType><Location_X>23.134521</Location_X><Location_Y>113.358803</Location_Y><Scale>20</Scale><Label><![CDATA[位置信息]]></Label><MsgId>1</MsgId>")),
        ("link", raw("<MsgType><![CDATA[link]]></MsgType><Title><![CDATA[t]]></Title><Description><![CDATA[d]]></Description><Url><![CDATA[u]]></Url><MsgId>2</MsgId>")),
        ("LOCATION", raw("<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[LOCATION]]></Event><Latitude>23.137466</Latitude><Longitude>113.352425</Longitude><Precision>119.385040</Precision>")),
        ("a type of tomorrow", raw("<MsgType><![CDATA[hologram]]></MsgType><Beam>1</Beam><MsgId>3</MsgId>")),
        ("an event of tomorrow", raw("<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[beam_me_up]]></Event>")),
    ]);
    samples.extend(quirks().into_iter().map(|(name, body)| (name, Push::raw("main", user(), body))));

    for (call, (name, push)) in (1..).zip(samples) {
        let sent = push.body(&stack.sandbox.sandbox.config().accounts[0].original_id);
        assert_eq!(stack.sandbox.sandbox.push_once(&push).await.outcome, TryOutcome::Acked, "{name}");
        let leased = take_one(&stack, call).await;
        let payload = Payload::decode(&leased.payload).expect("the receiver wrote it");
        assert_eq!(payload.body, sent.as_bytes(), "{name} is stored byte for byte");
        assert_eq!(leased.lease.lane.as_str(), format!("main/{USER}"), "{name} is in its user's lane");
        let message = Message::parse(&payload.body).unwrap_or_else(|error| panic!("{name}: {error}"));
        let is = if message.is_event() { message.event().unwrap_or_default() } else { message.msg_type() };
        let expected = match name {
            "a type of tomorrow" => "hologram",
            "an event of tomorrow" => "beam_me_up",
            quirk if quirks().iter().any(|(name, _)| *name == quirk) => "text",
            name => name,
        };
        assert_eq!(is, expected);
        match name {
            "text" => assert_eq!(message.content(), Some("你好 😀 <a & b>")),
            "LOCATION" => assert!(
                matches!(&message.kind, Kind::Event(Event::Location { latitude, .. }) if latitude == "23.137466")
            ),
            "a type of tomorrow" => assert_eq!(message.tree.text_of("Beam"), Some("1")),
            quirk if expected == "text" => assert_eq!(message.content(), Some("hello"), "{quirk}"),
            _ => {}
        }
    }
    stack.end().await;
}

#[tokio::test]
async fn the_plain_messages_of_the_published_vectors_are_acked_and_enqueued() {
    let mut stack = Stack::on_redis(Setup::default()).await;
    let _receiver = stack.role("receiver").await;
    let vectors: Value =
        serde_json::from_str(include_str!("../../wechat/testdata/vectors.json")).expect("it is JSON");
    let vectors = vectors["safe_mode"].as_array().expect("it is a list");
    let mut call = 0;
    for vector in vectors {
        let plain = vector["plaintext"].as_str().expect("it is a text");
        if !plain.starts_with("<xml>") {
            continue;
        }
        call += 1;
        let push = Push::raw("main", USER, plain);
        assert_eq!(
            stack.sandbox.sandbox.push_once(&push).await.outcome,
            TryOutcome::Acked,
            "{}",
            vector["name"]
        );
        assert_eq!(
            Payload::decode(&take_one(&stack, call).await.payload).expect("it reads").body,
            plain.as_bytes()
        );
    }
    assert_eq!(call, 5, "five of the six are XML");
    stack.end().await;
}
