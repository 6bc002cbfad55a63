//! What a message must be for a route, and why it isn't.
//!
//! Everything that is set must hold. There is one function for both questions, [`Condition::explain`], so that what an
//! operator reads is what a worker does; the result is a value that borrows from the question, and becomes words only
//! when somebody prints it.
//!
//! A condition has three patterns: for a text, for what WeChat heard in a voice message, and for the key of an event. No
//! message is two of these, so at most one pattern of a condition ever finds something, and its groups can be known by
//! their numbers. Rejected: numbers that go on from one pattern to the next, which nobody could count.

mod mismatch;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

use huixin_wechat::Message;
use regex::Regex;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfkc_quick};

pub use mismatch::Mismatch;

/// What a message must be for a route: everything that is set must hold. A condition with neither `kind` nor `event`
/// matches messages only, never events or what has no type.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    /// The account's name.
    pub account: Option<String>,
    /// `MsgType`, whatever its case: `text`, `image`, `event`…
    pub kind: Option<String>,
    /// `Event`, whatever its case: `subscribe`, `CLICK`… It matches events only.
    pub event: Option<String>,
    /// `EventKey`, exactly. WeChat puts `qrscene_` before the scene when somebody follows by a QR code, and nothing when
    /// a follower scans it. An empty key is none, here and in the next two.
    pub event_key: Option<String>,
    /// What `EventKey` begins with, exactly.
    pub event_key_prefix: Option<String>,
    /// A pattern for `EventKey` as it is.
    pub event_key_pattern: Option<Regex>,
    /// A pattern for the content of a text, after NFKC normalisation, without invisible characters, and trimmed: a Chinese
    /// keyboard types `？`, and the pattern says `\?`. Handlers see the text as it was typed.
    pub text: Option<Regex>,
    /// A pattern for what WeChat recognised in a voice message, normalised in the same way. A voice in which it heard
    /// nothing doesn't match.
    pub speech: Option<Regex>,
}

/// What the groups of a condition's pattern matched: each by its number, from 1, and by its name if it has one. A group
/// that took no part isn't there.
pub type Captures = BTreeMap<String, String>;

impl Condition {
    /// Whether it holds for a message of this account, and what its pattern captured.
    pub fn matches(&self, account: &str, message: &Message) -> Option<Captures> {
        self.explain(account, message).ok()
    }

    /// What its pattern captured.
    ///
    /// # Errors
    /// The first thing that doesn't hold.
    pub fn explain<'a>(&'a self, account: &'a str, message: &'a Message) -> Result<Captures, Mismatch<'a>> {
        self.is_addressed(account, message)?;
        let mut captures = self.key(message)?;
        if let Some(pattern) = &self.text {
            let content = message.content().ok_or(Mismatch::NoText { found: message.msg_type() })?;
            captures.extend(find_written("text", pattern, content)?);
        }
        if let Some(pattern) = &self.speech {
            let found = message.msg_type();
            let heard = message.recognition().ok_or(Mismatch::NoSpeech { found })?;
            captures.extend(find_written("speech", pattern, heard)?);
        }
        Ok(captures)
    }

    /// Account, type and event.
    fn is_addressed<'a>(&'a self, account: &'a str, message: &'a Message) -> Result<(), Mismatch<'a>> {
        if let Some(wanted) = self.account.as_deref().filter(|wanted| *wanted != account) {
            return Err(Mismatch::Account { wanted, found: account });
        }
        let found = message.msg_type();
        if self.kind.is_none() && self.event.is_none() {
            if message.is_event() {
                return Err(Mismatch::IsEvent);
            }
            // What WeChat tells a platform about itself (`InfoType`).
            if found.is_empty() {
                return Err(Mismatch::NoType);
            }
        }
        if let Some(wanted) = self.kind.as_deref().filter(|wanted| !wanted.eq_ignore_ascii_case(found)) {
            return Err(Mismatch::Type { wanted, found });
        }
        let Some(wanted) = self.event.as_deref() else { return Ok(()) };
        match message.event() {
            None => Err(Mismatch::NoEvent { wanted, found }),
            Some(event) if event.eq_ignore_ascii_case(wanted) => Ok(()),
            Some(found) => Err(Mismatch::Event { wanted, found }),
        }
    }

    /// The key of an event.
    fn key<'a>(&'a self, message: &'a Message) -> Result<Captures, Mismatch<'a>> {
        let key = |condition| message.event_key().ok_or(Mismatch::NoKey { condition });
        if let Some(wanted) = &self.event_key {
            let found = key("event_key")?;
            if wanted != found {
                return Err(Mismatch::Key { wanted, found });
            }
        }
        if let Some(wanted) = &self.event_key_prefix {
            let found = key("event_key_prefix")?;
            if !found.starts_with(wanted) {
                return Err(Mismatch::Prefix { wanted, found });
            }
        }
        match &self.event_key_pattern {
            None => Ok(Captures::new()),
            Some(pattern) => {
                let condition = "event_key_pattern";
                find(condition, pattern, Cow::Borrowed(key(condition)?))
            }
        }
    }
}

