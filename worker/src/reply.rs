//! The reply schema: one form for the configuration, for HTTP services, and for whatever comes later.
//!
//! A string is a text. Otherwise `{"type": …}` with WeChat's own field names, or a list of these. It is also how
//! replies are recorded: the flat form of [`Outgoing`]. Errors name the reply's number, the field and the remedy,
//! because the author of the service reads them.
//!
//! | `type` | fields; those in parentheses may be left out |
//! | --- | --- |
//! | `text` | `content` |
//! | `image`, `voice` | *media* |
//! | `video` | *media*, *thumb media*, (`title`), (`description`) |
//! | `music` | `title`, `description`, `musicurl`, (`hqmusicurl`), *thumb media* |
//! | `news` | `title`, (`description`), `url`, (`picurl`); or these in `articles`, a list of one |
//! | `mpnews` | `media_id` |
//! | `mpnewsarticle` | `article_id` |
//! | `msgmenu` | (`head_content`), `list` of `{"id", "content"}`, (`tail_content`) |
//! | `wxcard` | `card_id` |
//! | `miniprogrampage` | `title`, `appid`, `pagepath`, *thumb media* |
//! | `link` | `title`, `description`, `url`, `thumb_url` |
//! | `transfer_customer_service` | |
//!
//! *Media* is exactly one of `media_id`, `url`, `file` and `base64`; *thumb media* the same with `thumb_` before it.
//! `file` is a file of the worker's machine, so it is for the configuration alone: see [`ReplyOrigin`]. Beside any type may
//! stand `kf_account`, the customer-service account that speaks (or that gets the user, beside `transfer_customer_service`), and `ai_label` (true or false), which lets WeChat
//! write that a machine made it. A field that is `null` counts as not given, and one that isn't known is an error.

mod check;
mod fields;
mod read;
mod response;
mod templates;
#[cfg(test)]
mod tests;

use huixin_wechat::{Content, Outgoing};
use serde_json::Value;

pub use templates::templates;

/// Who wrote a reply, which decides what it may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyOrigin {
    /// The operator, in the configuration: may name files, and its texts and addresses are [`templates()`], which are
    /// checked when they are filled in.
    Config,
    /// A service, a database, a model: what comes from outside must not make the worker send files of its machine.
    Service,
}

/// A reply that doesn't keep to the schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ReplyError {
    place: String,
    problem: String,
}

impl ReplyError {
    fn new(place: &str, problem: impl Into<String>) -> Self {
        Self { place: place.to_owned(), problem: problem.into() }
    }
}

/// Reads a reply or a list of replies. Texts are trimmed and empty ones left out, so the result may be empty.
///
/// # Errors
/// When something isn't as the schema says; the error names where, what, and what to write instead.
pub fn parse(value: &Value, origin: ReplyOrigin) -> Result<Vec<Outgoing>, ReplyError> {
    let parts = match value {
        Value::Null => Vec::new(),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(index, one)| read::part(&numbered(index), one, origin))
            .collect::<Result<_, _>>()?,
        one => vec![read::part("reply", one, origin)?],
    };
    Ok(tidy(parts))
}

/// Whether WeChat would take these, as far as can be known here. [`parse`] ensures it for written replies; this is for
/// those that a Rust handler made or a template filled in.
///
/// # Errors
/// As [`parse`].
pub fn check(parts: &[Outgoing]) -> Result<(), ReplyError> {
    each(parts, |place, one| check::part(place, one, |_| false))
}

/// Whether each of these can be the response to a push of an account that can't upload media. Their values aren't looked at.
///
/// # Errors
/// As [`parse`].
pub fn check_for_response(parts: &[Outgoing]) -> Result<(), ReplyError> {
    each(parts, response::part)
}

fn each(
    parts: &[Outgoing],
    check: impl Fn(&str, &Outgoing) -> Result<(), ReplyError>,
) -> Result<(), ReplyError> {
    match parts {
        [one] => check("reply", one),
        parts => parts.iter().enumerate().try_for_each(|(index, one)| check(&numbered(index), one)),
    }
}

/// Trims texts and leaves out empty ones: WeChat refuses an empty text, and blanks around one look odd.
pub fn tidy(parts: Vec<Outgoing>) -> Vec<Outgoing> {
    parts
        .into_iter()
        .filter_map(|mut part| match &mut part.content {
            Content::Text { content } => {
                *content = content.trim().to_owned();
                (!content.is_empty()).then_some(part)
            }
            _ => Some(part),
        })
        .collect()
}

/// Whether one of these replies, of this schema, hands the user over to a person. That can only go out in the response to a push.
pub fn has_transfer(reply: &Value) -> bool {
    match reply {
        Value::Array(list) => list.iter().any(has_transfer),
        one => one.get("type").is_some_and(|kind| kind == Content::Transfer.msgtype()),
    }
}

fn numbered(index: usize) -> String {
    format!("reply {}", index + 1)
}
