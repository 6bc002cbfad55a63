use huixin_wechat::passive::{Form, NewsItem, PassiveReplyError, Reply, Sealer};
use huixin_wechat::{Message, envelope, xml};

use super::*;

fn reply(form: Form) -> Reply {
    Reply {
        to: "oFakeOpenId_0123456789abcdef".to_owned(),
        from: "gh_0123456789ab".to_owned(),
        created_at: 1_718_000_011,
        to_event: false,
        form,
    }
}

fn said(content: &str) -> Reply {
    reply(Form::Text { content: content.to_owned() })
}

fn s(text: &str) -> String {
    text.to_owned()
}

#[test]
fn the_sealed_replies_of_the_vectors_are_made_exactly() {
    for vector in vectors("reply") {
        let field = |name| text(&vector, name);
        let key = key(field("encoding_aes_key"));
        let sealer = Sealer { token: field("token"), key: &key, app_id: field("appid") };
        let timestamp = field("timestamp").parse().unwrap();
        let made = sealer.seal_with(field("plaintext"), timestamp, field("nonce"), random(&vector));
        assert_eq!(made, field("body"), "{}", field("name"));
        assert!(made.contains(field("encrypt")) && made.contains(field("msg_signature")));
    }
    // RP-1's inside is a reply that this writes.
    assert_eq!(said("收到").to_xml().unwrap(), text(&vectors("reply")[0], "plaintext"));
}

#[test]
fn a_sealed_reply_can_be_opened_by_who_has_the_key() {
    let key = key(KEY);
    let sealer = Sealer { token: TOKEN, key: &key, app_id: APP_ID };
    let plain = said("]]> 😀").to_xml().unwrap();
    let made = sealer.seal(&plain, 1_718_000_011, "738219456");
    let tree = xml::parse(made.as_bytes()).unwrap();
    let encrypt = envelope::encrypt_of(made.as_bytes()).unwrap();
    let expected = sign(&[TOKEN, "1718000011", "738219456", &encrypt]);
    assert_eq!(tree.text_of("MsgSignature"), Some(expected.as_str()));
    assert_eq!(envelope::open(&key, APP_ID, &encrypt).unwrap(), plain.as_bytes());
    assert!(!format!("{sealer:?}").contains(TOKEN));
}

#[test]
fn every_form_is_written_in_the_order_of_the_documentation() {
    let article = |n: &str| NewsItem {
        title: format!("t{n}"),
        description: s("d"),
        pic_url: s("http://p"),
        url: s("http://u?a=1&b=2"),
    };
    let item = |n: &str| {
        format!(
            "<item><Title><![CDATA[t{n}]]></Title><Description><![CDATA[d]]></Description>\
             <PicUrl><![CDATA[http://p]]></PicUrl><Url><![CDATA[http://u?a=1&b=2]]></Url></item>"
        )
    };
    for (form, kind, rest) in [
        (Form::Text { content: s("a\r\nb\rc\u{1}") }, "text", s("<Content><![CDATA[a\nb\nc]]></Content>")),
        (Form::Text { content: s("]]>") }, "text", s("<Content><![CDATA[]]]]><![CDATA[>]]></Content>")),
        (Form::Image { media_id: s("m") }, "image", s("<Image><MediaId><![CDATA[m]]></MediaId></Image>")),
        (Form::Voice { media_id: s("m") }, "voice", s("<Voice><MediaId><![CDATA[m]]></MediaId></Voice>")),
        (
            Form::Video { media_id: s("m"), title: Some(s("t")), description: Some(s("d")) },
            "video",
            s("<Video><MediaId><![CDATA[m]]></MediaId><Title><![CDATA[t]]></Title>\
               <Description><![CDATA[d]]></Description></Video>"),
        ),
        (
            Form::Video { media_id: s("m"), title: None, description: None },
            "video",
            s("<Video><MediaId><![CDATA[m]]></MediaId></Video>"),
        ),
        (
            Form::Music {
                title: Some(s("t")),
                description: Some(s("d")),
                music_url: Some(s("u")),
                hq_music_url: Some(s("h")),
                thumb_media_id: s("m"),
            },
            "music",
            s("<Music><Title><![CDATA[t]]></Title><Description><![CDATA[d]]></Description>\
               <MusicUrl><![CDATA[u]]></MusicUrl><HQMusicUrl><![CDATA[h]]></HQMusicUrl>\
               <ThumbMediaId><![CDATA[m]]></ThumbMediaId></Music>"),
        ),
        (
            Form::News { articles: vec![article("1")] },
            "news",
            format!("<ArticleCount>1</ArticleCount><Articles>{}</Articles>", item("1")),
        ),
        (Form::Transfer { kf_account: None }, "transfer_customer_service", String::new()),
        (
            Form::Transfer { kf_account: Some(s("test1@test")) },
            "transfer_customer_service",
            s("<TransInfo><KfAccount><![CDATA[test1@test]]></KfAccount></TransInfo>"),
        ),
    ] {
        let expected = format!(
            "<xml><ToUserName><![CDATA[oFakeOpenId_0123456789abcdef]]></ToUserName>\
             <FromUserName><![CDATA[gh_0123456789ab]]></FromUserName><CreateTime>1718000011</CreateTime>\
             <MsgType><![CDATA[{kind}]]></MsgType>{rest}</xml>"
        );
        assert_eq!(reply(form).to_xml().unwrap(), expected);
    }
    let many = Form::News { articles: vec![article("1"), article("2")] };
    let many = Reply { to_event: true, ..reply(many) }.to_xml().unwrap();
    let list = format!("<ArticleCount>2</ArticleCount><Articles>{}{}</Articles>", item("1"), item("2"));
    assert!(many.contains(&list), "{many}");
}

