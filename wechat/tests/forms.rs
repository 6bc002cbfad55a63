//! The forms of a push's response: how they are stored, what becomes one, and a link below a text.

use huixin_wechat::passive::{Form, NewsItem, NoForm, PassiveReplyError, Reply};
use huixin_wechat::{Article, Content, Media, MediaKind, MenuItem, Outgoing};
use serde_json::{Value, json};

fn s(text: &str) -> String {
    text.to_owned()
}

fn id(id: &str) -> Media {
    Media::Id(s(id))
}

fn text(content: &str) -> Form {
    Form::Text { content: s(content) }
}

/// Every form as a message to a user, and as it is stored.
fn rows() -> Vec<(Outgoing, Form, Value)> {
    let article = Article { title: s("t"), description: s("d"), url: s("http://u"), picurl: s("http://p") };
    let item = NewsItem { title: s("t"), description: s("d"), pic_url: s("http://p"), url: s("http://u") };
    vec![
        (Outgoing::text("你好\n"), text("你好\n"), json!({"type": "text", "content": "你好\n"})),
        (
            Content::Image { media: id("m") }.into(),
            Form::Image { media_id: s("m") },
            json!({"type": "image", "media_id": "m"}),
        ),
        (
            Content::Voice { media: id("m") }.into(),
            Form::Voice { media_id: s("m") },
            json!({"type": "voice", "media_id": "m"}),
        ),
        (
            // The picture of a film has no place in a response.
            Content::Video {
                media: id("m"),
                thumb: Media::Url(s("http://t")),
                title: s("t"),
                description: s("d"),
            }
            .into(),
            Form::Video { media_id: s("m"), title: Some(s("t")), description: Some(s("d")) },
            json!({"type": "video", "media_id": "m", "title": "t", "description": "d"}),
        ),
        (
            Content::Music {
                title: s("t"),
                description: s("d"),
                musicurl: s("http://m"),
                hqmusicurl: s("http://h"),
                thumb: id("i"),
            }
            .into(),
            Form::Music {
                title: Some(s("t")),
                description: Some(s("d")),
                music_url: Some(s("http://m")),
                hq_music_url: Some(s("http://h")),
                thumb_media_id: s("i"),
            },
            json!({
                "type": "music", "title": "t", "description": "d", "music_url": "http://m",
                "hq_music_url": "http://h", "thumb_media_id": "i"
            }),
        ),
        (
            Content::News { articles: vec![article] }.into(),
            Form::News { articles: vec![item] },
            json!({
                "type": "news",
                "articles": [{"title": "t", "description": "d", "pic_url": "http://p", "url": "http://u"}]
            }),
        ),
        (
            Outgoing { kf_account: Some(s("a@b")), ..Content::Transfer.into() },
            Form::Transfer { kf_account: Some(s("a@b")) },
            json!({"type": "transfer_customer_service", "kf_account": "a@b"}),
        ),
    ]
}

#[test]
fn every_form_is_stored_in_the_json_that_other_versions_read() {
    for (_, form, stored) in rows() {
        assert_eq!(serde_json::to_value(&form).unwrap(), stored);
        assert_eq!(stored["type"], form.msgtype());
        let mut newer = stored;
        newer["since_the_next_version"] = json!({"x": [1]});
        assert_eq!(serde_json::from_value::<Form>(newer).unwrap(), form);
    }
}

#[test]
fn what_a_stored_form_may_leave_out_may_be_missing() {
    let video = Form::Video { media_id: s("m"), title: None, description: None };
    let music = Form::Music {
        title: None,
        description: None,
        music_url: None,
        hq_music_url: None,
        thumb_media_id: s("i"),
    };
    for (form, stored) in [
        (video, json!({"type": "video", "media_id": "m"})),
        (music, json!({"type": "music", "thumb_media_id": "i"})),
        (Form::Transfer { kf_account: None }, json!({"type": "transfer_customer_service"})),
    ] {
        assert_eq!(serde_json::to_value(&form).unwrap(), stored);
        assert_eq!(serde_json::from_value::<Form>(stored).unwrap(), form);
    }
    let item = json!({"type": "news", "articles": [{"more": 1}]});
    let news = Form::News { articles: vec![NewsItem::default()] };
    assert_eq!(serde_json::from_value::<Form>(item).unwrap(), news);
    assert!(serde_json::from_value::<Form>(json!({"type": "text"})).is_err());
    assert!(serde_json::from_value::<Form>(json!({"type": "of the next version"})).is_err());
}

#[test]
fn every_form_is_made_of_the_message_of_its_type() {
    for (message, form, _) in rows() {
        assert_eq!(Form::from_outgoing(&message, false), Ok(form));
    }
    let bare = Content::Video { media: id("m"), thumb: id("t"), title: s(""), description: s("") };
    let form = Form::Video { media_id: s("m"), title: None, description: None };
    assert_eq!(Form::from_outgoing(&bare.into(), false), Ok(form));
    let anyone = Form::Transfer { kf_account: None };
    assert_eq!(Form::from_outgoing(&Content::Transfer.into(), false), Ok(anyone));
    let news = |count| Content::News { articles: vec![Article::default(); count] }.into();
    assert!(Form::from_outgoing(&news(2), true).is_ok(), "to an event");
    let many = PassiveReplyError::TooMany { field: "Articles", count: 2, limit: 1 };
    assert_eq!(Form::from_outgoing(&news(2), false), Err(NoForm::Refused(many)));
}

