//! The schema in rows: what is read, what is refused and how it is reported.

use huixin_wechat::{Article, Content, Media, MenuItem, Outgoing};
use serde_json::{Value, json};

use super::*;

fn text(content: &str) -> Outgoing {
    Outgoing::text(content)
}

fn refusal(value: &Value, origin: ReplyOrigin) -> String {
    match parse(value, origin) {
        Err(error) => error.to_string(),
        Ok(parts) => panic!("{value} was read as {parts:?}"),
    }
}

/// One reply of every type as WeChat's fields have it, media with WeChat.
fn every_type() -> [Value; 13] {
    [
        json!({"type": "text", "content": "c"}),
        json!({"type": "image", "media_id": "m"}),
        json!({"type": "voice", "media_id": "m"}),
        json!({"type": "video", "media_id": "m", "thumb_media_id": "t", "title": "t", "description": "d"}),
        json!({
            "type": "music", "title": "t", "description": "d", "musicurl": "http://x/a", "hqmusicurl": "http://x/b",
            "thumb_media_id": "t"
        }),
        json!({
            "type": "news",
            "articles": [{"title": "t", "description": "d", "url": "http://x/", "picurl": "http://x/p"}]
        }),
        json!({"type": "mpnews", "media_id": "m"}),
        json!({"type": "mpnewsarticle", "article_id": "a"}),
        json!({
            "type": "msgmenu", "head_content": "h", "list": [{"id": "1", "content": "yes"}], "tail_content": "t"
        }),
        json!({"type": "wxcard", "card_id": "c"}),
        json!({"type": "miniprogrampage", "title": "t", "appid": "wx1", "pagepath": "p", "thumb_media_id": "t"}),
        json!({"type": "link", "title": "t", "description": "d", "url": "http://x/", "thumb_url": "http://x/p"}),
        json!({"type": "transfer_customer_service"}),
    ]
}

#[test]
fn strings_objects_and_lists_are_replies() {
    let rows = [
        (json!("hello"), vec![text("hello")]),
        (json!("  \n hello \t"), vec![text("hello")]),
        (json!(""), vec![]),
        (json!(null), vec![]),
        (json!([]), vec![]),
        (json!(["a", " ", {"type": "text", "content": "b"}]), vec![text("a"), text("b")]),
    ];
    for (value, expected) in rows {
        assert_eq!(parse(&value, ReplyOrigin::Service), Ok(expected), "{value}");
    }
}

#[test]
fn every_type_is_read_as_it_is_recorded() {
    for value in every_type() {
        for origin in [ReplyOrigin::Service, ReplyOrigin::Config] {
            let read = parse(&value, origin).unwrap();
            assert_eq!(json!(read), json!([value]));
        }
    }
}

#[test]
fn what_may_be_left_out_may_also_be_null() {
    let video = Content::Video {
        media: Media::Url("https://x/a.mp4".into()),
        thumb: Media::Base64("AAAA".into()),
        title: String::new(),
        description: String::new(),
    };
    let news = Content::News {
        articles: vec![Article { title: "t".into(), url: "http://x/".into(), ..Article::default() }],
    };
    let menu = Content::MsgMenu {
        head_content: String::new(),
        list: vec![MenuItem { id: "1".into(), content: "yes".into() }],
        tail_content: String::new(),
    };
    let rows = [
        (json!({"type": "video", "url": "https://x/a.mp4", "thumb_base64": "AAAA"}), video.clone()),
        (
            json!({
                "type": "video", "url": "https://x/a.mp4", "media_id": null, "thumb_base64": "AAAA", "title": null,
                "kf_account": null, "ai_label": null
            }),
            video,
        ),
        (json!({"type": "news", "title": "t", "url": "http://x/"}), news.clone()),
        (json!({"type": "news", "title": "t", "url": "http://x/", "articles": null, "picurl": ""}), news),
        (json!({"type": "msgmenu", "list": [{"id": "1", "content": "yes"}]}), menu),
    ];
    for (value, expected) in rows {
        assert_eq!(parse(&value, ReplyOrigin::Service), Ok(vec![expected.into()]), "{value}");
    }
}

