//! From a node to a typed value, with messages that show how to write it right.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use url::{ParseError, Url};

use super::node::{Node, Value};
use super::problem::Mistake;
use super::{ByteSize, SizeError};

type ValueResult<T> = Result<T, Mistake>;

/// A string that isn't empty.
pub(super) fn text(node: &Node) -> ValueResult<String> {
    match node.as_text() {
        Some("") => Err(Mistake::new("is empty")),
        Some(text) => Ok(text.to_owned()),
        None => Err(wrong_type("a string", node)),
    }
}

/// A duration with its unit; `example` is the default, whose unit is the likely one.
pub(super) fn duration(
    node: &Node,
    example: Duration,
    range: &RangeInclusive<Duration>,
) -> ValueResult<Duration> {
    let unit = if example < Duration::from_secs(1) { "ms" } else { "s" };
    if let Some(number) = bare_number(node) {
        return Err(no_unit(&number, "ms, s, m or h", unit, &print_duration(example)));
    }
    let text = node.as_text().ok_or_else(|| wrong_type("a duration", node))?;
    let duration = humantime::parse_duration(text).map_err(|_| {
        Mistake::new(format!("is not a duration: `{text}`")).hint(format!(
            "write a number and its unit (ms, s, m or h), like \"{}\"",
            print_duration(example)
        ))
    })?;
    in_range(duration, range, |duration| print_duration(*duration))
}

/// A size with its unit.
pub(super) fn size(
    node: &Node,
    example: ByteSize,
    range: &RangeInclusive<ByteSize>,
) -> ValueResult<ByteSize> {
    if let Some(number) = bare_number(node) {
        return Err(no_unit(&number, "B, KiB, MiB or GiB", "KiB", &example.to_string()));
    }
    let text = node.as_text().ok_or_else(|| wrong_type("a size", node))?;
    let size = text.parse::<ByteSize>().map_err(|error| match error {
        SizeError::TooLarge => Mistake::new(format!("{error}: `{text}`")),
        _ => Mistake::new(format!("is not a size: `{text}`"))
            .hint(format!("write a whole number and its unit (B, KiB, MiB or GiB), like \"{example}\"")),
    })?;
    in_range(size, range, ByteSize::to_string)
}

/// A whole number.
pub(super) fn number(node: &Node, range: &RangeInclusive<u32>) -> ValueResult<u32> {
    let node = node.typed();
    let Value::Integer(number) = node.value else { return Err(wrong_type("a whole number", &node)) };
    let number = in_range(number, &(i64::from(*range.start())..=i64::from(*range.end())), i64::to_string)?;
    u32::try_from(number).map_err(|_| Mistake::new("is too large"))
}

/// `true` or `false`.
pub(super) fn boolean(node: &Node) -> ValueResult<bool> {
    match &node.typed().value {
        Value::Boolean(value) => Ok(*value),
        _ => Err(wrong_type("true or false", node)),
    }
}

/// Networks, such as `10.0.0.0/8`; a single address is a network of one.
pub(super) fn networks(node: &Node) -> ValueResult<Vec<IpNet>> {
    texts(node)?
        .iter()
        .map(|text| {
            let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
            let mistake = || {
                Mistake::new(format!("has `{text}`, which is not a network"))
                    .hint("write it like \"10.0.0.0/8\"")
            };
            network.ok_or_else(mistake)
        })
        .collect()
}

/// A list of strings.
pub(super) fn texts(node: &Node) -> ValueResult<Vec<String>> {
    let node = node.typed();
    let Value::Array(items) = &node.value else {
        return Err(wrong_type("a list of strings", &node).hint("write it like [\"one\", \"two\"]"));
    };
    items.iter().map(text).collect()
}

/// An address to listen on.
pub(super) fn address(node: &Node) -> ValueResult<SocketAddr> {
    let text = text(node)?;
    text.parse().map_err(|_| {
        let port = text.rsplit_once(':').map_or(text.as_str(), |(_, port)| port);
        let port = port.parse::<u16>().unwrap_or(8080);
        let mistake = Mistake::new(format!("is not an address with a port: `{text}`"));
        mistake.hint(format!(
            "write \"127.0.0.1:{port}\", or \"0.0.0.0:{port}\" to be reached from other machines"
        ))
    })
}

/// An `http` or `https` URL. The message doesn't repeat it: a URL can hold a password.
pub(super) fn http_url(node: &Node, example: &str) -> ValueResult<Url> {
    read_web_url(&text(node)?, example)
}

/// The same for an argument: what is wrong, and what to do about it, in one text.
///
/// # Errors
/// When it isn't such a URL.
pub fn web_url(text: &str) -> Result<Url, String> {
    read_web_url(text, "http://127.0.0.1:9000/").map_err(|Mistake { message, hint }| {
        let hint = hint.map(|hint| format!(": {hint}")).unwrap_or_default();
        format!("it {message}{hint}")
    })
}