/// What the groups found in the text.
fn find<'a>(
    condition: &'static str,
    pattern: &'a Regex,
    text: Cow<'a, str>,
) -> Result<Captures, Mismatch<'a>> {
    let Some(found) = pattern.captures(&text) else {
        return Err(Mismatch::Pattern { condition, wanted: pattern.as_str(), found: text });
    };
    let mut captures = Captures::new();
    for (number, name) in pattern.capture_names().enumerate().skip(1) {
        let Some(group) = found.get(number) else { continue };
        captures.insert(number.to_string(), group.as_str().to_owned());
        if let Some(name) = name {
            captures.insert(name.to_owned(), group.as_str().to_owned());
        }
    }
    Ok(captures)
}

/// What the groups found in a text that was typed or spoken: first as its writer sees it, then with every character that
/// is there.
fn find_written<'a>(
    condition: &'static str,
    pattern: &'a Regex,
    text: &'a str,
) -> Result<Captures, Mismatch<'a>> {
    let seen = normalised(text);
    match find(condition, pattern, seen) {
        Err(_) if text.contains(is_artefact) => find(condition, pattern, compatible(text)),
        found => found,
    }
}

/// The text in the form that patterns match: without what nobody sees in a pasted or typed text. Most texts have this
/// form already and are not copied.
pub fn normalised(text: &str) -> Cow<'_, str> {
    if !text.contains(is_artefact) {
        return compatible(text);
    }
    let seen = |c: char| match c {
        '‐' | '‑' | '‒' | '–' | '—' | '−' => Some('-'),
        '‘' | '’' => Some('\''),
        '“' | '”' => Some('"'),
        c => (!is_artefact(c)).then_some(c),
    };
    Cow::Owned(compatible(&text.chars().filter_map(seen).collect::<String>()).into_owned())
}

/// NFKC, trimmed.
fn compatible(text: &str) -> Cow<'_, str> {
    if is_nfkc_quick(text.chars()) == IsNormalized::Yes {
        return Cow::Borrowed(text.trim());
    }
    // Trimmed last: some characters become a blank and another character.
    Cow::Owned(text.nfkc().collect::<String>().trim().to_owned())
}

/// What keyboards, clipboards and dictation put into a text: invisible characters, the blank that a phone's keyboard leaves
/// between syllables, and dashes and quotes that were straight when they were typed.
fn is_artefact(c: char) -> bool {
    !c.is_ascii()
        && matches!(c,
            '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{2006}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffc}' | '\u{e0000}'..='\u{e0fff}'
            | '‐' | '‑' | '‒' | '–' | '—' | '−' | '‘' | '’' | '“' | '”')
        || c.is_ascii_control() && !c.is_ascii_whitespace()
}
