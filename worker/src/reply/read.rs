//! From JSON to one message: which fields each type has, and of what sort they are.
//!
//! What their values must be is in [`super::check()`], because the values of a template are known only later.

use huixin_wechat::{Article, Content, MenuItem, Outgoing};
use serde_json::Value;

use super::fields::{Fields, cut, kind_of, media_keys};
use super::{ReplyError, ReplyOrigin, check, templates};

/// Every type with its fields; `media` and `thumb_media` stand for the keys that say where media is.
const TYPES: [(&str, &[&str]); 12] = [
    ("text", &["content"]),
    ("image", &["media"]),
    ("voice", &["media"]),
    ("video", &["media", "thumb_media", "title", "description"]),
    ("music", &["title", "description", "musicurl", "hqmusicurl", "thumb_media"]),
    ("news", &["title", "description", "url", "picurl"]),
    ("mpnews", &["media_id"]),
    ("mpnewsarticle", &["article_id"]),
    ("msgmenu", &["head_content", "list", "tail_content"]),
    ("wxcard", &["card_id"]),
    ("miniprogrampage", &["title", "appid", "pagepath", "thumb_media"]),
    ("link", &["title", "description", "url", "thumb_url"]),
];
/// What may stand beside every type.
const BESIDE: [&str; 2] = ["kf_account", "ai_label"];
const ARTICLE: [&str; 4] = ["title", "description", "url", "picurl"];

/// Reads the reply at `place`.
pub(super) fn part(place: &str, value: &Value, origin: ReplyOrigin) -> Result<Outgoing, ReplyError> {
    let object = match value {
        Value::String(content) => return Ok(Outgoing::text(content.as_str())),
        Value::Object(object) => object,
        other => {
            let problem = format!("must be a text or an object, and is {}", kind_of(other));
            return Err(ReplyError::new(place, problem));
        }
    };
    let fields = Fields::new(place, object);
    let kind = fields.optional_text("type")?.ok_or_else(|| {
        fields.error(format!("`type` is missing; give {}", told(TYPES.map(|(name, _)| name), "or")))
    })?;
    let Some((_, names)) = TYPES.into_iter().find(|(name, _)| *name == kind) else {
        let known = told(TYPES.map(|(name, _)| name), "and");
        return Err(fields.error(format!("`type` is {:?}; known are {known}", cut(&kind))));
    };
    if origin == ReplyOrigin::Service {
        fields.no_files()?;
    }
    let known = known_fields(&kind, names, &fields, origin);
    fields.only(&format!("type {kind}"), &known.iter().map(String::as_str).collect::<Vec<_>>())?;
    let message = Outgoing {
        content: content(&kind, place, &fields, origin)?,
        kf_account: fields.optional_text("kf_account")?,
        ai_label: fields.flag("ai_label")?,
    };
    // The configuration's templates have no values yet.
    check::part(place, &message, |text| origin == ReplyOrigin::Config && templates::is_one(text))?;
    if origin == ReplyOrigin::Config
        && let Some(name) = templates::misplaced(&message)
    {
        return Err(fields.error(format!("`{name}` can't be a template; only texts and addresses can")));
    }
    Ok(message)
}

fn known_fields(kind: &str, names: &[&str], fields: &Fields<'_>, origin: ReplyOrigin) -> Vec<String> {
    let mut known = vec!["type".to_owned()];
    if kind == "news" && fields.has("articles") {
        known.push("articles".to_owned());
    } else {
        for name in names {
            match *name {
                "media" => known.extend(media_keys("", origin)),
                "thumb_media" => known.extend(media_keys("thumb_", origin)),
                name => known.push(name.to_owned()),
            }
        }
    }
    known.extend(BESIDE.map(str::to_owned));
    known
}

fn content(kind: &str, place: &str, fields: &Fields<'_>, origin: ReplyOrigin) -> Result<Content, ReplyError> {
    Ok(match kind {
        "text" => Content::Text { content: fields.text("content")? },
        "image" => Content::Image { media: fields.media("", origin)? },
        "voice" => Content::Voice { media: fields.media("", origin)? },
        "video" => Content::Video {
            media: fields.media("", origin)?,
            thumb: fields.media("thumb_", origin)?,
            title: fields.text_or_empty("title")?,
            description: fields.text_or_empty("description")?,
        },
        "music" => Content::Music {
            title: fields.text("title")?,
            description: fields.text("description")?,
            musicurl: fields.text("musicurl")?,
            hqmusicurl: fields.text_or_empty("hqmusicurl")?,
            thumb: fields.media("thumb_", origin)?,
        },
        "news" => Content::News { articles: articles(place, fields)? },
        "mpnews" => Content::Mpnews { media_id: fields.text("media_id")? },
        "mpnewsarticle" => Content::MpnewsArticle { article_id: fields.text("article_id")? },
        "msgmenu" => Content::MsgMenu {
            head_content: fields.text_or_empty("head_content")?,
            list: objects(place, "list", fields, |item| {
                item.only("a menu's answer", &["id", "content"])?;
                Ok(MenuItem { id: item.text("id")?, content: item.text("content")? })
            })?,
            tail_content: fields.text_or_empty("tail_content")?,
        },
        "wxcard" => Content::WxCard { card_id: fields.text("card_id")? },
        "miniprogrampage" => Content::MiniProgramPage {
            title: fields.text("title")?,
            appid: fields.text("appid")?,
            pagepath: fields.text("pagepath")?,
            thumb: fields.media("thumb_", origin)?,
        },
        _ => Content::Link {
            title: fields.text("title")?,
            description: fields.text("description")?,
            url: fields.text("url")?,
            thumb_url: fields.text("thumb_url")?,
        },
    })
}

/// The article beside the type, or WeChat's own list of articles.
fn articles(place: &str, fields: &Fields<'_>) -> Result<Vec<Article>, ReplyError> {
    let article = |fields: &Fields<'_>| {
        Ok(Article {
            title: fields.text("title")?,
            description: fields.text_or_empty("description")?,
            url: fields.text("url")?,
            picurl: fields.text_or_empty("picurl")?,
        })
    };
    if !fields.has("articles") {
        return Ok(vec![article(fields)?]);
    }
    objects(place, "articles", fields, |one| {
        one.only("an article", &ARTICLE)?;
        article(one)
    })
}

/// A list of objects, whose errors say which of them is meant.
fn objects<T>(
    place: &str,
    name: &str,
    fields: &Fields<'_>,
    read: impl Fn(&Fields<'_>) -> Result<T, ReplyError>,
) -> Result<Vec<T>, ReplyError> {
    let one = |(index, value): (usize, &Value)| {
        let place = format!("{place}, `{name}` {}", index + 1);
        match value {
            Value::Object(object) => read(&Fields::new(&place, object)),
            other => Err(ReplyError::new(&place, format!("must be an object, and is {}", kind_of(other)))),
        }
    };
    fields.list(name)?.iter().enumerate().map(one).collect()
}

fn told<const N: usize>(names: [&str; N], last: &str) -> String {
    match names.split_last() {
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
        None => String::new(),
    }
}
