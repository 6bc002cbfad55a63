//! The JSON data format, into the same tree as XML.
//!
//! A member becomes a child element, its value the text; an array becomes siblings of one name, as WeChat's lists are in
//! XML; `null` is empty, and an empty array is nothing. Numbers keep the text they came in: ids are longer than a
//! double is exact, and some longer than 64 bits.
//!
//! That, and what users' texts can do, is why this is a reader of its own and not serde_json. Its `Value` drops repeated
//! members, turns long numbers into doubles, and refuses half a surrogate pair and a raw newline in a string; each
//! would lose a message. Its feature that keeps numbers as text would be switched on for the whole workspace, and
//! `RawValue` keeps the two refusals. What is refused here is what isn't JSON in any reading, and what is beyond
//! [`TreeLimits`]. Depth is a number, never the call stack.

mod lexer;

use crate::mend::mend;
use crate::xml::{Element, TreeLimits};
use lexer::Lexer;

/// Reads a JSON object under the default [`TreeLimits`], as the children of a root called `xml`.
///
/// Broken UTF-8 and lone surrogates become U+FFFD, and characters that XML forbids are dropped.
/// [`body::parse`](crate::body::parse) tells whether that was so.
///
/// # Errors
/// [`JsonError`], one variant per refusal.
pub fn parse(body: &[u8]) -> Result<Element, JsonError> {
    let (text, _) = mend(body);
    parse_text(&text, TreeLimits::default()).map(|(tree, _)| tree)
}

/// Reads a mended text; also tells whether escapes in it had to be mended.
pub(crate) fn parse_text(text: &str, limits: TreeLimits) -> Result<(Element, bool), JsonError> {
    JsonBuilder { lexer: Lexer::new(text), limits, elements: 0, depth: 0, open: Vec::new() }.read()
}

/// A refusal of [`parse`]. Offsets are bytes from the start of the mended body. Nothing of it is shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// It isn't JSON, or ends too early, or isn't an object.
    #[error("the body is not a JSON object: {expected} expected at byte {offset}")]
    Syntax {
        /// What would have been right.
        expected: &'static str,
        /// Where.
        offset: usize,
    },
    /// More levels than [`TreeLimits::depth`].
    #[error("values are nested deeper than {limit} at byte {offset}")]
    TooDeep {
        /// The limit.
        limit: usize,
        /// The first value beyond it.
        offset: usize,
    },
    /// More values than [`TreeLimits::elements`].
    #[error("more than {limit} values at byte {offset}")]
    TooMany {
        /// The limit.
        limit: usize,
        /// The first value beyond it.
        offset: usize,
    },
    /// Something other than white space follows the object.
    #[error("the body goes on after its object, at byte {offset}")]
    Trailing {
        /// Where it goes on.
        offset: usize,
    },
}

/// The tree under construction.
struct JsonBuilder<'a> {
    lexer: Lexer<'a>,
    limits: TreeLimits,
    elements: usize,
    /// How many elements are open.
    depth: usize,
    /// From the root to the innermost open container.
    open: Vec<OpenContainer>,
}

/// A container that isn't closed yet.
struct OpenContainer {
    kind: ContainerKind,
    /// Whether it has a value already, so that a comma must come.
    begun: bool,
}

enum ContainerKind {
    /// An object: an element.
    Object(Element),
    /// An array that is a member's value: no element; its values are siblings of this name.
    List(String),
    /// An array in an array: an element whose values are called `item`.
    Nested(Element),
}

impl JsonBuilder<'_> {
    fn read(mut self) -> Result<(Element, bool), JsonError> {
        self.lexer.skip_blank();
        self.lexer.expect(b'{', "{")?;
        self.open_element("xml".to_owned(), ContainerKind::Object)?;
        loop {
            if let Some(root) = self.step()? {
                self.lexer.finish()?;
                return Ok((root, self.lexer.mended));
            }
        }
    }

    /// Reads one value, or the end of a container; gives the root when that is closed.
    fn step(&mut self) -> Result<Option<Element>, JsonError> {
        self.lexer.skip_blank();
        // There is always one: the loop ends with the root.
        let Some(top) = self.open.last_mut() else { return Ok(Some(Element::new("xml"))) };
        let is_object = matches!(top.kind, ContainerKind::Object(_));
        if self.lexer.eat(if is_object { b'}' } else { b']' }) {
            return Ok(self.close());
        }
        if top.begun {
            self.lexer.expect(b',', if is_object { ", or }" } else { ", or ]" })?;
            self.lexer.skip_blank();
        }
        top.begun = true;
        let name = match &top.kind {
            ContainerKind::Object(_) => self.lexer.key()?,
            ContainerKind::List(name) => name.clone(),
            ContainerKind::Nested(_) => "item".to_owned(),
        };
        self.value(name, is_object)?;
        Ok(None)
    }

    fn value(&mut self, name: String, in_object: bool) -> Result<(), JsonError> {
        if self.lexer.eat(b'{') {
            self.open_element(name, ContainerKind::Object)
        } else if self.lexer.eat(b'[') {
            if in_object {
                self.open.push(OpenContainer { kind: ContainerKind::List(name), begun: false });
                Ok(())
            } else {
                self.open_element(name, ContainerKind::Nested)
            }
        } else {
            self.count()?;
            let text = self.lexer.scalar()?;
            self.add(Element::leaf(name, text));
            Ok(())
        }
    }

    fn open_element(&mut self, name: String, kind: fn(Element) -> ContainerKind) -> Result<(), JsonError> {
        self.count()?;
        self.depth += 1;
        self.open.push(OpenContainer { kind: kind(Element::new(name)), begun: false });
        Ok(())
    }

    /// Closes the innermost container; gives it if it was the root.
    fn close(&mut self) -> Option<Element> {
        match self.open.pop()?.kind {
            ContainerKind::List(_) => None,
            ContainerKind::Object(element) | ContainerKind::Nested(element) => {
                self.depth -= 1;
                if self.open.is_empty() {
                    return Some(element);
                }
                self.add(element);
                None
            }
        }
    }

    /// Adds to the innermost element. A list is no element of its own; it stands directly in one.
    fn add(&mut self, child: Element) {
        let parent = self.open.iter_mut().rev().find_map(|open| match &mut open.kind {
            ContainerKind::Object(element) | ContainerKind::Nested(element) => Some(element),
            ContainerKind::List(_) => None,
        });
        if let Some(parent) = parent {
            parent.children.push(child);
        }
    }

    /// Counts one more element, at the place where its value begins.
    fn count(&mut self) -> Result<(), JsonError> {
        let offset = self.lexer.offset();
        if self.depth == self.limits.depth {
            return Err(JsonError::TooDeep { limit: self.limits.depth, offset });
        }
        if self.elements == self.limits.elements {
            return Err(JsonError::TooMany { limit: self.limits.elements, offset });
        }
        self.elements += 1;
        Ok(())
    }
}
