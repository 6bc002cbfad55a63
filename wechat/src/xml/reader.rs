//! Bytes to tree, event by event, with an explicit stack: depth is a number here, never the call stack.

use quick_xml::Reader;
use quick_xml::errors::{Error, IllFormedError};
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesDecl, BytesStart, Event};

use super::error::short;
use super::{Element, XmlError, is_name, prose};
use crate::mend::{mend, push_legal};

/// How large a tree may be. WeChat's own messages are at most five levels deep and have some dozen elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeLimits {
    /// Levels of elements, the root included.
    pub depth: usize,
    /// Elements in all.
    pub elements: usize,
}

impl Default for TreeLimits {
    fn default() -> Self {
        TreeLimits { depth: 16, elements: 4096 }
    }
}

/// Reads a body under the default [`TreeLimits`]. See [`parse_within`].
///
/// # Errors
/// [`XmlError`], one variant per refusal.
pub fn parse(body: &[u8]) -> Result<Element, XmlError> {
    parse_within(body, TreeLimits::default())
}

/// Reads a body: a byte order mark, white space and an XML declaration may come first, then one root named `xml`.
///
/// Broken UTF-8 becomes U+FFFD and characters that XML forbids are dropped, rather than refused: they can only come from
/// a user's text, and refusing would make WeChat push the message again and then show the user a fault.
/// [`body::parse`](crate::body::parse) tells whether that was so.
///
/// # Errors
/// [`XmlError`], one variant per refusal.
pub fn parse_within(body: &[u8], limits: TreeLimits) -> Result<Element, XmlError> {
    let (text, _) = mend(body);
    parse_text(&text, limits).map(|(tree, _)| tree)
}

/// Reads a mended text; also tells whether references had to be mended.
pub(crate) fn parse_text(text: &str, limits: TreeLimits) -> Result<(Element, bool), XmlError> {
    let unmarked = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let escaped = prose::escaped(unmarked);
    XmlBuilder {
        limits,
        skipped: text.len() - unmarked.len(),
        begun: false,
        mended: false,
        elements: 0,
        open: Vec::new(),
        root: None,
    }
    .read(&escaped)
}

/// The tree under construction.
struct XmlBuilder {
    limits: TreeLimits,
    /// Bytes before those that the reader sees: the byte order mark.
    skipped: usize,
    /// Whether anything but white space has been seen, so that a declaration comes too late.
    begun: bool,
    /// Whether a reference meant no character, or one that XML forbids.
    mended: bool,
    elements: usize,
    /// From the root to the innermost open element.
    open: Vec<OpenElement>,
    /// The root, once it is closed.
    root: Option<Element>,
}

impl XmlBuilder {
    fn read(mut self, text: &str) -> Result<(Element, bool), XmlError> {
        let mut reader = Reader::from_str(text);
        reader.config_mut().allow_dangling_amp = false;
        loop {
            let offset = self.skipped + position(reader.buffer_position());
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(error) => return Err(self.refusal(&error, position(reader.error_position()))),
            };
            let late = self.begun;
            self.begun |= !matches!(&event, Event::Text(text) if is_blank(text));
            match event {
                Event::Eof => return self.finish(),
                Event::DocType(_) => return Err(XmlError::Doctype { offset }),
                Event::Decl(_) if late => {
                    return Err(malformed(offset, "an XML declaration that isn't at the start"));
                }
                Event::Decl(declaration) => check_encoding(&declaration, offset)?,
                Event::Comment(_) | Event::PI(_) => {}
                Event::Start(tag) => self.start(&tag, offset)?,
                Event::Empty(tag) => {
                    self.start(&tag, offset)?;
                    self.end();
                }
                Event::End(_) => self.end(),
                Event::Text(text) => self.text(&text.xml10_content(), offset)?,
                Event::CData(text) => self.inside(offset)?.cdata(&text.xml10_content()),
                Event::GeneralRef(reference) => {
                    let (c, mended) = resolve(&reference, offset)?;
                    self.mended |= mended;
                    self.mended |= self.inside(offset)?.reference(c);
                }
            }
        }
    }

    fn start(&mut self, tag: &BytesStart<'_>, offset: usize) -> Result<(), XmlError> {
        let name = tag.name();
        let name = name.into_inner();
        if !is_name(name) {
            return Err(XmlError::Name { offset });
        }
        if self.open.is_empty() {
            if self.root.is_some() {
                return Err(XmlError::Trailing { offset });
            }
            if name != "xml" {
                return Err(XmlError::Root { name: short(name) });
            }
        }
        if self.open.len() == self.limits.depth {
            return Err(XmlError::TooDeep { limit: self.limits.depth, offset });
        }
        if self.elements == self.limits.elements {
            return Err(XmlError::TooMany { limit: self.limits.elements, offset });
        }
        self.elements += 1;
        self.open.push(OpenElement::new(name));
        Ok(())
    }

    /// Closes the innermost element; the reader has checked that the names agree.
    fn end(&mut self) {
        let Some(closed) = self.open.pop() else { return };
        let element = closed.finish();
        match self.open.last_mut() {
            Some(parent) => parent.child(element),
            None => self.root = Some(element),
        }
    }

    fn text(&mut self, text: &str, offset: usize) -> Result<(), XmlError> {
        if self.open.is_empty() && is_blank(text) {
            return Ok(());
        }
        self.inside(offset)?.bare(text);
        Ok(())
    }

    /// The innermost open element, for something that may stand only inside one.
    fn inside(&mut self, offset: usize) -> Result<&mut OpenElement, XmlError> {
        match self.open.last_mut() {
            Some(open) => Ok(open),
            None if self.root.is_some() => Err(XmlError::Trailing { offset }),
            None => Err(XmlError::NotXml { offset }),
        }
    }

    fn finish(mut self) -> Result<(Element, bool), XmlError> {
        match self.open.pop() {
            Some(open) => Err(XmlError::Unclosed { name: short(&open.element.name) }),
            None => Ok((self.root.ok_or(XmlError::Empty)?, self.mended)),
        }
    }

    fn refusal(&self, error: &Error, at: usize) -> XmlError {
        let offset = self.skipped + at;
        match error {
            Error::IllFormed(IllFormedError::UnmatchedEndTag(_)) if self.root.is_some() => {
                XmlError::Trailing { offset }
            }
            Error::IllFormed(
                IllFormedError::MismatchedEndTag { .. } | IllFormedError::UnmatchedEndTag(_),
            ) => XmlError::Mismatched { offset },
            other => malformed(offset, &other.to_string()),
        }
    }
}

