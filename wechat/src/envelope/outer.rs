//! The shell around `Encrypt`.
//!
//! What stands beside `Encrypt` can't be trusted: `msg_signature` doesn't cover it. In compatible mode that is a whole plain
//! copy of the message, which is ignored.

use serde_json::json;

use crate::body::{self, BodyError};
use crate::xml::Element;

/// The text of the one `Encrypt` in an envelope, XML or JSON, without white space around it.
///
/// # Errors
/// The envelope can't be read, or has no `Encrypt`, or more than one, which two readers could read differently.
pub fn encrypt_of(envelope: &[u8]) -> Result<String, EnvelopeError> {
    let parsed = body::parse(envelope).map_err(EnvelopeError::Unreadable)?;
    let mut sealed = parsed.tree.children.into_iter().filter(|child| child.name == "Encrypt");
    match (sealed.next(), sealed.next()) {
        (None, _) => Err(EnvelopeError::Missing),
        (Some(_), Some(_)) => Err(EnvelopeError::Doubled),
        (Some(only), None) if only.children.is_empty() => Ok(only.text.trim().to_owned()),
        (Some(_), None) => Err(EnvelopeError::NotText),
    }
}

/// The envelope of safe mode in XML. `to` is the account's original id, `gh_…`.
pub fn to_xml(to: &str, encrypt: &str) -> String {
    let mut tree = Element::new("xml");
    tree.push(Element::leaf("ToUserName", to)).push(Element::leaf("Encrypt", encrypt));
    tree.write()
}

/// The envelope of safe mode in JSON. `to` is the account's original id, `gh_…`.
pub fn to_json(to: &str, encrypt: &str) -> String {
    json!({ "ToUserName": to, "Encrypt": encrypt }).to_string()
}

/// Why a body isn't an envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It is neither XML nor JSON.
    #[error("the envelope can't be read: {0}")]
    Unreadable(#[source] BodyError),
    /// It has no `Encrypt`: it is plain.
    #[error("there is no Encrypt")]
    Missing,
    /// It has several.
    #[error("there is more than one Encrypt")]
    Doubled,
    /// Its `Encrypt` has elements inside.
    #[error("Encrypt isn't a text")]
    NotText,
}
