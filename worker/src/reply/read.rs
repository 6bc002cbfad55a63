//! From JSON to one message: which fields each type has, and of what sort they are.
//!
//! Once the fields are as the table says, they are read as the form in which replies are recorded. [`super::check()`] says
//! what their values must be, because the values of a template are known only later.

use huixin_wechat::Outgoing;
use serde_json::{Map, Value, json};

use super::fields::{Fields, cut, kind_of, media_keys};
use super::{ReplyError, ReplyOrigin, check, templates};

/// Every type with its fields; those with `?` may be left out. `media` and `thumb_media` stand for the keys that say where
/// media is.
const TYPES: [(&str, &str); 13] = [
    ("text", "content"),
    ("image", "media"),
    ("voice", "media"),
    ("video", "media thumb_media title? description?"),
    ("music", "title description musicurl hqmusicurl? thumb_media"),
    ("news", ARTICLE),
    ("mpnews", "media_id"),
    ("mpnewsarticle", "article_id"),
    ("msgmenu", "head_content? list tail_content?"),
    ("wxcard", "card_id"),
    ("miniprogrampage", "title appid pagepath thumb_media"),
    ("link", "title description url thumb_url"),
    ("transfer_customer_service", ""),
];
/// What may stand beside every type.
const BESIDE: [&str; 2] = ["kf_account", "ai_label"];
const ARTICLE: &str = "title description? url picurl?";
const MENU_ITEM: &str = "id content";

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
        fields.error(format!("`type` is missing; give {}", listed(TYPES.map(|(name, _)| name), "or")))
    })?;
    let Some((_, fields_of_kind)) = TYPES.into_iter().find(|(name, _)| *name == kind) else {
        let known = listed(TYPES.map(|(name, _)| name), "and");
        return Err(fields.error(format!("`type` is {:?}; known are {known}", cut(kind))));
    };
    if origin == ReplyOrigin::Service {
        fields.no_files()?;
    }
    // WeChat's own list of articles may stand in place of one.
    let fields_of_kind = if kind == "news" && fields.has("articles") { "articles" } else { fields_of_kind };
    let known = [vec!["type".to_owned()], keys(fields_of_kind, origin), BESIDE.map(str::to_owned).to_vec()];
    fields.only(&format!("type {kind}"), &known.concat())?;
    read(&fields, fields_of_kind, origin)?;
    fields.optional_text("kf_account")?;
    fields.flag("ai_label")?;
    let message = recorded(object, kind).map_err(|error| fields.error(error.to_string()))?;
    // The configuration's templates have no values yet.
    check::part(place, &message, |text| origin == ReplyOrigin::Config && templates::is_one(text))?;
    if origin == ReplyOrigin::Config
        && let Some(name) = templates::misplaced(&message)
    {
        return Err(fields.error(format!("`{name}` can't be a template; only texts and addresses can")));
    }
    Ok(message)
}

/// The keys under which these fields may be given.
fn keys(fields: &str, origin: ReplyOrigin) -> Vec<String> {
    let keys = |name: &str| match name {
        "media" => media_keys("", origin),
        "thumb_media" => media_keys("thumb_", origin),
        name => vec![name.trim_end_matches('?').to_owned()],
    };
    fields.split_whitespace().flat_map(keys).collect()
}

/// Whether these fields are given as they must be.
fn read(given: &Fields<'_>, fields: &str, origin: ReplyOrigin) -> Result<(), ReplyError> {
    fields.split_whitespace().try_for_each(|name| match name {
        "media" => given.media("", origin),
        "thumb_media" => given.media("thumb_", origin),
        "articles" => given.objects(name, |one| read_only(one, "an article", ARTICLE, origin)),
        "list" => given.objects(name, |one| read_only(one, "a menu's answer", MENU_ITEM, origin)),
        name => match name.strip_suffix('?') {
            Some(name) => given.optional_text(name).map(drop),
            None => given.text(name),
        },
    })
}

fn read_only(given: &Fields<'_>, what: &str, fields: &str, origin: ReplyOrigin) -> Result<(), ReplyError> {
    given.only(what, &keys(fields, origin))?;
    read(given, fields, origin)
}

/// What was read, in the form in which replies are recorded: without `null` fields, and with an article in a list.
fn recorded(object: &Map<String, Value>, kind: &str) -> Result<Outgoing, serde_json::Error> {
    let mut object = without_nulls(object);
    if kind == "news" && !object.contains_key("articles") {
        let names = keys(ARTICLE, ReplyOrigin::Service);
        let article: Map<_, _> = names.iter().filter_map(|name| object.remove_entry(name)).collect();
        object.insert("articles".to_owned(), json!([article]));
    }
    serde_json::from_value(object.into())
}

fn without_nulls(object: &Map<String, Value>) -> Map<String, Value> {
    let inside = |value: &Value| match value {
        Value::Object(fields) => without_nulls(fields).into(),
        other => other.clone(),
    };
    let given = object.iter().filter(|(_, value)| !value.is_null());
    given
        .map(|(name, value)| match value {
            Value::Array(items) => (name.clone(), items.iter().map(inside).collect()),
            value => (name.clone(), value.clone()),
        })
        .collect()
}

fn listed<const N: usize>(names: [&str; N], last: &str) -> String {
    match names.split_last() {
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
        None => String::new(),
    }
}