fn read_web_url(text: &str, example: &str) -> ValueResult<Url> {
    let example = format!("write it like \"{example}\"");
    if !has_scheme(text) {
        return Err(
            Mistake::new("has no scheme").hint(format!("add http:// or https:// in front; {example}"))
        );
    }
    let url = whole_url(text, HTTP, &example)?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        scheme => Err(Mistake::new(format!("must be an http or https URL, not `{scheme}`")).hint(example)),
    }
}

/// Whether something stands before a `:` that isn't a host before its port, as in `localhost:9000`.
fn has_scheme(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_word = scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-".contains(c));
    is_word && (rest.starts_with('/') || matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https"))
}

/// The file of a database, which begins at the folder of the configuration; none if the text isn't `sqlite:` and a path.
pub(super) fn sqlite_path(text: &str, folder: &Path, example: &str) -> ValueResult<Option<PathBuf>> {
    let Some(path) = text.strip_prefix("sqlite:") else { return Ok(None) };
    match path.strip_prefix("//").unwrap_or(path) {
        "" => Err(Mistake::new("names no file").hint(format!("write it like \"sqlite:{example}\""))),
        path => Ok(Some(folder.join(path))),
    }
}

/// The mistake that a URL has none of these forms.
pub(super) fn unknown_scheme(text: &str, scheme: &str, forms: &str) -> Mistake {
    let unknown = || format!("has the unknown scheme `{scheme}`");
    // Elsewhere what stands before the colon may be a user, or a part of a password.
    Mistake::new(if text.contains("://") { unknown() } else { "has no scheme".to_owned() }).hint(forms)
}

/// A URL that means what its writer meant. A password with a bare `/`, `?` or `#` in it ends its part of the URL too early:
/// the rest of the password would count as a host, a port or a path, be looked up, and be shown. The mistake repeats nothing.
pub(super) fn whole_url(text: &str, what: &str, forms: &str) -> ValueResult<Url> {
    const ENCODE: &str = "in a user or password write @ as %40, / as %2F, # as %23, ? as %3F and % as %25";
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let (host, behind) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // A path may have an `@` too; behind a port it looks like the rest of a password.
    let is_store = what != HTTP && !text.starts_with("redis+unix:");
    let is_cut = behind.contains('@') && (is_store || host.contains(':'));
    if is_cut {
        return Err(Mistake::new(format!("is not {what}: it has an `@` after the host")).hint(ENCODE));
    }
    Url::parse(text).map_err(|error| {
        let why = match error {
            ParseError::RelativeUrlWithoutBase => "it has no scheme".to_owned(),
            error => error.to_string(),
        };
        let mistake = Mistake::new(format!("is not {what}: {why}"));
        mistake.hint(if text.contains('@') { ENCODE } else { forms })
    })
}

/// What [`whole_url`] calls a URL of the web.
const HTTP: &str = "a URL";

/// A duration in the form that [`duration`] reads.
pub(super) fn print_duration(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

pub(super) fn wrong_type(wanted: &str, node: &Node) -> Mistake {
    Mistake::new(format!("must be {wanted}, but is {}", node.kind()))
}

fn bare_number(node: &Node) -> Option<String> {
    match &node.value {
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        _ => node.as_text().map(str::trim).filter(|text| text.parse::<f64>().is_ok()).map(str::to_owned),
    }
}

fn no_unit(number: &str, units: &str, likely: &str, example: &str) -> Mistake {
    let whole = number.chars().all(|c| c.is_ascii_digit());
    let example = if whole { format!("\"{number}{likely}\"") } else { format!("it like \"{example}\"") };
    Mistake::new(format!("needs a unit: {units}")).hint(format!("write {example}"))
}

fn in_range<T: PartialOrd>(
    value: T,
    range: &RangeInclusive<T>,
    print: impl Fn(&T) -> String,
) -> ValueResult<T> {
    if range.contains(&value) {
        return Ok(value);
    }
    let [low, high, value] = [range.start(), range.end(), &value].map(print);
    Err(Mistake::new(format!("must be from {low} to {high}, but is {value}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_scheme_is_told_what_to_add() {
        for text in [
            "localhost:9000/x",
            "127.0.0.1:9000",
            "bot.example.com",
            "localhost:9000/?to=http://a/",
            "[::1]:9",
        ] {
            let error = web_url(text).unwrap_err();
            assert!(error.contains("has no scheme: add http:// or https:// in front"), "{text}: {error}");
        }
        for text in ["http://localhost:9000/x", "HTTPS://bot.example.com"] {
            assert!(web_url(text).is_ok(), "{text}");
        }
        assert!(web_url("ftp://a").unwrap_err().contains("not `ftp`"));
    }
}
