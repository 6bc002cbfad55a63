//! `[traces]`: where the traces of messages go.

use axum::http::{HeaderName, HeaderValue};
use huixin_wechat::Secret;
use url::Url;

use super::node::{Node, Value};
use super::problem::Mistake;
use super::section::Section;
use super::{MaskedUrl, secrets, value};

/// Settings of traces.
#[derive(Clone, Debug, PartialEq)]
pub struct TracesConfig {
    /// The collector; none: nothing is traced.
    pub endpoint: Option<MaskedUrl>,
    /// A header that the collector wants, `Name: value`.
    pub header: Option<Secret>,
    /// The share of messages that are traced.
    pub sample: f64,
}

const ENDPOINT_EXAMPLE: &str = "http://127.0.0.1:4318";
/// What OTLP says of every collector.
const PATH: &str = "/v1/traces";

pub(super) fn read(mut section: Section<'_>) -> TracesConfig {
    TracesConfig {
        endpoint: section.parsed("endpoint", endpoint),
        header: secrets::read_as(&mut section, "header", header),
        sample: section.parsed_or("sample", 1.0, sample),
    }
}

impl TracesConfig {
    /// Where exactly traces are posted to.
    pub fn url(&self) -> Option<Url> {
        let MaskedUrl(mut url) = self.endpoint.clone()?;
        let base = url.path().trim_end_matches('/');
        if !base.ends_with(PATH) {
            url.set_path(&format!("{base}{PATH}"));
        }
        Some(url)
    }

    /// The header's name and value.
    pub fn header(&self) -> Option<(&str, &str)> {
        self.header.as_ref().and_then(|header| parts(header.expose()))
    }
}

fn endpoint(node: &Node) -> Result<MaskedUrl, Mistake> {
    let url = value::http_url(node, ENDPOINT_EXAMPLE)?;
    if !url.username().is_empty() || url.password().is_some() {
        let hint = "leave it out, and set `header = \"Authorization: Basic …\"`";
        return Err(Mistake::new("has a user in it").hint(hint));
    }
    Ok(MaskedUrl(url))
}

fn header(text: String) -> Result<Secret, Mistake> {
    let is_usable = parts(&text).is_some_and(|(name, value)| {
        name.parse::<HeaderName>().is_ok() && value.parse::<HeaderValue>().is_ok()
    });
    match is_usable {
        true => Ok(Secret::from(text)),
        false => Err(Mistake::new("is not a header").hint("write it like \"Authorization: Bearer …\"")),
    }
}

fn parts(header: &str) -> Option<(&str, &str)> {
    header.split_once(':').map(|(name, value)| (name.trim(), value.trim()))
}

fn sample(node: &Node) -> Result<f64, Mistake> {
    let node = node.typed();
    let share = match node.value {
        Value::Float(share) => share,
        Value::Integer(0) => 0.0,
        Value::Integer(1) => 1.0,
        Value::Integer(_) => f64::INFINITY,
        _ => return Err(value::wrong_type("a number", &node)),
    };
    match (0.0..=1.0).contains(&share) {
        true => Ok(share),
        false => Err(Mistake::new("must be from 0 to 1").hint("write 0.1 for every tenth message")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_otlp_is_added_once() {
        for (endpoint, url) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("https://api.example.com/otlp/", "https://api.example.com/otlp/v1/traces"),
            ("http://127.0.0.1:4318/v1/traces", "http://127.0.0.1:4318/v1/traces"),
        ] {
            let config = TracesConfig {
                endpoint: Some(MaskedUrl(endpoint.parse().unwrap())),
                header: None,
                sample: 1.0,
            };
            assert_eq!(config.url().unwrap().as_str(), url);
        }
    }
}
