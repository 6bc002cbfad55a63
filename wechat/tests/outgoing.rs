//! What is sent: WeChat's JSON of every type, and the flat form that replies are written in and recorded as.

use huixin_wechat::{Article, Content, Media, MediaKind, MenuItem, Outgoing, Unsendable};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Every type: the message, WeChat's documented JSON of it, and its flat form.
fn rows() -> Vec<(Content, &'static str, Value)> {
    let id = |id: &str| Media::Id(id.to_owned());
    let answer = |id: &str, content: &str| MenuItem { id: id.to_owned(), content: content.to_owned() };
    let s = str::to_owned;
    vec![
        (
            Content::Text { content: s("Hello") },
            r#"{"touser":"OPENID","msgtype":"text","text":{"content":"Hello"}}"#,
            json!({"type": "text", "content": "Hello"}),
        ),
        (
            Content::Image { media: id("MEDIA_ID") },
            r#"{"touser":"OPENID","msgtype":"image","image":{"media_id":"MEDIA_ID"}}"#,
            json!({"type": "image", "media_id": "MEDIA_ID"}),
        ),
        (
            Content::Voice { media: id("MEDIA_ID") },
            r#"{"touser":"OPENID","msgtype":"voice","voice":{"media_id":"MEDIA_ID"}}"#,
            json!({"type": "voice", "media_id": "MEDIA_ID"}),
        ),
        (
            Content::Video { media: id("M"), thumb: id("T"), title: s("t"), description: s("d") },
            r#"{"touser":"OPENID","msgtype":"video","video":{"media_id":"M","thumb_media_id":"T","title":"t","description":"d"}}"#,
            json!({"type": "video", "media_id": "M", "thumb_media_id": "T", "title": "t", "description": "d"}),
        ),
        (
            Content::Music {
                title: s("t"),
                description: s("d"),
                musicurl: s("U"),
                hqmusicurl: s("HU"),
                thumb: id("T"),
            },
            r#"{"touser":"OPENID","msgtype":"music","music":{"title":"t","description":"d","musicurl":"U","hqmusicurl":"HU","thumb_media_id":"T"}}"#,
            json!({"type": "music", "title": "t", "description": "d", "musicurl": "U", "hqmusicurl": "HU", "thumb_media_id": "T"}),
        ),
        (
            Content::News {
                articles: vec![Article { title: s("t"), description: s("d"), url: s("U"), picurl: s("P") }],
            },
            r#"{"touser":"OPENID","msgtype":"news","news":{"articles":[{"title":"t","description":"d","url":"U","picurl":"P"}]}}"#,
            json!({"type": "news", "articles": [{"title": "t", "description": "d", "url": "U", "picurl": "P"}]}),
        ),
        (
            Content::Mpnews { media_id: s("MEDIA_ID") },
            r#"{"touser":"OPENID","msgtype":"mpnews","mpnews":{"media_id":"MEDIA_ID"}}"#,
            json!({"type": "mpnews", "media_id": "MEDIA_ID"}),
        ),
        (
            Content::MpnewsArticle { article_id: s("ARTICLE_ID") },
            r#"{"touser":"OPENID","msgtype":"mpnewsarticle","mpnewsarticle":{"article_id":"ARTICLE_ID"}}"#,
            json!({"type": "mpnewsarticle", "article_id": "ARTICLE_ID"}),
        ),
        (
            Content::MsgMenu {
                head_content: s("h"),
                list: vec![answer("101", "yes"), answer("102", "no")],
                tail_content: s("t"),
            },
            r#"{"touser":"OPENID","msgtype":"msgmenu","msgmenu":{"head_content":"h","list":[{"id":"101","content":"yes"},{"id":"102","content":"no"}],"tail_content":"t"}}"#,
            json!({
                "type": "msgmenu",
                "head_content": "h",
                "list": [{"id": "101", "content": "yes"}, {"id": "102", "content": "no"}],
                "tail_content": "t",
            }),
        ),
        (
            Content::WxCard { card_id: s("CARD_ID") },
            r#"{"touser":"OPENID","msgtype":"wxcard","wxcard":{"card_id":"CARD_ID"}}"#,
            json!({"type": "wxcard", "card_id": "CARD_ID"}),
        ),
        (
            Content::MiniProgramPage {
                title: s("t"),
                appid: s("APPID"),
                pagepath: s("pages/index/index?foo=bar"),
                thumb: id("T"),
            },
            r#"{"touser":"OPENID","msgtype":"miniprogrampage","miniprogrampage":{"title":"t","appid":"APPID","pagepath":"pages/index/index?foo=bar","thumb_media_id":"T"}}"#,
            json!({
                "type": "miniprogrampage", "title": "t", "appid": "APPID", "pagepath": "pages/index/index?foo=bar",
                "thumb_media_id": "T",
            }),
        ),
        (
            Content::Link { title: s("t"), description: s("d"), url: s("U"), thumb_url: s("TU") },
            r#"{"touser":"OPENID","msgtype":"link","link":{"title":"t","description":"d","url":"U","thumb_url":"TU"}}"#,
            json!({"type": "link", "title": "t", "description": "d", "url": "U", "thumb_url": "TU"}),
        ),
    ]
}