#[test]
fn the_account_that_speaks_and_the_label_stand_beside_any_type() {
    for mut value in every_type() {
        value["kf_account"] = json!("test1@kftest");
        value["ai_label"] = json!(true);
        let [part] = &parse(&value, ReplyOrigin::Service).unwrap()[..] else { panic!("one reply") };
        assert_eq!((part.kf_account.as_deref(), part.ai_label), (Some("test1@kftest"), true));
    }
}

#[test]
fn a_hand_over_to_a_person_is_found_among_replies() {
    let transfer = json!({"type": "transfer_customer_service", "kf_account": "a@b"});
    assert!(has_transfer(&transfer) && has_transfer(&json!(["a", transfer])));
    for other in [json!("transfer_customer_service"), json!(null), json!(["a", {"type": "text"}]), json!({})]
    {
        assert!(!has_transfer(&other), "{other}");
    }
}

#[test]
fn only_the_configuration_may_name_files() {
    let image = json!({"type": "image", "file": "/etc/passwd"});
    let video = json!({"type": "video", "media_id": "m", "thumb_file": "t.jpg"});
    assert_eq!(
        parse(&image, ReplyOrigin::Config),
        Ok(vec![Content::Image { media: Media::File("/etc/passwd".into()) }.into()])
    );
    assert!(parse(&video, ReplyOrigin::Config).is_ok());
    assert_eq!(
        refusal(&json!(["a", image]), ReplyOrigin::Service),
        "reply 2: `file` names a file on the worker's machine, which only its configuration may do; give one of \
         media_id, url, base64"
    );
    assert!(
        refusal(&video, ReplyOrigin::Service)
            .starts_with("reply: `thumb_file` names a file on the worker's machine")
    );
}

