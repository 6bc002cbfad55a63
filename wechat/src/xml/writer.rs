//! The tree as XML, in the form that WeChat itself uses: text in CDATA, nothing between elements.

use std::borrow::Cow;

use super::{Element, begins_name, continues_name, is_name};
use crate::mend::is_legal;

/// Appends `element`. Text comes before children, where reading it puts it.
pub(super) fn write(element: &Element, out: &mut String) {
    let name = legal_name(&element.name);
    out.push('<');
    out.push_str(&name);
    out.push('>');
    if !element.text.is_empty() {
        cdata(&element.text, out);
    }
    for child in &element.children {
        write(child, out);
    }
    out.push_str("</");
    out.push_str(&name);
    out.push('>');
}

/// A name from JSON may be anything, and must not become markup.
fn legal_name(name: &str) -> Cow<'_, str> {
    if is_name(name) {
        return Cow::Borrowed(name);
    }
    let mut legal: String = name.chars().map(|c| if continues_name(c) { c } else { '_' }).collect();
    if !legal.starts_with(begins_name) {
        legal.insert(0, '_');
    }
    Cow::Owned(legal)
}

/// Appends `text` as CDATA. `]]>` is split over two sections, and a carriage return, which every XML reader turns into
/// a newline, steps outside as a reference.
pub(crate) fn cdata(text: &str, out: &mut String) {
    out.push_str("<![CDATA[");
    let mut brackets = 0;
    for c in text.chars().filter(|c| is_legal(*c)) {
        match c {
            '>' if brackets >= 2 => out.push_str("]]><![CDATA[>"),
            '\r' => out.push_str("]]>&#13;<![CDATA["),
            _ => out.push(c),
        }
        brackets = if c == ']' { brackets + 1 } else { 0 };
    }
    out.push_str("]]>");
}

#[cfg(test)]
mod tests {
    use super::super::{Element, parse};

    #[test]
    fn the_end_of_a_cdata_section_is_split() {
        let xml = Element::leaf("xml", "a]]>b]]]>").write();
        assert_eq!(xml, "<xml><![CDATA[a]]]]><![CDATA[>b]]]]]><![CDATA[>]]></xml>");
        assert_eq!(parse(xml.as_bytes()).unwrap().text, "a]]>b]]]>");
    }

    #[test]
    fn characters_that_xml_forbids_are_left_out() {
        let xml = Element::leaf("xml", "a\0b\u{8}c\u{FFFF}d\u{B}\te\nf😀").write();
        assert_eq!(xml, "<xml><![CDATA[abcd\te\nf😀]]></xml>");
        assert_eq!(Element::leaf("xml", "]]\0>").write(), "<xml><![CDATA[]]]]><![CDATA[>]]></xml>");
    }

    #[test]
    fn a_name_that_is_none_cannot_become_markup() {
        let mut tree = Element::new("xml");
        for name in ["a><b", "", "1", "#text", "-a", "名"] {
            tree.push(Element::new(name));
        }
        assert_eq!(
            tree.write(),
            "<xml><a__b></a__b><_></_><_1></_1><_text></_text><_-a></_-a><名></名></xml>"
        );
    }

    #[test]
    fn a_carriage_return_survives() {
        let tree = Element::leaf("xml", "a\r\nb\r");
        assert_eq!(parse(tree.write().as_bytes()).unwrap(), tree);
    }
}