fn written(message: &Outgoing) -> Value {
    serde_json::from_str(&message.to_json("OPENID").unwrap()).unwrap()
}

#[test]
fn every_type_is_written_as_in_wechats_documentation() {
    for (content, documented, _) in rows() {
        let documented: Value = serde_json::from_str(documented).unwrap();
        assert_eq!(documented["msgtype"], content.msgtype());
        assert_eq!(written(&content.into()), documented);
    }
}

#[test]
fn the_flat_form_of_every_type_is_read_back() {
    for (content, _, flat) in rows() {
        let message = Outgoing::from(content);
        assert_eq!(serde_json::to_value(&message).unwrap(), flat);
        assert_eq!(serde_json::from_value::<Outgoing>(flat).unwrap(), message);
    }
}

#[test]
fn what_may_be_left_out_is_left_out() {
    let id = |id: &str| Media::Id(id.to_owned());
    let none = String::new;
    let rows = [
        (
            Content::Video { media: id("M"), thumb: id("T"), title: none(), description: none() },
            json!({"media_id": "M", "thumb_media_id": "T"}),
        ),
        (
            Content::MsgMenu {
                head_content: none(),
                list: vec![MenuItem { id: "1".into(), content: "yes".into() }],
                tail_content: none(),
            },
            json!({"list": [{"id": "1", "content": "yes"}]}),
        ),
        (
            Content::Music {
                title: "t".into(),
                description: none(),
                musicurl: "U".into(),
                hqmusicurl: none(),
                thumb: id("T"),
            },
            json!({"title": "t", "description": "", "musicurl": "U", "thumb_media_id": "T"}),
        ),
    ];
    for (content, body) in rows {
        let msgtype = content.msgtype();
        assert_eq!(written(&content.into())[msgtype], body);
    }
}

#[test]
fn the_customer_service_account_and_the_label_stand_beside_the_type() {
    let message = Outgoing { kf_account: Some("test1@kftest".into()), ai_label: true, ..Outgoing::text("x") };
    assert_eq!(
        written(&message),
        json!({
            "touser": "OPENID", "msgtype": "text", "text": {"content": "x"},
            "customservice": {"kf_account": "test1@kftest"}, "aimsgcontext": {"is_ai_msg": 1}
        })
    );
    let flat = json!({"type": "text", "content": "x", "kf_account": "test1@kftest", "ai_label": true});
    assert_eq!(serde_json::to_value(&message).unwrap(), flat);
    assert_eq!(serde_json::from_value::<Outgoing>(flat).unwrap(), message);
}

#[test]
fn media_is_named_with_its_kind_and_must_be_uploaded() {
    let url = |url: &str| Media::Url(url.to_owned());
    let mut video: Outgoing = Content::Video {
        media: url("http://x/film.mp4"),
        thumb: Media::Base64("AAAA".into()),
        title: String::new(),
        description: String::new(),
    }
    .into();
    let flat = json!({"type": "video", "url": "http://x/film.mp4", "thumb_base64": "AAAA"});
    assert_eq!(serde_json::to_value(&video).unwrap(), flat);
    let kinds: Vec<_> = video.media().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [MediaKind::Video, MediaKind::Thumb]);
    assert_eq!(video.to_json("o"), Err(Unsendable::NotUploaded { kind: MediaKind::Video }));
    for (kind, media) in video.media_mut() {
        assert!(!matches!(media, Media::Id(_)));
        *media = Media::Id(format!("ID of the {}", kind.as_str()));
    }
    assert_eq!(
        written(&video)["video"],
        json!({"media_id": "ID of the video", "thumb_media_id": "ID of the thumb"})
    );
}