#[test]
fn what_breaks_the_schema_is_named_with_its_remedy() {
    let types = "text, image, voice, video, music, news, mpnews, mpnewsarticle, msgmenu, wxcard, miniprogrampage, link";
    let rows = [
        (json!(7), "reply: must be a text or an object, and is a number"),
        (json!([["a"]]), "reply 1: must be a text or an object, and is a list"),
        (
            json!({"content": "x"}),
            &format!("reply: `type` is missing; give {types} or transfer_customer_service"),
        ),
        (json!({"type": 5}), "reply: `type` must be a text, and is a number"),
        (
            json!({"type": "txt"}),
            &format!("reply: `type` is \"txt\"; known are {types} and transfer_customer_service"),
        ),
        (
            json!({"type": "x".repeat(99)}),
            &format!(
                "reply: `type` is \"xxxxxxxxxxxxxxxxxxxxxxxx\"; known are {types} and transfer_customer_service"
            ),
        ),
        (json!(["a", {"type": "text"}]), "reply 2: `content` is missing; give it as a text"),
        (json!({"type": "text", "content": 5}), "reply: `content` must be a text, and is a number"),
        (
            json!({"type": "text", "content": "a", "ai_label": "yes"}),
            "reply: `ai_label` must be true or false, and is a text",
        ),
        (
            json!({"type": "text", "content": "a", "kf_account": " "}),
            "reply: `kf_account` is empty, but WeChat requires a value",
        ),
        (
            json!(["a", {"type": "image"}]),
            "reply 2: `media_id` is missing; give one of media_id, url, base64",
        ),
        (json!({"type": "image", "media_id": ""}), "reply: `media_id` is empty, but WeChat requires a value"),
        (
            json!({"type": "image", "mediaid": "x"}),
            "reply: `mediaid` is not a field of type image; those are type, media_id, url, base64, kf_account, ai_label",
        ),
        (
            json!({"type": "voice", "media_id": "m", "url": "http://x/"}),
            "reply: `media_id` and `url` are both given; give one of them",
        ),
        (
            json!({"type": "video", "media_id": "m"}),
            "reply: `thumb_media_id` is missing; give one of thumb_media_id, thumb_url, thumb_base64",
        ),
        (
            json!({"type": "image", "url": "ftp://x/"}),
            "reply: `url` is not an http or https address; give a full one, with spaces as %20",
        ),
        (
            json!({"type": "image", "base64": "not base64!"}),
            "reply: `base64` is not base64: Invalid symbol 33, offset 9.; give it in the standard alphabet, or as a `data:` URL",
        ),
        (
            json!({"type": "image", "base64": "data:image/png;base64"}),
            "reply: `base64` is a `data:` URL without a comma; give it in the standard alphabet, or as a `data:` URL",
        ),
        (json!({"type": "news", "title": "t"}), "reply: `url` is missing; give it as a text"),
        (
            json!({"type": "news", "title": "t", "url": "/page"}),
            "reply: `url` is not an http or https address; give a full one, with spaces as %20",
        ),
        (
            json!({"type": "news", "articles": []}),
            "reply: `articles` has 0, and WeChat takes exactly one; give a reply of type news for each",
        ),
        (
            json!({"type": "news", "articles": [{"title": "t", "urll": "http://x/"}]}),
            "reply, `articles` 1: `urll` is not a field of an article; those are title, description, url, picurl",
        ),
        (
            json!({"type": "news", "title": "t", "articles": [{"title": "t", "url": "http://x/"}]}),
            "reply: `title` is not a field of type news; those are type, articles, kf_account, ai_label",
        ),
        (json!({"type": "msgmenu"}), "reply: `list` is missing; give it as a list"),
        (json!({"type": "msgmenu", "list": []}), "reply: `list` is empty; give at least one answer to tap"),
        (
            json!(["a", {"type": "msgmenu", "list": [{"id": "1", "content": "a"}, {"id": 2, "content": "b"}]}]),
            "reply 2, `list` 2: `id` must be a text, and is a number",
        ),
        (json!({"type": "msgmenu", "list": ["a"]}), "reply, `list` 1: must be an object, and is a text"),
        (
            json!({"type": "msgmenu", "list": [{"id": "1", "content": ""}]}),
            "reply, `list` 1: `content` is empty, but WeChat requires a value",
        ),
        (
            json!({"type": "transfer_customer_service", "content": "a"}),
            "reply: `content` is not a field of type transfer_customer_service; those are type, kf_account, ai_label",
        ),
        (
            json!({"type": "transfer_customer_service", "kf_account": ""}),
            "reply: `kf_account` is empty, but WeChat requires a value",
        ),
        (json!({"type": "mpnews", "url": "http://x/"}), {
            "reply: `url` is not a field of type mpnews; those are type, media_id, kf_account, ai_label"
        }),
    ];
    for (value, expected) in rows {
        assert_eq!(refusal(&value, ReplyOrigin::Service), expected);
    }
}

#[test]
fn no_required_field_may_be_missing_or_empty() {
    let optional =
        ["title of video", "description of video", "hqmusicurl of music", "head_content of msgmenu"];
    let mut refused = 0;
    for whole in every_type() {
        let kind = whole["type"].as_str().unwrap();
        for name in whole.as_object().unwrap().keys() {
            let may = optional.contains(&format!("{name} of {kind}").as_str()) || name == "tail_content";
            let mut without = whole.clone();
            without.as_object_mut().unwrap().remove(name);
            assert_eq!(parse(&without, ReplyOrigin::Service).is_ok(), may, "{without}");
            let mut empty = whole.clone();
            empty[name] = if whole[name].is_array() { json!([]) } else { json!("") };
            // An empty text is a reply that is left out.
            assert_eq!(parse(&empty, ReplyOrigin::Service).is_ok(), may || name == "content", "{empty}");
            refused += usize::from(!may);
        }
    }
    assert!(refused > 30, "{refused}");
}

