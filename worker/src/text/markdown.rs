//! Markdown to a text that reads well in a chat, where every sign of it would be shown as typed.
//!
//! | Markdown | becomes |
//! | --- | --- |
//! | links, images | `<a href="…">text</a>`; an address that is its own text stays bare |
//! | headings | 【heading】 on a line of their own |
//! | lists | lines with • or their numbers, indented by level; tasks with ☐ and ☑ |
//! | tables | for each row its cells on lines of `header：value` |
//! | quotes, rules | lines after │; ——— |
//! | code | as it is, without its fence |
//! | emphasis | nothing; what is arithmetic, code or a range keeps its signs |
//! | formulas | as they are |
//! | HTML | see `html` |
//!
//! A line break in a paragraph stays one: in a chat it is meant. Models write two things that CommonMark doesn't
//! understand as they mean them: `**重点：**后文`, which isn't strong because a letter follows the punctuation, and
//! addresses with `_` or `*` in them. Both are handled here.

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::LazyLock;

use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};
use regex::{Captures, Regex};

use super::table::TextTable;
use super::writer::{Gap, TextWriter};
use super::{bare_address, html, links};

/// Turns Markdown into text with links in the strict form.
pub(super) fn to_text(markdown: &str) -> String {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH;
    let formulas = Formulas::of(markdown);
    let source = formulas.text.as_str();
    let mut page =
        Renderer { source, addresses: bare_address::addresses(source).collect(), ..Renderer::default() };
    for (event, at) in Parser::new_ext(source, options).into_offset_iter() {
        page.event(event, at);
    }
    formulas.put_back(&page.writer.finish())
}

/// A text whose formulas in `\(…\)` and `\[…\]`, whose backslashes Markdown would take, are one character each.
struct Formulas<'a> {
    text: String,
    taken: Vec<&'a str>,
}

/// The first of those characters; none of them is assigned.
const FORMULA: u32 = 0xF0000;
const FORMULAS_MAX: usize = 1000;

impl<'a> Formulas<'a> {
    fn of(markdown: &'a str) -> Self {
        static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(
                r"(?s)\\\(.{1,2000}?\\\)|\\\[.{1,2000}?\\\]|\\begin\{[a-z*]+\}.{1,2000}?\\end\{[a-z*]+\}",
            )
            .expect("the pattern is a constant")
        });
        let (mut signs, mut taken) = ((FORMULA..).filter_map(char::from_u32), Vec::new());
        let is_ours = |c: char| (FORMULA..FORMULA + FORMULAS_MAX as u32).contains(&u32::from(c));
        if markdown.contains(is_ours) {
            return Self { text: markdown.to_owned(), taken };
        }
        let text = PATTERN.replacen(markdown, FORMULAS_MAX, |found: &Captures<'_>| {
            taken.push(&markdown[found.get_match().range()]);
            signs.next().map(String::from).unwrap_or_default()
        });
        Self { text: text.into_owned(), taken }
    }

    fn put_back(&self, text: &str) -> String {
        if self.taken.is_empty() {
            return text.to_owned();
        }
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            let index = u32::from(c).checked_sub(FORMULA).map(|index| index as usize);
            match index.and_then(|index| self.taken.get(index)) {
                Some(formula) => out.push_str(formula),
                None => out.push(c),
            }
        }
        out
    }
}

#[derive(Default)]
struct Renderer<'a> {
    source: &'a str,
    /// Where bare addresses stand in the source.
    addresses: Vec<Range<usize>>,
    writer: TextWriter,
    /// What is written in one piece at its end, innermost last: a heading, a cell, the label of a link.
    pieces: Vec<String>,
    /// The link or image whose label is being read. Those inside it are only their labels.
    link: Option<OpenLink>,
    links_inside: usize,
    /// The next number of each list; `None` for bullets.
    lists: Vec<Option<u64>>,
    table: TextTable,
    /// The HTML block being read.
    html: Option<String>,
    in_code: bool,
    /// Of each open emphasis, its sign if it is shown, because it belongs to an address.
    signs: Vec<&'a str>,
}

struct OpenLink {
    address: String,
    is_image: bool,
}