#[test]
fn a_hand_over_to_a_person_is_recorded_like_any_message_and_never_sent() {
    let to_anna = Outgoing { kf_account: Some("anna@kf".into()), ..Content::Transfer.into() };
    let anna = json!({"type": "transfer_customer_service", "kf_account": "anna@kf"});
    for (message, flat) in
        [(Content::Transfer.into(), json!({"type": "transfer_customer_service"})), (to_anna, anna)]
    {
        assert_eq!(serde_json::to_value(&message).unwrap(), flat);
        assert_eq!(serde_json::from_value::<Outgoing>(flat).unwrap(), message);
        let error = message.to_json("o").unwrap_err();
        assert_eq!(
            error.to_string(),
            "transfer_customer_service can only go out in the response to a push, not by the customer-service API"
        );
    }
}

#[test]
fn every_type_says_which_of_its_media_is_uploaded() {
    let expected = |msgtype| match msgtype {
        "image" | "miniprogrampage" => vec![MediaKind::Image],
        "voice" => vec![MediaKind::Voice],
        "video" => vec![MediaKind::Video, MediaKind::Thumb],
        "music" => vec![MediaKind::Thumb],
        _ => vec![],
    };
    for (mut content, _, _) in rows() {
        let kinds: Vec<_> = content.media().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, expected(content.msgtype()), "{}", content.msgtype());
        let mutable: Vec<_> = content.media_mut().map(|(kind, _)| kind).collect();
        assert_eq!(mutable, kinds);
    }
}

fn media() -> impl Strategy<Value = Media> {
    prop_oneof![
        any::<String>().prop_map(Media::Id),
        any::<String>().prop_map(Media::Url),
        any::<String>().prop_map(Media::File),
        any::<String>().prop_map(Media::Base64),
    ]
}

fn content() -> impl Strategy<Value = Content> {
    let text = any::<String>;
    let answer = (text(), text()).prop_map(|(id, content)| MenuItem { id, content });
    let article = (text(), text(), text(), text()).prop_map(|(title, description, url, picurl)| Article {
        title,
        description,
        url,
        picurl,
    });
    prop_oneof![
        text().prop_map(|content| Content::Text { content }),
        media().prop_map(|media| Content::Image { media }),
        media().prop_map(|media| Content::Voice { media }),
        (media(), media(), text(), text()).prop_map(|(media, thumb, title, description)| Content::Video {
            media,
            thumb,
            title,
            description
        }),
        (text(), text(), text(), text(), media()).prop_map(
            |(title, description, musicurl, hqmusicurl, thumb)| Content::Music {
                title,
                description,
                musicurl,
                hqmusicurl,
                thumb
            }
        ),
        vec(article, 0..3).prop_map(|articles| Content::News { articles }),
        (text(), vec(answer, 0..3), text()).prop_map(|(head_content, list, tail_content)| Content::MsgMenu {
            head_content,
            list,
            tail_content
        }),
        (text(), text(), text(), media()).prop_map(|(title, appid, pagepath, thumb)| {
            Content::MiniProgramPage { title, appid, pagepath, thumb }
        }),
        (text(), text(), text(), text()).prop_map(|(title, description, url, thumb_url)| Content::Link {
            title,
            description,
            url,
            thumb_url
        }),
    ]
}

proptest! {
    #[test]
    fn any_message_reads_back_as_it_was_recorded(
        content in content(), kf_account in any::<Option<String>>(), ai_label in any::<bool>(),
    ) {
        let message = Outgoing { content, kf_account, ai_label };
        let recorded = serde_json::to_vec(&message).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Outgoing>(&recorded).unwrap(), message);
    }

    #[test]
    fn no_message_is_written_with_a_u_escape(content in content(), kf_account in any::<Option<String>>()) {
        let mut message = Outgoing { content, kf_account, ai_label: false };
        for (_, media) in message.media_mut() {
            *media = Media::Id("m".into());
        }
        let json = message.to_json("o").unwrap();
        // After every `\\` is gone, a `\u` is an escape.
        prop_assert!(!json.replace("\\\\", "").contains("\\u"), "{}", json);
    }
}
