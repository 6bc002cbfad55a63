//! Links in the strict form: `<a href="…">text</a>`.
//!
//! On Android WeChat understands exactly that: double quotes, and no attribute but those of mini programs
//! (`data-miniprogram-appid`, `data-miniprogram-path`). People and models write `<A href='…' target=_blank>`, so what can
//! be understood is rewritten; every other tag is text to WeChat, and left as it stands. What only looks like a link, such
//! as a user's `1 <a & b` that is repeated, would get the whole message refused (40213): its `<` becomes the full-width
//! form.

use std::ops::Range;

use super::tag::{self, Tag};

/// A text whose links have the strict form, and where they are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Linked {
    pub(super) text: String,
    pub(super) links: Vec<Range<usize>>,
}

/// Rewrites the links of a text. One that is longer than a part would have to be cut, so it becomes plain text: what
/// it says and where it leads.
pub(super) fn strict(text: &str, max_bytes: usize) -> Linked {
    let mut out = Linked::default();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at(at);
        out.text.push_str(before);
        let Some((link, bytes)) = WrittenLink::at_start(from) else {
            out.text.push(if is_like_a_link(from) { NO_TAG } else { '<' });
            rest = &from[1..];
            continue;
        };
        rest = &from[bytes..];
        let written = link.written();
        if written.len() <= max_bytes {
            let start = out.text.len();
            out.text.push_str(&written);
            out.links.push(start..out.text.len());
        } else {
            out.text.push_str(&plain(link.label, &link.href));
        }
    }
    out.text.push_str(rest);
    out
}

/// A link in the strict form, as far as it can be one: an address that is its own label stands bare, and one that leads
/// nowhere from a chat is only named.
pub(super) fn link(href: &str, label: &str) -> String {
    let href = address(href);
    if href.is_empty() || href.starts_with('#') || leads_nowhere(&href) {
        label.to_owned()
    } else if label.is_empty() || label == href {
        href
    } else if !is_absolute(&href) || label.contains('<') {
        plain(label, &href)
    } else {
        WrittenLink { href, mini_program: None, label }.written()
    }
}

/// The sign that begins a tag, in a form that begins none.
const NO_TAG: char = '＜';

/// Whether WeChat would take what begins here for the start or the end of a link.
fn is_like_a_link(text: &str) -> bool {
    let after = text.strip_prefix("</").or_else(|| text.strip_prefix('<')).unwrap_or_default();
    tag::starts_with(after, "a")
        && after[1..].chars().next().is_none_or(|c| c.is_ascii_whitespace() || matches!(c, '>' | '/'))
}

/// A link to a picture, which stands where it would be shown.
pub(super) fn image(src: &str, alt: &str) -> String {
    link(src, if alt.is_empty() { "图片" } else { alt })
}

/// What a link says and where it leads.
fn plain(label: &str, href: &str) -> String {
    if label == href { href.to_owned() } else { format!("{label} {href}") }
}

fn is_absolute(href: &str) -> bool {
    let scheme = href.split_once(':').map(|(scheme, _)| scheme).unwrap_or_default();
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn leads_nowhere(href: &str) -> bool {
    ["data:", "javascript:", "vbscript:"].iter().any(|scheme| tag::starts_with(href, scheme))
}

struct WrittenLink<'a> {
    href: String,
    /// Its AppID, and its page if one is given.
    mini_program: Option<(String, Option<String>)>,
    label: &'a str,
}

impl<'a> WrittenLink<'a> {
    /// The link that `text` begins with, and its length in bytes.
    fn at_start(text: &'a str) -> Option<(Self, usize)> {
        let tag = Tag::at_start(text, "a")?;
        let (label, end_bytes) = label(&text[tag.bytes..])?;
        let href = address(tag.get("href")?);
        let mini_program = tag
            .get("data-miniprogram-appid")
            .map(|appid| (address(appid), tag.get("data-miniprogram-path").map(address)));
        let bytes = tag.bytes + label.len() + end_bytes;
        (!href.is_empty()).then_some((Self { href, mini_program, label }, bytes))
    }

    fn written(&self) -> String {
        let Self { href, mini_program, label } = self;
        let mini_program = mini_program.as_ref().map_or_else(String::new, |(appid, path)| {
            let path =
                path.as_ref().map(|path| format!(" data-miniprogram-path=\"{path}\"")).unwrap_or_default();
            format!(" data-miniprogram-appid=\"{appid}\"{path}")
        });
        // Without anything to tap there would be no link.
        let label = if label.trim().is_empty() { href } else { *label };
        // Nor may a tag stand in it.
        let label = label.replace('<', &NO_TAG.to_string());
        format!("<a href=\"{href}\"{mini_program}>{label}</a>")
    }
}

/// What stands before `</a>`, and the length of that. A second link before it makes the first none.
fn label(text: &str) -> Option<(&str, usize)> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find('<')?;
        let after = &text[at + 1..];
        if tag::starts_with(after, "/a") {
            let rest = after[2..].trim_ascii_start();
            if let Some(rest) = rest.strip_prefix('>') {
                return Some((&text[..at], text.len() - at - rest.len()));
            }
        } else if tag::starts_with(after, "a") && after[1..].starts_with(|c: char| c.is_ascii_whitespace()) {
            return None;
        }
        from = at + 1;
    }
}

