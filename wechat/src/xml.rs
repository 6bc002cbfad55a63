//! The body of a push as an ordered tree.
//!
//! WeChat's XML is small and irregular: elements come in any order, numbers in CDATA and strings without, names in
//! changing case, lists as repeated siblings, and new elements at any time. So the body becomes a tree of names, texts
//! and children first, with nothing lost, and typed values are taken from it afterwards. Deserialising into structs
//! was rejected: it drops repeated and unknown elements, and its reader swallows a DOCTYPE.
//!
//! What WeChat never sends is refused: a DOCTYPE (and with it every entity attack), another root than `xml`, anything
//! after the root, depth or numbers beyond [`TreeLimits`]. What a person wrote is always text: see `prose`. Attributes, comments and processing instructions are ignored.

mod error;
mod prose;
mod reader;
mod writer;

use serde_json::{Map, Value};

pub use error::XmlError;
pub(crate) use reader::parse_text;
pub use reader::{TreeLimits, parse, parse_within};
pub(crate) use writer::cdata;

/// An element: its name, the text directly inside it, and its child elements in their order. From JSON, a member.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Element {
    /// The name as written, with its prefix if it has one. From JSON it may be any text.
    pub name: String,
    /// All text, CDATA and references directly inside, joined. White space that stands between child elements or
    /// around CDATA is layout and is left out; blanks inside CDATA, or in an element with bare text only, are kept.
    pub text: String,
    /// The child elements.
    pub children: Vec<Element>,
}

impl Element {
    /// An empty element.
    pub fn new(name: impl Into<String>) -> Element {
        Element { name: name.into(), ..Element::default() }
    }

    /// An element with a text and no children.
    pub fn leaf(name: impl Into<String>, text: impl Into<String>) -> Element {
        Element { name: name.into(), text: text.into(), children: Vec::new() }
    }

    /// Adds a child at the end; chains.
    pub fn push(&mut self, child: Element) -> &mut Element {
        self.children.push(child);
        self
    }

    /// The child called `name`: the first with exactly this spelling, otherwise the first that differs only in ASCII case
    /// (WeChat's own pages write `MenuId` and `MenuID`).
    pub fn get(&self, name: &str) -> Option<&Element> {
        let exact = self.children.iter().find(|child| child.name == name);
        exact.or_else(|| self.children.iter().find(|child| child.name.eq_ignore_ascii_case(name)))
    }

    /// The text of [`get`](Element::get), as it is: not trimmed, and perhaps empty.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.get(name).map(|child| child.text.as_str())
    }

    /// All children called `name`, in order, by the same rule of spelling as [`get`](Element::get).
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        let exact = self.children.iter().any(|child| child.name == name);
        self.children.iter().filter(move |child| {
            if exact { child.name == name } else { child.name.eq_ignore_ascii_case(name) }
        })
    }

    /// The content as JSON: a leaf is a string (numbers too: ids exceed 2⁵³), an element with children an object.
    ///
    /// Children of one name become an array, and `item`, `List` and `fail_idx`, which are lists by WeChat's
    /// documentation, always are one. Text beside children, which WeChat doesn't send, is kept as `#text`.
    pub fn to_json(&self) -> Value {
        if self.children.is_empty() {
            return Value::String(self.text.clone());
        }
        let mut object = Map::new();
        for child in &self.children {
            match object.get_mut(&child.name) {
                Some(Value::Array(list)) => list.push(child.to_json()),
                Some(first) => *first = Value::Array(vec![first.take(), child.to_json()]),
                None if LISTS.contains(&child.name.as_str()) => {
                    object.insert(child.name.clone(), Value::Array(vec![child.to_json()]));
                }
                None => {
                    object.insert(child.name.clone(), child.to_json());
                }
            }
        }
        if !self.text.is_empty() {
            object.insert("#text".to_owned(), Value::String(self.text.clone()));
        }
        Value::Object(object)
    }

    /// The element as XML, without a declaration, every text in CDATA. Reading it gives the same tree, except that
    /// characters which XML forbids (most control characters) are left out, and that what a name can't hold is `_`.
    pub fn write(&self) -> String {
        let mut out = String::new();
        writer::write(self, &mut out);
        out
    }
}

/// The elements that WeChat repeats to make a list.
const LISTS: [&str; 3] = ["item", "List", "fail_idx"];

/// XML's rule for names, a little wider: what it refuses could not be written back as a tag.
fn is_name(name: &str) -> bool {
    // Nearly every name is so plain, and this look is quicker.
    if name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return !name.is_empty();
    }
    let mut chars = name.chars();
    chars.next().is_some_and(begins_name) && chars.all(continues_name)
}

fn begins_name(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == ':'
}

fn continues_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | ':' | '-' | '.')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_exact_name_wins_over_an_earlier_one_in_another_case() {
        let mut tree = Element::new("xml");
        tree.push(Element::leaf("MsgID", "1"))
            .push(Element::leaf("MsgId", "2"))
            .push(Element::leaf("MsgId", "3"));
        assert_eq!(tree.text_of("MsgId"), Some("2"));
        assert_eq!(tree.text_of("msgid"), Some("1"));
        assert_eq!(tree.text_of("Msg"), None);
        assert_eq!(tree.all("MsgId").count(), 2);
        assert_eq!(tree.all("msgid").count(), 3);
    }

    #[test]
    fn json_keeps_numbers_as_strings_and_lists_as_arrays() {
        let tree = parse(
            b"<xml><MsgId>24801004976846051</MsgId><a>1</a><a>2</a><a>3</a><e/>\
              <PicList><item><PicMd5Sum>x</PicMd5Sum></item></PicList><fail_idx>4</fail_idx><List>l</List></xml>",
        )
        .unwrap();
        assert_eq!(
            tree.to_json(),
            json!({
                "MsgId": "24801004976846051", "a": ["1", "2", "3"], "e": "",
                "PicList": {"item": [{"PicMd5Sum": "x"}]}, "fail_idx": ["4"], "List": ["l"],
            })
        );
    }

    #[test]
    fn json_keeps_text_that_stands_beside_children() {
        let tree = parse(b"<xml>hello<a>1</a></xml>").unwrap();
        assert_eq!(tree.to_json(), json!({"a": "1", "#text": "hello"}));
    }
}