impl<'a> Renderer<'a> {
    fn event(&mut self, event: Event<'a>, at: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, &at),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => {
                if self.in_code || !self.is_stray_sign(&text, &at) {
                    self.text(&text);
                }
            }
            Event::Code(text) => self.text(&text),
            Event::InlineMath(_) | Event::DisplayMath(_) => {
                let formula = self.source.get(at).unwrap_or_default();
                self.text(formula);
            }
            Event::FootnoteReference(name) => self.text(&format!("[{name}]")),
            Event::Html(html) => self.html.get_or_insert_default().push_str(&html),
            Event::InlineHtml(html) => self.text(&html::inline(&html)),
            Event::SoftBreak | Event::HardBreak => self.text("\n"),
            Event::Rule => {
                self.writer.block(Gap::Blank);
                self.text("———");
                self.writer.block(Gap::Blank);
            }
            Event::TaskListMarker(done) => self.text(if done { "☑ " } else { "☐ " }),
        }
    }

    fn start(&mut self, tag: Tag<'a>, at: &Range<usize>) {
        self.set_off(&tag.to_end());
        match tag {
            Tag::Heading { .. } => {
                self.writer.block(Gap::Blank);
                self.pieces.push(String::new());
            }
            Tag::TableCell => self.pieces.push(String::new()),
            Tag::BlockQuote(_) => self.writer.indent("│ "),
            Tag::CodeBlock(_) => {
                self.pieces.push(String::new());
                self.in_code = true;
            }
            Tag::List(first) => self.lists.push(first),
            Tag::Item => self.item(),
            Tag::Table(_) => self.table = TextTable::default(),
            Tag::Emphasis => self.emphasis(1, at),
            Tag::Strong => self.emphasis(2, at),
            Tag::Strikethrough => {
                let is_long = self.source[at.start..].starts_with("~~");
                self.emphasis(if is_long { 2 } else { 1 }, at);
            }
            Tag::Link { link_type, dest_url, .. } => {
                // The address of a mail is made of its text.
                let address =
                    if link_type == LinkType::Email { String::new() } else { dest_url.into_string() };
                self.open_link(OpenLink { address, is_image: false });
            }
            Tag::Image { dest_url, .. } => {
                self.open_link(OpenLink { address: dest_url.into_string(), is_image: true });
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) => {
                let heading = self.pieces.pop().unwrap_or_default();
                let heading = heading.trim();
                if !heading.is_empty() {
                    let is_marked = heading.starts_with('【');
                    self.text(&if is_marked { heading.to_owned() } else { format!("【{heading}】") });
                    self.writer.join(Gap::Line);
                }
            }
            TagEnd::BlockQuote(_) | TagEnd::Item => self.writer.outdent(),
            TagEnd::CodeBlock => {
                let code = self.pieces.pop().unwrap_or_default();
                self.in_code = false;
                self.text(code.trim_end_matches('\n'));
            }
            TagEnd::List(_) => {
                self.lists.pop();
            }
            TagEnd::TableHead => self.table.end_head(),
            TagEnd::TableCell => {
                let cell = self.pieces.pop().unwrap_or_default();
                self.table.cell(one_line(&cell));
            }
            TagEnd::TableRow => {
                self.writer.block(Gap::Line);
                let row = self.table.end_row();
                self.text(&row);
            }
            TagEnd::Table => {
                let rest = self.table.end();
                self.text(&rest);
            }
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => {
                let sign = self.signs.pop().unwrap_or_default();
                self.text(sign);
            }
            TagEnd::Link | TagEnd::Image => self.close_link(),
            TagEnd::HtmlBlock => {
                let html = self.html.take().unwrap_or_default();
                self.text(&html::block(&html));
            }
            _ => {}
        }
        self.set_off(&tag);
    }

    /// Sets off what begins or has ended here.
    fn set_off(&mut self, tag: &TagEnd) {
        self.writer.block(match tag {
            TagEnd::List(_) if self.lists.is_empty() => Gap::Blank,
            TagEnd::List(_) | TagEnd::Item => Gap::Line,
            TagEnd::Paragraph
            | TagEnd::BlockQuote(_)
            | TagEnd::CodeBlock
            | TagEnd::HtmlBlock
            | TagEnd::Table => Gap::Blank,
            _ => return,
        });
    }

    fn text(&mut self, text: &str) {
        match self.pieces.last_mut() {
            Some(piece) => piece.push_str(text),
            None => self.writer.text(text),
        }
    }

    fn item(&mut self) {
        let marker = match self.lists.last_mut() {
            Some(Some(number)) => {
                let marker = format!("{number}. ");
                *number = number.saturating_add(1);
                marker
            }
            _ => "• ".to_owned(),
        };
        self.text(&marker);
        self.writer.indent("  ");
        self.writer.join(Gap::None);
    }

    fn emphasis(&mut self, bytes: usize, at: &Range<usize>) {
        let next = self.addresses.partition_point(|address| address.end <= at.start);
        let in_address = self.addresses.get(next).is_some_and(|address| address.start < at.start);
        let is_meant = in_address || self.is_no_emphasis(bytes, at);
        let sign = if is_meant { self.source.get(at.start..at.start + bytes) } else { None };
        self.signs.push(sign.unwrap_or_default());
        self.text(sign.unwrap_or_default());
    }

    /// Whether what CommonMark takes for emphasis is something else: `3*4*5`, `2**n`, `__init__`, `10~20元，30~40元`.
    fn is_no_emphasis(&self, bytes: usize, at: &Range<usize>) -> bool {
        let source = self.source;
        let (sign, inside) = (&source[at.start..at.start + bytes], &source[at.start + bytes..at.end - bytes]);
        let before = source[..at.start].chars().next_back();
        let after = source[at.end..].chars().next();
        let is_operand =
            |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || ")]}([{".contains(c));
        let line = || {
            let start = source[..at.start].rfind('\n').map_or(0, |newline| newline + 1);
            &source[start..source[at.end..].find('\n').map_or(source.len(), |end| at.end + end)]
        };
        let is_in_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        match sign {
            "~" => true,
            "*" if is_operand(before) || is_operand(after) => {
                is_in_word(before) || is_in_word(after) || before == Some(')') || after == Some('(')
            }
            "*" => is_in_word(before) && is_in_word(after) && line().contains(['=', '＝', '≈']),
            "**" => is_operand(before) && is_operand(after),
            "__" => {
                inside.len() > 1
                    && inside.bytes().all(|c| c.is_ascii_lowercase() || c == b'_' || c.is_ascii_digit())
            }
            _ => false,
        }
    }

    /// Whether this is the `**` of an emphasis that CommonMark doesn't see, because Chinese stands at it.
    fn is_stray_sign(&self, text: &str, at: &Range<usize>) -> bool {
        if text.is_empty() || text.bytes().any(|byte| byte != b'*') {
            return false;
        }
        // The few characters around it: a text may be stars and nothing else.
        let before = self.source[..at.start].chars().rev().take(4).collect::<Vec<_>>();
        let after = self.source[at.end..].chars().take(4).collect::<Vec<_>>();
        let stars = |beside: &[char]| beside.iter().take_while(|c| **c == '*').count();
        let (left, right) = (stars(&before), stars(&after));
        let is_foreign = |c: Option<&char>| c.is_some_and(|c| !c.is_ascii());
        matches!(left + text.len() + right, 2 | 3)
            && (is_foreign(before.get(left)) || is_foreign(after.get(right)))
    }

    fn open_link(&mut self, link: OpenLink) {
        if self.link.is_some() {
            self.links_inside += 1;
        } else {
            self.link = Some(link);
            self.pieces.push(String::new());
        }
    }

    fn close_link(&mut self) {
        if self.links_inside > 0 {
            self.links_inside -= 1;
            return;
        }
        let label = one_line(&self.pieces.pop().unwrap_or_default());
        let Some(OpenLink { address, is_image }) = self.link.take() else { return };
        let link = if is_image { links::image(&address, &label) } else { links::link(&address, &label) };
        self.text(&link);
    }
}

fn one_line(text: &str) -> String {
    text.trim().replace('\n', " ")
}
