//! Why a body isn't a message: each refusal by its name, with the place where it was seen.

/// A refusal of [`parse`](super::parse). Offsets are bytes from the start of the mended body. No variant holds text of a
/// message, only names of elements, entities and encodings, cut to 32 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum XmlError {
    /// Nothing, or only white space, comments and declarations.
    #[error("the body holds no XML element")]
    Empty,
    /// The XML declaration names another encoding.
    #[error("the body says it is encoded as {name:?}; only UTF-8 is read")]
    Encoding {
        /// The name it gives.
        name: String,
    },
    /// There is text before the root: JSON, HTML without a tag, a stray word.
    #[error("the body is not XML: text at byte {offset}, before the root element")]
    NotXml {
        /// Where the text begins.
        offset: usize,
    },
    /// A DOCTYPE, and perhaps entity declarations in it. WeChat never sends one.
    #[error("the body has a DOCTYPE at byte {offset}")]
    Doctype {
        /// Where it begins.
        offset: usize,
    },
    /// An entity other than the five of XML.
    #[error("the body uses the unknown entity {name:?} at byte {offset}")]
    Entity {
        /// Its name, without `&` and `;`.
        name: String,
        /// Where it stands.
        offset: usize,
    },
    /// A numeric reference without a number.
    #[error("the body has a character reference without a number at byte {offset}")]
    Reference {
        /// Where it stands.
        offset: usize,
    },
    /// The root is another element than `xml`.
    #[error("the root element is {name:?}, not \"xml\"")]
    Root {
        /// Its name.
        name: String,
    },
    /// A name that XML doesn't allow.
    #[error("the element at byte {offset} has no valid name")]
    Name {
        /// Where the tag begins.
        offset: usize,
    },
    /// More levels than [`TreeLimits::depth`](super::TreeLimits::depth).
    #[error("elements are nested deeper than {limit} at byte {offset}")]
    TooDeep {
        /// The limit.
        limit: usize,
        /// The first tag beyond it.
        offset: usize,
    },
    /// More elements than [`TreeLimits::elements`](super::TreeLimits::elements).
    #[error("more than {limit} elements at byte {offset}")]
    TooMany {
        /// The limit.
        limit: usize,
        /// The first tag beyond it.
        offset: usize,
    },
    /// Something other than white space and comments follows the root.
    #[error("the body goes on after its root element, at byte {offset}")]
    Trailing {
        /// Where it goes on.
        offset: usize,
    },
    /// The body ends inside an element.
    #[error("the body ends inside the element {name:?}")]
    Unclosed {
        /// The innermost open one.
        name: String,
    },
    /// An end tag that closes nothing, or another element than the innermost.
    #[error("the end tag at byte {offset} doesn't match")]
    Mismatched {
        /// Where it begins.
        offset: usize,
    },
    /// Any other breach of XML's grammar: a cut tag or CDATA, a lone `&`.
    #[error("the body is not well-formed at byte {offset}: {reason}")]
    Malformed {
        /// Where it was seen.
        offset: usize,
        /// What it is.
        reason: String,
    },
}

/// A name from outside, cut so that an error stays short.
pub(super) fn short(name: &str) -> String {
    name.chars().take(32).collect()
}
