//! Dedup keys: equal for the same push, different for any two that really differ.

use std::collections::HashSet;

use huixin_wechat::{DedupKey, Message};
use proptest::prelude::*;

fn key(body: &str) -> DedupKey {
    Message::parse(body.as_bytes()).unwrap().dedup_key("main", body.as_bytes())
}

fn text(from: &str, id: &str) -> String {
    format!(
        "<xml><ToUserName>gh_a</ToUserName><FromUserName>{from}</FromUserName><CreateTime>1718000010</CreateTime>\
         <MsgType>text</MsgType><Content>x</Content><MsgId>{id}</MsgId></xml>"
    )
}

fn event(name: &str, rest: &str) -> String {
    format!(
        "<xml><ToUserName>gh_a</ToUserName><FromUserName>oUser</FromUserName><CreateTime>1718000010</CreateTime>\
         <MsgType>event</MsgType><Event>{name}</Event>{rest}</xml>"
    )
}

#[test]
fn keys_are_written_as_documented() {
    assert_eq!(key(&text("oUser", "24801004976846051")).as_str(), "m|main|gh_a|oUser|24801004976846051");
    assert_eq!(
        key(&event("SCAN", "<EventKey>k</EventKey><Ticket>t</Ticket>")).as_str(),
        "e|main|gh_a|oUser|1718000010|scan|k|||t"
    );
    assert_eq!(
        DedupKey::of_unreadable("main", b"abc").as_str(),
        "u|main|a9993e364706816aba3e25717850c26c9cd0d89d"
    );
}

#[test]
fn the_same_push_twice_has_one_key() {
    assert_eq!(key(&text("oUser", "1")), key(&text("oUser", "1")));
    assert_eq!(
        key(&event("CLICK", "<EventKey>k</EventKey>")),
        key(&event("click", "<EventKey>k</EventKey>"))
    );
    // Whatever else has changed in the body: the id decides.
    assert_eq!(key(&text("oUser", "1")), key(&text("oUser", "1").replace("<Content>x", "<Content>y")));
}

#[test]
fn two_users_with_one_msgid_and_two_accounts_differ() {
    assert_ne!(key(&text("oUser1", "1")), key(&text("oUser2", "1")));
    let body = text("oUser", "1");
    let message = Message::parse(body.as_bytes()).unwrap();
    assert_ne!(message.dedup_key("main", b""), message.dedup_key("other", b""));
}

#[test]
fn events_of_one_second_differ_by_whatever_tells_them_apart() {
    let bodies = [
        event("CLICK", ""),
        event("CLICK", "<EventKey>a</EventKey>"),
        event("CLICK", "<EventKey>b</EventKey>"),
        event("VIEW", "<EventKey>a</EventKey>"),
        event("user_get_card", "<UserCardCode>1</UserCardCode>"),
        event("user_get_card", "<UserCardCode>2</UserCardCode>"),
        event("SCAN", "<EventKey>a</EventKey><Ticket>1</Ticket>"),
        event("SCAN", "<EventKey>a</EventKey><Ticket>2</Ticket>"),
        event("TEMPLATESENDJOBFINISH", "<MsgID>1</MsgID>"),
        event("TEMPLATESENDJOBFINISH", "<MsgID>2</MsgID>"),
        event("CLICK", "<EventKey>a</EventKey>").replace("1718000010", "1718000011"),
    ];
    let keys: HashSet<DedupKey> = bodies.iter().map(|body| key(body)).collect();
    assert_eq!(keys.len(), bodies.len());
}

#[test]
fn the_key_of_an_event_that_only_reports_ends_with_a_digest_of_the_rest() {
    // Golden: another version of this program must not take a retry for a new event.
    assert_eq!(
        key(&event("kf_create_session", "<KfAccount>a@b</KfAccount>")).as_str(),
        "e|main|gh_a|oUser|1718000010|kf_create_session|||||gvh6bnMq3YPxpCfQC1JGTw"
    );
    assert_eq!(key(&event("ENTER", "")).as_str(), "e|main|gh_a|oUser|1718000010|enter||||");
}

#[test]
fn reports_of_one_second_differ_by_whatever_stands_in_them() {
    let list = |name: &str, inside: &str| format!("<{name}><List>{inside}</List></{name}>");
    let pictures = |md5: &str| {
        format!(
            "<EventKey>6</EventKey><SendPicsInfo><PicList><item><PicMd5Sum>{md5}</PicMd5Sum></item></PicList></SendPicsInfo>"
        )
    };
    let pairs = [
        (
            "subscribe_msg_sent_event",
            list("SubscribeMsgSentEvent", "<MsgID>1</MsgID>"),
            list("SubscribeMsgSentEvent", "<MsgID>2</MsgID>"),
        ),
        (
            "subscribe_msg_popup_event",
            list("SubscribeMsgPopupEvent", "<TemplateId>1</TemplateId>"),
            list("SubscribeMsgPopupEvent", "<TemplateId>2</TemplateId>"),
        ),
        (
            "subscribe_msg_sent_event",
            "<List><MsgID>1</MsgID></List>".into(),
            "<List><MsgID>1</MsgID></List><List><MsgID>2</MsgID></List>".into(),
        ),
        ("pic_weixin", pictures("a"), pictures("b")),
        ("LOCATION", "<Latitude>1</Latitude>".into(), "<Latitude>2</Latitude>".into()),
        ("LOCATION", "<Latitude>1</Latitude>".into(), "<Longitude>1</Longitude>".into()),
        (
            "kf_switch_session",
            "<ToKfAccount>a@b</ToKfAccount>".into(),
            "<ToKfAccount>c@b</ToKfAccount>".into(),
        ),
        (
            "PUBLISHJOBFINISH",
            "<PublishEventInfo><publish_id>1</publish_id></PublishEventInfo>".into(),
            "<PublishEventInfo><publish_id>2</publish_id></PublishEventInfo>".into(),
        ),
        ("card_pass_check", "<CardId>1</CardId>".into(), "<CardId>2</CardId>".into()),
        ("wxa_media_check", "<trace_id>1</trace_id>".into(), "<trace_id>2</trace_id>".into()),
        (
            "view_miniprogram",
            "<EventKey>p</EventKey><MenuId>1</MenuId>".into(),
            "<EventKey>p</EventKey><MenuId>2</MenuId>".into(),
        ),
        ("never_heard_of", "<a><b>1</b></a>".into(), "<a/><b>1</b>".into()),
        ("never_heard_of", "<a>1</a><a>2</a>".into(), "<a>2</a><a>1</a>".into()),
    ];
    for (name, one, other) in pairs {
        assert_ne!(key(&event(name, &one)), key(&event(name, &other)), "{name} {one}");
        assert_eq!(key(&event(name, &one)), key(&event(name, &one)), "{name} {one}");
    }
}

