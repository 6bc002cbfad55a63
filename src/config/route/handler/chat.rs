//! `chat = { base_url = "…", model = "…" }`: a language model that talks with each user.

use std::time::Duration;

use huixin_worker::handlers::ChatSettings;
use serde_json::{Map, Value as Json};
use url::Url;

use crate::config::mask::MaskedUrl;
use crate::config::node::{Node, Value};
use crate::config::problem::Mistake;
use crate::config::reply;
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
        section.require(key, &format!("write it like \"{example}\""));
    }
    let base_url = section.parsed("base_url", |node| base_url(node).map(MaskedUrl));
    let model = section.text("model");
    let example = || Url::parse(URL_EXAMPLE).expect("the example is a URL");
    let is_whole = base_url.is_some() && model.is_some();
    let base_url = base_url.map_or_else(example, |url| url.0);
    let all = ChatSettings::new(base_url, model.unwrap_or_default());
    let key = secrets::read(&mut section, "key");
    if key.as_ref().is_some_and(|key| !key.expose().chars().all(|c| c.is_ascii_graphic())) {
        let mistake =
            Mistake::new("has characters that no key has").hint("copy it again, without white space");
        section.mistake("key", None, mistake);
    }
    let system = section.parsed("system", |node| {
        let text = value::text(node)?;
        names.check(&text, "")?;
        Ok(text)
    });
    let timeouts = Duration::from_millis(10)..=Duration::from_secs(24 * 3600);
    let small = |default: usize| u32::try_from(default).unwrap_or(u32::MAX);
    let settings = ChatSettings {
        base_url: all.base_url,
        model: all.model,
        key,
        system,
        temperature: section.parsed("temperature", temperature),
        max_tokens: section.parsed("max_tokens", |node| value::number(node, &(1..=TOKENS_MAX))),
        turns: section.number("turns", small(all.turns), 0..=TURNS_MAX) as usize,
        context_tokens: section.number("context_tokens", small(all.context_tokens), 1..=TOKENS_MAX) as usize,
        forget: section.parsed_or("forget", all.forget, value::texts),
        forgotten: section.parsed_or("forgotten", all.forgotten, value::text),
        refused: section.parsed_or("refused", all.refused, value::text),
        unreadable: section.parsed_or("unreadable", all.unreadable, unreadable),
        timeout: section.duration("timeout", ChatSettings::TIMEOUT, timeouts),
        extra: section.parsed_or("extra", all.extra, extra),
    };
    is_whole.then_some(settings)
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
    let Json::Object(fields) = reply::json(node, None)? else {
        return Err(value::wrong_type("a table", node).hint("write it like { enable_thinking = false }"));
    };
    match ChatSettings::OWN.into_iter().find(|own| fields.contains_key(*own)) {
        Some(own) => Err(Mistake::new(format!("has `{own}`, which the handler itself sets"))),
        None => Ok(fields),
    }
}
