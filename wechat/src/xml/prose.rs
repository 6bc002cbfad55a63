//! What people write, which WeChat puts into CDATA without escaping it.
//!
//! A user's `]]>` ends the section for an XML reader, and what follows would be read as elements: at best the push can't be
//! read, at worst the text brings a `MsgId` of its own. So before the body is read as XML, each such field is found and
//! escaped. What comes behind a field is WeChat's, so the field reaches to its *last* possible end. If several stand in a
//! row, the end of the last is found first; each of the others ends at the last place where its neighbour may begin.
//! Whichever place that is, all of it is text of these fields, and none becomes an element.
//!
//! A `]]>` that is escaped as XML wants it, split over two sections, is understood too.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::{Finder, FinderRev};
use memchr::{memchr_iter, memchr2, memrchr};

use super::LISTS;

/// The elements whose text a person chooses: what is typed, said, named, shared or scanned.
const WRITTEN: [&str; 10] = [
    "Content",
    "Recognition",
    "Title",
    "Description",
    "Url",
    "PagePath",
    "Label",
    "Poiname",
    "ScanResult",
    "SessionFrom",
];
const BEGIN: &str = "<![CDATA[";
const END: &str = "]]>";
/// Each body is searched for these a dozen times.
static BEGINS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(BEGIN));
static ENDS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(END));
static ENDS_FROM_BEHIND: LazyLock<FinderRev<'static>> = LazyLock::new(|| FinderRev::new(END));
/// `]]>` as XML wants it.
const SPLIT: &str = "]]]]><![CDATA[>";
/// How [`cdata`](super::cdata) writes a carriage return.
const RETURN: &str = "]]>&#13;<![CDATA[";

/// The body with everything that people wrote in it escaped.
pub(super) fn escaped(body: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let (mut copied, mut at, mut lists) = (0, 0, 0);
    while let Some(begin) = BEGINS.find(&body.as_bytes()[at..]).map(|found| at + found + BEGIN.len()) {
        let between = &body[at..begin - BEGIN.len()];
        lists += lists_opened(between);
        // In a list a field would reach to the end of the list's last one.
        let Some(name) = field_before(between).filter(|_| lists == 0) else {
            let Some(end) = ENDS.find(&body.as_bytes()[begin..]) else { break };
            at = begin + end;
            continue;
        };
        let Some(end) = end_of(name, &body[begin..]).map(|end| begin + end) else { break };
        let text = &body[begin..end];
        if ENDS.find(text.as_bytes()).is_some() && !is_escaped(text) {
            out.push_str(&body[copied..begin]);
            out.push_str(&text.replace(END, SPLIT));
            copied = end;
        }
        at = end;
    }
    if copied == 0 { Cow::Borrowed(body) } else { Cow::Owned(out + &body[copied..]) }
}

/// The field whose start tag ends here.
fn field_before(before: &str) -> Option<&'static str> {
    let tag = blank_trimmed_end(before).strip_suffix('>')?;
    written(&tag[memrchr(b'<', tag.as_bytes())? + 1..])
}

/// How many more lists begin in a text than end.
fn lists_opened(text: &str) -> isize {
    let tags = memchr_iter(b'<', text.as_bytes()).filter_map(|at| {
        let tag = &text[at + 1..];
        // Not beyond the next one: a text of nothing but `<` would be read again and again.
        let end = memchr2(b'<', b'>', tag.as_bytes()).filter(|end| tag.as_bytes()[*end] == b'>')?;
        Some(&tag[..end])
    });
    tags.map(|tag| match tag.strip_prefix('/') {
        Some(name) => -isize::from(LISTS.contains(&name)),
        None => isize::from(LISTS.contains(&tag)),
    })
    .sum()
}

/// Where the text of the field `name` ends, which `rest` begins with.
fn end_of(name: &str, rest: &str) -> Option<usize> {
    let ends = || {
        ENDS_FROM_BEHIND.rfind_iter(rest.as_bytes()).filter_map(|at| {
            let (closed, behind) = closing(&rest[at + END.len()..])?;
            Some((at, closed, behind))
        })
    };
    let (last, last_name, _) = ends().find(|(_, closed, _)| written(closed).is_some())?;
    if last_name == name {
        return Some(last);
    }
    let own = || ends().filter(|(_, closed, _)| *closed == name);
    // Its neighbour is another such field, or at least an element.
    let neighbour = own().find(|(_, _, behind)| {
        let tag = behind.strip_prefix('<').and_then(|tag| tag.split_once('>'));
        tag.is_some_and(|(next, text)| {
            next != name && written(next).is_some() && blank_trimmed_start(text).starts_with(BEGIN)
        })
    });
    let element = || own().find(|(_, _, behind)| behind.starts_with('<') && !behind.starts_with("</"));
    neighbour.or_else(element).or_else(|| own().next()).map(|(at, _, _)| at)
}

/// The name of the end tag that a text begins with, and what comes behind it; without the blanks around.
fn closing(text: &str) -> Option<(&str, &str)> {
    let (name, behind) = blank_trimmed_start(text).strip_prefix("</")?.split_once('>')?;
    Some((blank_trimmed_end(name), blank_trimmed_start(behind)))
}

fn written(name: &str) -> Option<&'static str> {
    WRITTEN.into_iter().find(|written| *written == name)
}

/// Whether every `]]>` in a text is one that an XML writer has put there.
fn is_escaped(text: &str) -> bool {
    text.match_indices(END).all(|(at, _)| {
        text[at..].starts_with(RETURN) || (text[..at].ends_with("]]") && text[at..].starts_with(&SPLIT[2..]))
    })
}

fn blank_trimmed_start(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}

fn blank_trimmed_end(text: &str) -> &str {
    text.trim_end_matches([' ', '\t', '\n', '\r'])
}