#[test]
fn what_a_try_may_write_differently_does_not_make_a_report_another() {
    let first = event("never_heard_of", "<a><c>1</c><d>2</d></a><b>3</b>");
    for second in [
        event("Never_Heard_Of", "<b><![CDATA[3]]></b>\n<a>\n<d> <![CDATA[2]]> </d><c>1</c></a>"),
        event("never_heard_of", "<a><c>1</c><d>2</d></a><b>3</b><Encrypt>new</Encrypt>"),
        r#"{"ToUserName":"gh_a","FromUserName":"oUser","CreateTime":1718000010,"MsgType":"event",
            "Event":"never_heard_of","b":3,"a":{"c":"1","d":2}}"#
            .to_owned(),
    ] {
        assert_eq!(key(&first), key(&second), "{second}");
    }
}

#[test]
fn an_event_that_is_answered_is_one_whatever_a_try_adds() {
    for name in ["subscribe", "unsubscribe", "SCAN", "CLICK", "scancode_waitmsg", "scancode_push"] {
        let once = "<EventKey>6</EventKey>";
        assert_eq!(key(&event(name, once)), key(&event(name, &format!("{once}<Try>2</Try>"))), "{name}");
    }
    let scanned = |result: &str, rest: &str| {
        let info = format!("<ScanCodeInfo><ScanResult>{result}</ScanResult></ScanCodeInfo>");
        key(&event("scancode_push", &format!("<EventKey>6</EventKey>{info}{rest}")))
    };
    assert_eq!(scanned("1", ""), scanned("1", "<Try>2</Try>"));
    assert_ne!(scanned("1", ""), scanned("2", ""));
}

#[test]
fn numbers_stay_strings() {
    // As a double, both would be 9007199254740992; as an integer, the leading zero would go.
    assert_ne!(key(&text("oUser", "9007199254740992")), key(&text("oUser", "9007199254740993")));
    assert_ne!(key(&text("oUser", "1")), key(&text("oUser", "01")));
    assert_ne!(key(&text("oUser", "49d7_1555684067")), key(&text("oUser", "49d7_1555684068")));
}

#[test]
fn without_an_id_the_body_decides() {
    let a = text("oUser", "");
    let b = a.replace("<Content>x", "<Content>y");
    assert!(key(&a).as_str().starts_with("h|main|oUser|1718000010|text|"));
    assert_eq!(key(&a), key(&a));
    assert_ne!(key(&a), key(&b));
    assert_ne!(DedupKey::of_unreadable("main", b"{"), DedupKey::of_unreadable("main", b"["));
}

#[test]
fn a_bar_in_a_field_does_not_collide() {
    assert_ne!(
        key(&event("CLICK", "<EventKey>a|b</EventKey>")),
        key(&event("CLICK", "<EventKey>a</EventKey><MsgID>b</MsgID>"))
    );
    assert_ne!(key(&text("o|u", "1")), key(&text("o\\|u", "1")));
    assert_ne!(key(&text("o\\", "1")), key(&text("o\\\\", "1")));
}

#[test]
fn a_long_field_is_told_apart_and_makes_no_long_key() {
    let long =
        |end: &str| key(&event("VIEW", &format!("<EventKey>http://x/{}{end}</EventKey>", "a".repeat(4000))));
    assert_ne!(long("1"), long("2"));
    assert!(long("1").as_str().len() < 100);
    // A field that looks like the digest of another isn't taken for it.
    let digest = long("1").as_str().split('|').find(|f| f.starts_with('~')).unwrap().to_owned();
    assert_ne!(key(&event("VIEW", &format!("<EventKey>{digest}</EventKey>"))), long("1"));
}

#[test]
fn the_opaque_id_is_short_and_holds_no_openid() {
    let key = key(&text("oFakeOpenId_0123456789abcdef", "24801004976846051"));
    let id = key.opaque_id();
    assert_eq!((id.len(), &id[..1]), (23, "m"));
    assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
    let debug = format!("{key:?}");
    for part in ["oFake", "gh_a", "24801004976846051"] {
        assert!(!id.contains(part) && !debug.contains(part));
    }
    assert_eq!(id, key.opaque_id());
}

proptest! {
    #[test]
    fn two_different_tuples_never_make_one_key(
        a in prop::array::uniform3("[a|~\\\\]{0,4}"),
        b in prop::array::uniform3("[a|~\\\\]{0,4}"),
    ) {
        let of = |[x, y, z]: &[String; 3]| key(&event("CLICK", &format!(
            "<EventKey>{x}</EventKey><UserCardCode>{y}</UserCardCode><Ticket>{z}</Ticket>"
        )));
        prop_assert_eq!(of(&a) == of(&b), a == b);
    }
}