/// An element that isn't closed yet.
struct OpenElement {
    element: Element,
    /// The bare text since the last tag or CDATA. Whether it is content or layout is known when the element ends.
    run: String,
    /// Whether the run holds a reference: such white space was written on purpose.
    run_is_meant: bool,
    /// Whether a CDATA section was seen, so that blank runs are layout.
    has_cdata: bool,
}

impl OpenElement {
    fn new(name: &str) -> OpenElement {
        OpenElement { element: Element::new(name), run: String::new(), run_is_meant: false, has_cdata: false }
    }

    fn bare(&mut self, text: &str) {
        self.run.push_str(text);
    }

    /// Adds the character, unless XML forbids it. Gives whether XML forbids it.
    fn reference(&mut self, c: char) -> bool {
        self.run_is_meant = true;
        push_legal(&mut self.run, c.encode_utf8(&mut [0; 4]))
    }

    fn cdata(&mut self, text: &str) {
        self.settle_run();
        self.has_cdata = true;
        self.element.text.push_str(text);
    }

    fn child(&mut self, child: Element) {
        self.settle_run();
        self.element.children.push(child);
    }

    /// Ends a run of bare text beside CDATA or a child. If it is blank, it was layout.
    fn settle_run(&mut self) {
        if self.run_is_meant || !is_blank(&self.run) {
            self.element.text.push_str(&self.run);
        }
        self.run.clear();
        self.run_is_meant = false;
    }

    fn finish(mut self) -> Element {
        if self.has_cdata || !self.element.children.is_empty() {
            self.settle_run();
        } else {
            self.element.text = self.run;
        }
        self.element
    }
}

/// The character that `&…;` means, and whether it had to be mended: a number that is no character's becomes U+FFFD.
fn resolve(reference: &str, offset: usize) -> Result<(char, bool), XmlError> {
    let Some(number) = reference.strip_prefix('#') else {
        let text = resolve_predefined_entity(reference);
        let c = text.and_then(|text| text.chars().next());
        return c.map(|c| (c, false)).ok_or_else(|| XmlError::Entity { name: short(reference), offset });
    };
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(XmlError::Reference { offset });
    }
    let c = u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
    Ok((c.unwrap_or(char::REPLACEMENT_CHARACTER), c.is_none()))
}

/// White space as XML means it; an ideographic space is a character of the message.
fn is_blank(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'))
}

/// Refuses a declaration of an encoding other than UTF-8.
fn check_encoding(declaration: &BytesDecl<'_>, offset: usize) -> Result<(), XmlError> {
    let Some(encoding) = declaration.encoding() else { return Ok(()) };
    let name = encoding.map_err(|error| malformed(offset, &error.to_string()))?;
    if name.eq_ignore_ascii_case("utf-8") || name.eq_ignore_ascii_case("utf8") {
        return Ok(());
    }
    Err(XmlError::Encoding { name: short(&name) })
}

fn malformed(offset: usize, reason: &str) -> XmlError {
    XmlError::Malformed { offset, reason: reason.to_owned() }
}

/// A position inside a slice, which therefore fits.
fn position(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
