//! HTML inside Markdown. WeChat shows tags as text, so the known ones give way to what they mean and the unknown ones,
//! which may be no tags at all (`Vec<String>`), stay.

use super::links;
use super::tag::{self, Tag};

/// Tags that only say how something looks.
const INLINE: &str = "\
    abbr b big cite code del em font i ins kbd mark q s samp small span strike strong sub sup tt u var";
/// Tags that begin and end a line.
const BLOCK: &str = "\
    article blockquote body caption center dd details div dl dt figcaption figure footer h1 h2 h3 h4 h5 \
    h6 header html li ol p pre section summary table tbody thead tr ul hr";
/// Tags whose content is not for reading.
const HIDDEN: &str = "script style";

/// One tag or comment in a line of text; `<a>` stays, because it is made strict later.
pub(super) fn inline(html: &str) -> String {
    if html.starts_with("<!") || html.starts_with("<?") {
        return String::new();
    }
    let name = name(html);
    match name.as_str() {
        "br" => "\n".to_owned(),
        "td" | "th" => " ".to_owned(),
        "img" => image(html),
        name if [INLINE, BLOCK, HIDDEN].iter().any(|tags| is_in(tags, name)) => String::new(),
        _ => html.to_owned(),
    }
}

/// A block of HTML as lines of text.
pub(super) fn block(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        text.push_str(&tag::decoded(&rest[..at]));
        rest = &rest[at..];
        let name = name(rest);
        let end = if rest.starts_with("<!--") {
            rest.find("-->").map(|at| at + 3)
        } else if is_in(HIDDEN, &name) {
            let mut closing = rest.match_indices("</").map(|(at, _)| at);
            let close = closing.find(|at| tag::starts_with(&rest[at + 2..], &name));
            close.and_then(|at| Some(at + rest[at..].find('>')? + 1))
        } else {
            rest.find('>').map(|at| at + 1)
        };
        let Some(end) = end else { break };
        if is_in(BLOCK, &name) {
            text.push('\n');
        } else {
            text.push_str(&inline(&rest[..end]));
        }
        rest = &rest[end..];
    }
    text.push_str(&tag::decoded(rest));
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn is_in(tags: &str, name: &str) -> bool {
    tags.split(' ').any(|tag| tag == name)
}

/// The tag's name in lower case; empty if it has none.
fn name(html: &str) -> String {
    let name = html.trim_start_matches('<').trim_start_matches('/');
    let end = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
    tag::head(name, end.min(16)).to_ascii_lowercase()
}

fn image(html: &str) -> String {
    let Some(tag) = Tag::at_start(html, "img") else { return String::new() };
    links::image(tag.get("src").unwrap_or_default(), tag.get("alt").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_tags_give_way_and_what_only_looks_like_one_stays() {
        for (html, expected) in [
            ("<b>", ""),
            ("</SPAN>", ""),
            ("<br/>", "\n"),
            ("<!-- note -->", ""),
            ("<String>", "<String>"),
            ("<a href='x'>", "<a href='x'>"),
            ("</a>", "</a>"),
            ("<img src=\"http://x/p.png\" alt='图'>", "<a href=\"http://x/p.png\">图</a>"),
            ("<img>", ""),
        ] {
            assert_eq!(inline(html), expected);
        }
    }

    #[test]
    fn a_block_becomes_its_lines() {
        let html = "<div>\n  <p>one &amp; <b>two</b></p><!-- <p>no</p> -->\n<ul><li>three<li>four</ul>\
                    <Style>p > b { }</style ><table><tr><td>a<td>b</table> 5 < 6</div>";
        assert_eq!(block(html), "one & two\nthree\nfour\na b\n5 < 6</div>");
        assert_eq!(block("<p>never <!-- closed"), "never <!-- closed");
        assert_eq!(block("<script>never closed"), "<script>never closed");
    }
}
