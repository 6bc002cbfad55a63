//! A message's body, in whichever of WeChat's two data formats.
//!
//! The account's settings choose between XML and JSON, and a change takes effect at once, so the format is read off the
//! body, by its first character: `{` is JSON, everything else is read as XML. Both become the same tree, and nothing
//! after this knows the difference. The `Content-Type` isn't asked: it has been seen wrong.
//!
//! What a user typed may hold bytes that aren't UTF-8 and characters that XML forbids. They are mended, and that is
//! noted: a message refused for one would be pushed twice more, and then shown to the user as a fault.

use crate::json::{self, JsonError};
use crate::mend::mend;
use crate::xml::{self, Element, TreeLimits, XmlError};

/// A body that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedBody {
    /// The tree; its root is called `xml`, in JSON too.
    pub tree: Element,
    /// Whether something had to be mended: broken UTF-8 became U+FFFD, or a forbidden character was left out.
    pub mended: bool,
}

/// Reads a body under the default [`TreeLimits`].
///
/// # Errors
/// [`BodyError`]: the format's own refusal.
pub fn parse(body: &[u8]) -> Result<ParsedBody, BodyError> {
    let (text, mended) = mend(body);
    let limits = TreeLimits::default();
    let (tree, mended_inside) = if is_json(&text) {
        json::parse_text(&text, limits).map_err(BodyError::Json)?
    } else {
        xml::parse_text(&text, limits).map_err(BodyError::Xml)?
    };
    Ok(ParsedBody { tree, mended: mended || mended_inside })
}

/// Why a body can't be read. Offsets are bytes of the body after it was mended; nothing of a message's text is shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// As XML.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// As JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
}

fn is_json(text: &str) -> bool {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{')
}