#[test]
fn what_wechat_would_not_take_is_an_error_that_names_the_element() {
    let empty = |field| Err(PassiveReplyError::Empty { field });
    let news = |count| Form::News { articles: vec![NewsItem::default(); count] };
    let to_event = |form| Reply { to_event: true, ..reply(form) };
    let music = Form::Music {
        title: None,
        description: None,
        music_url: None,
        hq_music_url: None,
        thumb_media_id: String::new(),
    };
    for (reply, error) in [
        (said(""), empty("Content")),
        (said(" \n\u{1}"), empty("Content")),
        (Reply { to: String::new(), ..said("x") }, empty("ToUserName")),
        (Reply { from: s(" "), ..said("x") }, empty("FromUserName")),
        (reply(Form::Image { media_id: s("") }), empty("MediaId")),
        (reply(Form::Voice { media_id: s("") }), empty("MediaId")),
        (reply(Form::Video { media_id: s(""), title: None, description: None }), empty("MediaId")),
        (reply(music), empty("ThumbMediaId")),
        (reply(Form::Transfer { kf_account: Some(s("")) }), empty("KfAccount")),
        (
            said(&"你".repeat(683)),
            Err(PassiveReplyError::TooLong { field: "Content", bytes: 2049, limit: 2047 }),
        ),
        (
            said(&"a".repeat(2048)),
            Err(PassiveReplyError::TooLong { field: "Content", bytes: 2048, limit: 2047 }),
        ),
        (reply(news(0)), empty("Articles")),
        (reply(news(2)), Err(PassiveReplyError::TooMany { field: "Articles", count: 2, limit: 1 })),
        (to_event(news(9)), Err(PassiveReplyError::TooMany { field: "Articles", count: 9, limit: 8 })),
    ] {
        assert_eq!(reply.to_xml(), error.map(|()| String::new()), "{reply:?}");
    }
    assert!(said(&"a".repeat(2047)).to_xml().is_ok());
    assert!(said(&format!("{}\u{1}", "a".repeat(2047))).to_xml().is_ok(), "what isn't sent isn't counted");
    assert!(to_event(news(8)).to_xml().is_ok());
}

#[test]
fn a_reply_to_a_message_goes_back_to_its_sender() {
    let body =
        "<xml><ToUserName>gh_a</ToUserName><FromUserName>oA</FromUserName><MsgType>event</MsgType></xml>";
    let message = Message::parse(body.as_bytes()).unwrap();
    let reply = Reply::to(&message, 1, Form::Transfer { kf_account: None });
    assert_eq!((reply.to.as_str(), reply.from.as_str(), reply.to_event), ("oA", "gh_a", true));
}
