//! From what a handler says to texts that WeChat shows well: of limited length, links in the form that every phone
//! understands, and Markdown, which WeChat shows as it is typed, turned into plain text.
//!
//! Everything here is a pure function. A text loses only white space at the cuts and control characters; Markdown also
//! loses its signs.
//!
//! WeChat doesn't publish its limit; others found 2,048 bytes (45002 beyond), and 2,047 in the response to a push. [`MAX_BYTES`]
//! keeps clear of both. A text that may have a link below it is cut to [`max_bytes_above`] that. Each part of a longer text costs one of
//! the few sends that a user's message allows, so parts are filled well before they are cut at a nice place.

mod bare_address;
mod fit;
mod html;
mod links;
mod markdown;
mod table;
mod tag;
#[cfg(test)]
mod tests;
mod writer;

use huixin_wechat::passive::{Form, Reply};
use huixin_wechat::{Content, Outgoing};

/// The most bytes of a text that is sent.
pub const MAX_BYTES: usize = 2000;
/// A character has no more bytes. A smaller limit could not be kept.
const CHARACTER_MAX_BYTES: usize = 4;

/// The most bytes of a text that goes out in the response to a push, where `link` and the line that a machine wrote it must have
/// room below it, each on a line of its own.
pub fn max_bytes_above(link: &str) -> usize {
    let below = link.len() + 1 + Form::MOST_LABEL_BYTES;
    Reply::MOST_TEXT_BYTES.saturating_sub(below).min(MAX_BYTES)
}

/// Makes every text fit: as many parts as it needs, each trimmed and of at most `max_bytes`, with the sender and the
/// label of the whole. Empty ones are left out; what is no text stays as it is. With `markdown`, texts are Markdown.
pub fn fit(parts: Vec<Outgoing>, markdown: bool, max_bytes: usize) -> Vec<Outgoing> {
    let max_bytes = max_bytes.max(CHARACTER_MAX_BYTES);
    let mut fitted = Vec::with_capacity(parts.len());
    for part in parts {
        let Outgoing { content: Content::Text { content }, kf_account, ai_label } = part else {
            fitted.push(part);
            continue;
        };
        let text = shown(&content);
        let text = if markdown { markdown::to_text(&text) } else { text };
        fitted.extend(fit::split(&links::strict(&text, max_bytes), max_bytes).into_iter().map(|content| {
            Outgoing { content: Content::Text { content }, kf_account: kf_account.clone(), ai_label }
        }));
    }
    fitted
}

/// The text without control characters, except newline and tab.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}