#[test]
fn the_configurations_templates_are_checked_when_they_are_filled_in() {
    let news = json!({"type": "news", "title": "{{ content }}", "url": "{{ captures.link }}"});
    assert!(refusal(&news, ReplyOrigin::Service).contains("`url` is not an http or https address"));
    let mut parts = parse(&news, ReplyOrigin::Config).unwrap();
    assert_eq!(
        check(&parts).unwrap_err().to_string(),
        "reply: `url` is not an http or https address; give a full one, with spaces as %20"
    );
    for (name, text) in templates(&mut parts[0]) {
        *text = if name == "url" { "https://x/".to_owned() } else { String::new() };
    }
    parts.insert(0, text("a"));
    assert_eq!(
        check(&parts).unwrap_err().to_string(),
        "reply 2: `title` is empty, but WeChat requires a value"
    );
}

#[test]
fn what_is_no_text_or_address_can_not_be_a_template() {
    for (value, name) in [
        (json!({"type": "image", "file": "{{ content }}"}), "file"),
        (json!({"type": "wxcard", "card_id": "{{ content }}"}), "card_id"),
        (json!({"type": "text", "content": "{{ content }}", "kf_account": "{{ content }}"}), "kf_account"),
        (json!({"type": "msgmenu", "list": [{"id": "{{ content }}", "content": "{{ content }}"}]}), "id"),
    ] {
        assert_eq!(
            refusal(&value, ReplyOrigin::Config),
            format!("reply: `{name}` can't be a template; only texts and addresses can")
        );
    }
}

#[test]
fn a_response_to_a_push_can_be_wechats_seven_forms_with_their_media_by_id() {
    let fits = |value: Value| check_for_response(&parse(&value, ReplyOrigin::Config).unwrap());
    let can = every_type().into_iter().filter(|value| fits(value.clone()).is_ok());
    let can: Vec<_> = can.map(|value| value["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(can, ["text", "image", "voice", "video", "music", "news", "transfer_customer_service"]);
    for (value, problem) in [
        (
            json!(["a", {"type": "wxcard", "card_id": "c"}]),
            "reply 2: type wxcard can't be the response to a push; give one of text, image, voice, video, music, \
             news, transfer_customer_service",
        ),
        (
            json!({"type": "image", "url": "http://x/p"}),
            "reply: this account answers in the response to a push and can't upload: give the image as `media_id`",
        ),
        (
            json!({"type": "video", "media_id": "m", "thumb_file": "t.jpg"}),
            "reply: this account answers in the response to a push and can't upload: give the thumb as \
             `thumb_media_id`",
        ),
    ] {
        assert_eq!(fits(value).unwrap_err().to_string(), problem);
    }
}

#[test]
fn every_text_and_address_of_every_type_is_a_template() {
    let ids = ["type", "media_id", "thumb_media_id", "article_id", "card_id", "appid", "id"];
    for value in every_type() {
        let mut expected = Vec::new();
        names(&value, &mut expected);
        expected.retain(|name| !ids.contains(&name.as_str()));
        expected.sort();
        let mut part = parse(&value, ReplyOrigin::Config).unwrap().remove(0);
        let mut found: Vec<_> = templates(&mut part).iter().map(|(name, _)| (*name).to_owned()).collect();
        found.sort();
        assert_eq!(found, expected, "{value}");
    }
    for (mut content, expected) in [
        (Content::Image { media: Media::Url("u".into()) }.into(), vec!["url"]),
        (Content::Voice { media: Media::File("f".into()) }.into(), vec![]),
    ] {
        assert_eq!(templates(&mut content).iter().map(|(name, _)| *name).collect::<Vec<_>>(), expected);
    }
}

fn names(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| match value {
            Value::String(_) => into.push(name.clone()),
            other => names(other, into),
        }),
        Value::Array(items) => items.iter().for_each(|item| names(item, into)),
        _ => {}
    }
}
