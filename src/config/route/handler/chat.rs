//! `chat = { base_url = "…", model = "…" }`: a language model that talks with each user.

use std::time::Duration;

use huixin_worker::handlers::ChatSettings;
use serde_json::{Map, Value as Json};
use url::Url;

use crate::config::mask::masked;
use crate::config::node::{Node, Value};
use crate::config::problem::Mistake;
use crate::config::route::names::TemplateNames;
use crate::config::secrets;
use crate::config::section::Section;
use crate::config::value;

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
    let base_url = section.hidden("base_url", base_url);
    if let Some(url) = &base_url {
        section.show("base_url", &masked(url).to_string());
    }
    let model = section.text("model");
    let example = || Url::parse(URL_EXAMPLE).expect("the example is a URL");
    let is_whole = base_url.is_some() && model.is_some();
    let all = ChatSettings::new(base_url.unwrap_or_else(example), model.unwrap_or_default());
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
    let mut number =
        |key, default, range| section.number(key, u32::try_from(default).unwrap_or(u32::MAX), range) as usize;
    let turns = number("turns", all.turns, 0..=TURNS_MAX);
    let context_tokens = number("context_tokens", all.context_tokens, 1..=TOKENS_MAX);
    let forget = section.parsed_or("forget", all.forget, value::texts);
    let forgotten = section.parsed_or("forgotten", all.forgotten, value::text);
    let refused = section.parsed_or("refused", all.refused, value::text);
    let unreadable = section.parsed_or("unreadable", all.unreadable, unreadable);
    let longest = Duration::from_secs(24 * 3600);
    let timeout = section.duration("timeout", ChatSettings::TIMEOUT, Duration::from_millis(10)..=longest);
    let extra = section.parsed_or("extra", all.extra, extra);
    section.finish();
    let (base_url, model) = (all.base_url, all.model);
    is_whole.then_some(ChatSettings {
        base_url,
        model,
        key,
        system,
        temperature,
        max_tokens,
        turns,
        context_tokens,
        forget,
        forgotten,
        refused,
        unreadable,
        timeout,
        extra,
    })
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
