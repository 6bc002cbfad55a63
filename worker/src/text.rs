//! From what a handler says to texts that WeChat shows well: at most 2,000 bytes each, links in the form that every
//! phone understands, and Markdown, which WeChat shows as it is typed, turned into plain text.
//!
//! Everything here is a pure function. A text loses only white space at the cuts and control characters; Markdown also
//! loses its signs.
//!
//! WeChat doesn't publish its limit; others found 2,048 bytes (45002 beyond). Each part of a longer text costs one of
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

use huixin_wechat::{Content, Outgoing};

/// The most bytes of a text that is sent.
pub const MAX_BYTES: usize = 2000;

/// Makes every text fit: as many parts as it needs, each trimmed and of at most [`MAX_BYTES`], with the sender and the
/// label of the whole. Empty ones are left out; what is no text stays as it is. With `markdown`, texts are Markdown.
pub fn fit(parts: Vec<Outgoing>, markdown: bool) -> Vec<Outgoing> {
    let mut fitted = Vec::with_capacity(parts.len());
    for part in parts {
        let Outgoing { content: Content::Text { content }, kf_account, ai_label } = part else {
            fitted.push(part);
            continue;
        };
        let text = shown(&content);
        let text = if markdown { markdown::to_text(&text) } else { text };
        fitted.extend(fit::split(&links::strict(&text, MAX_BYTES), MAX_BYTES).into_iter().map(|content| {
            Outgoing { content: Content::Text { content }, kf_account: kf_account.clone(), ai_label }
        }));
    }
    fitted
}

/// The text without control characters, except newline and tab.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}
