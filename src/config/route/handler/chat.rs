//! `chat = { base_url = "…", model = "…" }`: a language model that talks with each user.

use std::time::Duration;

use huixin_worker::handlers::ChatSettings;
use serde_json::{Map, Value as Json};
use toml::{Table, Value as Toml};
use url::Url;

use crate::config::mask::{MASK, masked};
use crate::config::node::{Node, Value};
use crate::config::problem::Mistake;
use crate::config::route::names::TemplateNames;
use crate::config::secrets;
use crate::config::section::Section;
use crate::config::value::{self, print_duration};

const URL_EXAMPLE: &str = "https://api.deepseek.com/v1";
const MODEL_EXAMPLE: &str = "deepseek-chat";
const TURNS_MAX: u32 = 100;
const TOKENS_MAX: u32 = 1_000_000;

pub(super) fn read(mut section: Section<'_>, names: TemplateNames<'_>) -> Option<ChatSettings> {
    for (key, example) in [("base_url", URL_EXAMPLE), ("model", MODEL_EXAMPLE)] {
        if !section.has(key) && section.origin.is_some() {
            let mistake = Mistake::new("is missing").hint(format!("write it like \"{example}\""));
            section.mistake(key, None, mistake);
        }
    }
    let base_url = section.parsed("base_url", base_url);
    let model = section.text("model");
    let key = secrets::read(&mut section, "key", "key_file");
    if key.as_ref().is_some_and(|key| !key.expose().chars().all(|c| c.is_ascii_graphic())) {
        let mistake =
            Mistake::new("has characters that no key has").hint("copy it anew, without white space");
        section.mistake("key", None, mistake);
    }
    let check_template = section.reader.check_template;
    let system = section.parsed("system", |node| {
        let text = value::text(node)?;
        names.check(&text, "", check_template)?;
        Ok(text)
    });
    let temperature = section.parsed("temperature", temperature);
    let max_tokens = section.parsed("max_tokens", |node| value::number(node, &(1..=TOKENS_MAX)));
    let turns = section.parsed("turns", |node| value::number(node, &(0..=TURNS_MAX)));
    let context_tokens = section.parsed("context_tokens", |node| value::number(node, &(1..=TOKENS_MAX)));
    let forget = section.parsed("forget", value::texts);
    let (forgotten, refused) = (section.text("forgotten"), section.text("refused"));
    let unreadable = section.parsed("unreadable", unreadable);
    let longest = Duration::from_secs(24 * 3600);
    let timeout = section.duration("timeout", ChatSettings::TIMEOUT, Duration::from_millis(10)..=longest);
    let extra = section.parsed("extra", extra);
    section.finish();

    let all = ChatSettings::new(base_url?, model?);
    let or = |number: Option<u32>, default: usize| number.map_or(default, |number| number as usize);
    Some(ChatSettings {
        key,
        system,
        temperature,
        max_tokens,
        turns: or(turns, all.turns),
        context_tokens: or(context_tokens, all.context_tokens),
        forget: forget.unwrap_or(all.forget),
        forgotten: forgotten.unwrap_or(all.forgotten),
        refused: refused.unwrap_or(all.refused),
        unreadable: unreadable.unwrap_or(all.unreadable),
        timeout,
        extra: extra.unwrap_or(all.extra),
        base_url: all.base_url,
        model: all.model,
    })
}

/// As a table, without secrets.
pub(super) fn printed(settings: &ChatSettings) -> Toml {
    let mut table = Table::new();
    let mut put = |key: &str, value: Toml| table.insert(key.to_owned(), value);
    put("base_url", masked(&settings.base_url).as_str().into());
    put("model", settings.model.as_str().into());
    if settings.key.is_some() {
        put("key", MASK.into());
    }
    if let Some(system) = &settings.system {
        put("system", system.as_str().into());
    }
    if let Some(temperature) = settings.temperature {
        put("temperature", temperature.into());
    }
    if let Some(max_tokens) = settings.max_tokens {
        put("max_tokens", max_tokens.into());
    }
    let whole = |number: usize| Toml::from(i64::try_from(number).unwrap_or(i64::MAX));
    put("turns", whole(settings.turns));
    put("context_tokens", whole(settings.context_tokens));
    put("forget", settings.forget.clone().into());
    put("forgotten", settings.forgotten.as_str().into());
    put("refused", settings.refused.as_str().into());
    put("unreadable", settings.unreadable.as_ref().map_or(false.into(), |text| text.as_str().into()));
    put("timeout", print_duration(settings.timeout).into());
    // It was made of TOML, which has no null.
    put("extra", Toml::try_from(&settings.extra).expect("it came from TOML"));
    Toml::Table(table)
}

fn base_url(node: &Node) -> Result<Url, Mistake> {
    let url = value::http_url(node, URL_EXAMPLE)?;
    if url.path().trim_end_matches('/').ends_with("/chat/completions") {
        let mistake = Mistake::new("ends in /chat/completions, which is added to it");
        return Err(mistake.hint(format!("leave that out, as in \"{URL_EXAMPLE}\"")));
    }
    Ok(url)
}

fn temperature(node: &Node) -> Result<f64, Mistake> {
    let node = node.typed();
    let number = match node.value {
        Value::Float(number) => number,
        // 1 means 1.0.
        Value::Integer(number @ 0..=2) => f64::from(u8::try_from(number).unwrap_or_default()),
        Value::Integer(_) => f64::INFINITY,
        _ => return Err(value::wrong_type("a number", &node)),
    };
    if (0.0..=2.0).contains(&number) { Ok(number) } else { Err(Mistake::new("must be from 0.0 to 2.0")) }
}

/// A text, or `false` for none.
fn unreadable(node: &Node) -> Result<Option<String>, Mistake> {
    match node.typed().value {
        Value::Boolean(false) => Ok(None),
        _ => value::text(node).map(Some).map_err(|mistake| mistake.hint("write a text, or `false` for none")),
    }
}

fn extra(node: &Node) -> Result<Map<String, Json>, Mistake> {
    let Json::Object(fields) = json(node)? else {
        return Err(value::wrong_type("a table", node).hint("write it like { enable_thinking = false }"));
    };
    match ChatSettings::OWN.into_iter().find(|own| fields.contains_key(*own)) {
        Some(own) => Err(Mistake::new(format!("has `{own}`, which the handler itself sets"))),
        None => Ok(fields),
    }
}

fn json(node: &Node) -> Result<Json, Mistake> {
    match &node.value {
        Value::Text(text) | Value::Raw(text) => Ok(Json::from(text.as_str())),
        Value::Boolean(value) => Ok(Json::from(*value)),
        Value::Integer(number) => Ok(Json::from(*number)),
        Value::Float(number) if !number.is_finite() => Err(Mistake::new("has a number that JSON hasn't")),
        Value::Float(number) => Ok(Json::from(*number)),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Table(table) => table.iter().map(|(field, node)| Ok((field.clone(), json(node)?))).collect(),
        Value::Datetime => Err(Mistake::new("has a date, and JSON has none").hint("write it as a text")),
    }
}
