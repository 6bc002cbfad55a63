//! The links of a text, in the one form that every client shows: `<a href="…">text</a>`, perhaps with the two attributes of
//! a mini program.
//!
//! Other forms (single quotes, no quotes, other attributes, a link that isn't closed) are shown as raw text by some clients;
//! here they are refused, so that nobody gets used to them. `<` that begins no `<a …>` is just a character.

/// A link's attributes, in the order that they must have. The first must be there.
const ATTRIBUTES: [&str; 3] = ["href", "data-miniprogram-appid", "data-miniprogram-path"];

/// The error code of the first link that isn't right.
pub(super) fn check(text: &str) -> Result<(), i64> {
    let mut rest = text;
    while let Some((before, tag)) = next_tag(rest) {
        if has_end_tag(before) {
            return Err(40213);
        }
        let inside = open_tag(tag)?;
        let end = inside.find('<').ok_or(40214)?;
        if end == 0 || !inside[end..].starts_with("</a>") {
            return Err(40214);
        }
        rest = &inside[end + "</a>".len()..];
    }
    if has_end_tag(rest) { Err(40213) } else { Ok(()) }
}

/// What comes before the next `<a`, and what begins with it. `<abbr>` is no link.
fn next_tag(text: &str) -> Option<(&str, &str)> {
    let begins = |place: &usize| match text.as_bytes()[*place..] {
        [b'<', b'a' | b'A', after, ..] => after.is_ascii_whitespace() || after == b'>' || after == b'/',
        [b'<', b'a' | b'A'] => true,
        _ => false,
    };
    let place = text.match_indices('<').map(|(place, _)| place).find(begins)?;
    Some(text.split_at(place))
}

fn has_end_tag(text: &str) -> bool {
    text.to_ascii_lowercase().contains("</a>")
}

/// What follows the opening tag, when that has the strict form.
fn open_tag(tag: &str) -> Result<&str, i64> {
    let mut rest = tag.strip_prefix("<a").ok_or(40213)?;
    for (n, name) in ATTRIBUTES.into_iter().enumerate() {
        let Some(value) = rest.strip_prefix(' ').and_then(|rest| rest.strip_prefix(name)) else {
            if n == 0 {
                return Err(40213);
            }
            break;
        };
        let value = value.strip_prefix("=\"").ok_or(40213)?;
        let (value, after) = value.split_once('"').ok_or(40213)?;
        match n {
            0 if value.is_empty() => return Err(40213),
            1 if !is_app_id(value) => return Err(45086),
            _ => rest = after,
        }
    }
    rest.strip_prefix('>').ok_or(40213)
}

fn is_app_id(text: &str) -> bool {
    text.strip_prefix("wx")
        .is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn the_strict_form_is_right_and_so_is_text_without_links() {
        for right in [
            r#"<a href="https://example.com/?a=1&b=2">链接</a>"#,
            r#"一 <a href="http://a/">x</a> 二 <a href="weixin://bizmsgmenu?msgmenuid=1">y</a>"#,
            r#"<a href="http://a/" data-miniprogram-appid="wx0123456789abcdef" data-miniprogram-path="p?a=b">x</a>"#,
            "1 < 2, a<b>c</b>, <abbr>, <",
            "",
        ] {
            assert_eq!(check(right), Ok(()), "{right}");
        }
    }

    #[test]
    fn every_other_form_is_refused() {
        for (code, wrong) in [
            (40213, "<a href='http://a/'>x</a>"),
            (40213, "<a href=http://a/>x</a>"),
            (40213, r#"<a  href="http://a/">x</a>"#),
            (40213, r#"<A href="http://a/">x</A>"#),
            (40213, r#"<a target="_blank" href="http://a/">x</a>"#),
            (40213, r#"<a href="http://a/" target="_blank">x</a>"#),
            (40213, r#"<a href="">x</a>"#),
            (40213, r#"<a href="http://a/"#),
            (40213, "<a>x</a>"),
            (40213, "a <a"),
            (40213, "x</a>"),
            (40213, r#"<a href="http://a/">x</a></a>"#),
            (40214, r#"<a href="http://a/"></a>"#),
            (40214, r#"<a href="http://a/">x"#),
            (40214, r#"<a href="http://a/"><b>x</b></a>"#),
            (40214, r#"<a href="http://a/">x <a href="http://b/">y</a></a>"#),
            (45086, r#"<a href="http://a/" data-miniprogram-appid="APPID" data-miniprogram-path="p">x</a>"#),
            (45086, r#"<a href="http://a/" data-miniprogram-appid="">x</a>"#),
        ] {
            assert_eq!(check(wrong), Err(code), "{wrong}");
        }
    }
}