/// An address that can stand between double quotes. WeChat's own keep their blanks: not every phone decodes what a tap on
/// them sends.
fn address(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let is_wechats = tag::starts_with(text.trim(), "weixin://");
    for c in text.trim().chars() {
        match c {
            '"' => out.push_str("%22"),
            '\'' => out.push_str("%27"),
            '<' => out.push_str("%3C"),
            '>' => out.push_str("%3E"),
            // As browsers do.
            '\n' | '\t' => {}
            c if c.is_whitespace() && !is_wechats => out.push_str("%20"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_in_any_spelling_gets_the_strict_form() {
        let strict_form = "见 <a href=\"http://x/?a=1&b=2\">点 这里</a>。";
        for written in [
            strict_form,
            "见 <a href='http://x/?a=1&b=2'>点 这里</a>。",
            "见 <a href=http://x/?a=1&b=2>点 这里</a>。",
            "见 <A HREF=\"http://x/?a=1&b=2\">点 这里</A >。",
            "见 <a target=\"_blank\" href=\"http://x/?a=1&b=2\" class='b' download>点 这里</a>。",
            "见 <a\n  href = \" http://x/?a=1&amp;b=2 \" />点 这里</a\n>。",
            "见 <a href=“http://x/?a=1&#38;b=2”>点 这里</a>。",
        ] {
            let linked = strict(written, 2000);
            assert_eq!(linked.text, strict_form, "{written}");
            assert_eq!(linked.links, vec![Range { start: 4, end: strict_form.len() - "。".len() }]);
        }
    }

    #[test]
    fn links_of_mini_programs_keep_their_two_attributes() {
        let whole = "<a href=\"http://www.qq.com\" data-miniprogram-appid=\"APPID\" data-miniprogram-path=\"pages/index/index\">text</a>";
        for (written, expected) in [
            (whole, whole),
            (
                "<a data-miniprogram-path='pages/index/index' id=1 DATA-MINIPROGRAM-APPID=APPID href=http://www.qq.com>text</a>",
                whole,
            ),
            (
                "<a href=\"h\" data-miniprogram-appid=\"APPID\">t</a>",
                "<a href=\"h\" data-miniprogram-appid=\"APPID\">t</a>",
            ),
            ("<a href=\"h\" data-miniprogram-path=\"p\">t</a>", "<a href=\"h\">t</a>"),
        ] {
            assert_eq!(strict(written, 2000).text, expected);
        }
    }

    #[test]
    fn an_address_can_not_break_out_of_its_quotes() {
        assert_eq!(
            strict("<a href='http://x/\"&quot;>&#39;<b c\n'>t</a>", 2000).text,
            "<a href=\"http://x/%22%22%3E%27%3Cb%20c\">t</a>"
        );
    }

    #[test]
    fn what_a_tap_on_wechats_own_links_sends_keeps_its_blanks() {
        let link = "<a href=\"weixin://bizmsgmenu?msgmenucontent=next page&msgmenuid=1\">more</a>";
        assert_eq!(strict(link, 2000).text, link);
    }

    #[test]
    fn a_link_without_anything_to_tap_shows_its_address() {
        assert_eq!(strict("<a href='http://x/'> </a>", 2000).text, "<a href=\"http://x/\">http://x/</a>");
    }

    #[test]
    fn what_looks_like_a_link_and_is_none_begins_no_tag() {
        for (text, shown) in [
            ("a < b <a", "a < b ＜a"),
            ("<a>x</a>", "＜a>x＜/a>"),
            ("<a href=\"\">x</a>", "＜a href=\"\">x＜/a>"),
            ("<a name='x'>x</a>", "＜a name='x'>x＜/a>"),
            ("<a href=\"http://x/\">never closed", "＜a href=\"http://x/\">never closed"),
            ("<a href=\"http://x/>x</a>", "＜a href=\"http://x/>x＜/a>"),
            (
                "<b>bold</b> <br/> <abbr title=\"x\">x</abbr> </a>",
                "<b>bold</b> <br/> <abbr title=\"x\">x</abbr> ＜/a>",
            ),
            ("<a href=\"http://x/\">x</ab>", "＜a href=\"http://x/\">x</ab>"),
        ] {
            assert_eq!(strict(text, 2000), Linked { text: shown.to_owned(), links: vec![] });
        }
        let second = strict("<a href='http://x/'>one <a href='http://y/'>two</a>", 2000);
        assert_eq!(second.text, "＜a href='http://x/'>one <a href=\"http://y/\">two</a>");
        assert_eq!(second.links.len(), 1);
        assert_eq!(strict("<a href='http://x/'>1 < 2</a>", 2000).text, "<a href=\"http://x/\">1 ＜ 2</a>");
    }

    #[test]
    fn a_link_longer_than_a_part_becomes_what_it_says_and_where_it_leads() {
        assert_eq!(
            strict("<a href='http://x/'>label</a>", 20),
            Linked { text: "label http://x/".into(), links: vec![] }
        );
        assert_eq!(strict("<a href='http://x/'>http://x/</a>", 20).text, "http://x/");
        let fits = "<a href=\"h\">label</a>";
        assert_eq!((strict(fits, fits.len()).links.len(), strict(fits, fits.len() - 1).links.len()), (1, 0));
    }
}