#[test]
fn what_no_response_can_carry_is_refused_with_what_it_can() {
    let (url, file, base64) = (Media::Url(s("http://x")), Media::File(s("f")), Media::Base64(s("AAAA")));
    let music = Content::Music {
        title: s("t"),
        description: s("d"),
        musicurl: s("http://m"),
        hqmusicurl: s(""),
        thumb: base64.clone(),
    };
    let film = Content::Video { media: file, thumb: id("t"), title: s(""), description: s("") };
    for (content, kind) in [
        (Content::Image { media: url.clone() }, MediaKind::Image),
        (Content::Voice { media: base64 }, MediaKind::Voice),
        (film, MediaKind::Video),
        (music, MediaKind::Thumb),
    ] {
        assert_eq!(Form::from_outgoing(&content.into(), false), Err(NoForm::NotUploaded { kind }));
    }
    let image = NoForm::NotUploaded { kind: MediaKind::Image }.to_string();
    assert_eq!(
        image,
        "its image is not with WeChat; in the response to a push it must be given as `media_id`"
    );
    assert!(NoForm::NotUploaded { kind: MediaKind::Thumb }.to_string().ends_with("`thumb_media_id`"));

    let page = Content::MiniProgramPage { title: s("t"), appid: s("a"), pagepath: s("p"), thumb: id("t") };
    let menu = Content::MsgMenu {
        head_content: s(""),
        list: vec![MenuItem { id: s("1"), content: s("c") }],
        tail_content: s(""),
    };
    for content in [
        Content::Mpnews { media_id: s("m") },
        Content::MpnewsArticle { article_id: s("a") },
        menu,
        Content::WxCard { card_id: s("c") },
        page,
        Content::Link { title: s("t"), description: s("d"), url: s("http://u"), thumb_url: s("http://t") },
    ] {
        let kind = content.msgtype();
        assert_eq!(Form::from_outgoing(&content.into(), true), Err(NoForm::Kind { kind }));
    }
    assert_eq!(
        NoForm::Kind { kind: "wxcard" }.to_string(),
        "a reply of type wxcard can't go out in the response to a push; these can: text, image, voice, video, music, \
         news, transfer_customer_service"
    );
    let empty = Form::from_outgoing(&Outgoing::text(" "), false).unwrap_err();
    assert_eq!(empty.to_string(), "it can't go out in the response to a push: Content must not be empty");
}

#[test]
fn a_label_becomes_a_line_of_the_text_and_an_agent_is_left_out() {
    let labelled =
        |content: &str| Outgoing { ai_label: true, kf_account: Some(s("a@b")), ..Outgoing::text(content) };
    let room = Reply::MOST_TEXT_BYTES - Form::MOST_LABEL_BYTES;
    let form = Form::from_outgoing(&labelled("x"), false);
    assert_eq!(form, Ok(text("x\n内容由第三方AI生成")));
    let full = Form::from_outgoing(&labelled(&"a".repeat(room)), false).unwrap();
    assert!(matches!(full, Form::Text { content } if content.len() == Reply::MOST_TEXT_BYTES));
    let error = Form::from_outgoing(&labelled(&"a".repeat(room + 1)), false);
    assert!(matches!(error, Err(NoForm::Refused(PassiveReplyError::TooLong { .. }))), "{error:?}");
    let image = Outgoing { ai_label: true, ..Content::Image { media: id("m") }.into() };
    assert_eq!(Form::from_outgoing(&image, false), Ok(Form::Image { media_id: s("m") }));
}

#[test]
fn a_link_stands_below_a_text_where_there_is_room_for_it() {
    let link = "<a href=\"weixin://bizmsgmenu?msgmenucontent=%E7%BB%A7%E7%BB%AD&msgmenuid=1\">继续</a>";
    assert_eq!(text("答案").with_link(link), text(&format!("答案\n{link}")));
    let room = Reply::MOST_TEXT_BYTES - link.len() - 1;
    let fits = text(&"a".repeat(room)).with_link(link);
    assert!(matches!(&fits, Form::Text { content } if content.len() == 2047 && content.ends_with(link)));
    assert_eq!(fits.check(false), Ok(()));
    let full = text(&"a".repeat(room + 1));
    assert_eq!(full.clone().with_link(link), full);
    // What isn't sent isn't counted.
    let unsent = text(&format!("{}\u{1}", "a".repeat(room))).with_link(link);
    assert_eq!(unsent.check(false), Ok(()));
    for (_, form, _) in rows().into_iter().skip(1) {
        assert_eq!(form.clone().with_link(link), form);
    }
}
