//! The tree: what WeChat's irregular XML becomes, what is refused, and what random input does.

use huixin_wechat::xml::{Element, Limits, XmlError, parse, parse_within};
use proptest::collection::vec;
use proptest::prelude::*;

fn text(body: &str) -> String {
    parse(body.as_bytes()).unwrap().text_of("A").unwrap().to_owned()
}

#[test]
fn text_is_what_stands_inside_however_it_is_written() {
    for (body, expected) in [
        ("<xml><A><![CDATA[x]]></A></xml>", "x"),
        ("<xml><A>x</A></xml>", "x"),
        ("<xml><A></A></xml>", ""),
        ("<xml><A/></xml>", ""),
        ("<xml><A><![CDATA[]]></A></xml>", ""),
        // Layout around CDATA goes, blanks inside it stay.
        ("<xml><A> \n<![CDATA[ x ]]>\r\n </A></xml>", " x "),
        ("<xml><A><![CDATA[   ]]></A></xml>", "   "),
        // Bare text is all there is, so its blanks are the text's.
        ("<xml><A> x y </A></xml>", " x y "),
        ("<xml><A>  </A></xml>", "  "),
        // An ideographic space is a character, not layout.
        ("<xml><A>\u{3000}<![CDATA[x]]></A></xml>", "\u{3000}x"),
        // A blank that was written as a reference is meant.
        ("<xml><A>&#32;<![CDATA[x]]></A></xml>", " x"),
        // CDATA that was split, and mixtures.
        ("<xml><A><![CDATA[a]]]]><![CDATA[>b]]></A></xml>", "a]]>b"),
        ("<xml><A>a<![CDATA[<b>]]>c<![CDATA[&amp;]]></A></xml>", "a<b>c&amp;"),
        ("<xml><A>a]]&gt;b</A></xml>", "a]]>b"),
        ("<xml><A>&lt;&gt;&amp;&quot;&apos;&#65;&#x1F600;</A></xml>", "<>&\"'A😀"),
        // A malformed sample in the documentation.
        ("<xml><A>![CDATA[xxx]]</A></xml>", "![CDATA[xxx]]"),
        // Line ends are normalised, as XML says.
        ("<xml><A><![CDATA[a\r\nb\rc]]></A></xml>", "a\nb\nc"),
        // What XML forbids is dropped, not refused.
        ("<xml><A><![CDATA[a\u{0}\u{8}\u{FFFF}b]]>&#1;</A></xml>", "ab"),
        // A reference to no character at all leaves a mark.
        ("<xml><A>a&#0;&#xD83D;&#x110000;&#99999999999999999999;b</A></xml>", "a\u{FFFD}\u{FFFD}\u{FFFD}b"),
        ("<xml><A><!-- no --><![CDATA[x]]><?pi no?></A></xml>", "x"),
        ("<xml a='1'><A b=\"<![CDATA[\" c>x</A></xml>", "x"),
    ] {
        assert_eq!(text(body), expected, "{body}");
    }
}

#[test]
fn what_may_stand_before_and_after_the_root_is_tolerated() {
    for body in [
        "<xml><A>x</A></xml>",
        "\u{FEFF}<xml><A>x</A></xml>",
        "\u{FEFF}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<xml><A>x</A></xml>\n",
        "<?xml version='1.0' encoding='utf-8' standalone='yes'?><xml><A>x</A></xml>",
        "<?xml version='1.0'?><xml><A>x</A></xml>",
        " \r\n\t<xml><A>x</A></xml> \r\n",
        "\n<?xml version='1.0'?>\n<!-- hello --><?pi?><xml><A>x</A></xml><!-- bye --><?pi?>\n",
    ] {
        assert_eq!(text(body), "x", "{body:?}");
    }
}

#[test]
fn children_keep_their_order_and_the_blanks_between_them_go() {
    let tree = parse(b"<xml>\n  <B>1</B>\n  <A><C/> \n </A>tail<B>2</B>\n</xml>").unwrap();
    let names: Vec<&str> = tree.children.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["B", "A", "B"]);
    assert_eq!(tree.text, "tail");
    assert_eq!(tree.get("A").unwrap().text, "");
}

#[test]
fn each_refusal_has_its_name_and_place() {
    let deep = format!("<xml>{}{}</xml>", "<a>".repeat(16), "</a>".repeat(16));
    let wide = format!("<xml>{}</xml>", "<a/>".repeat(4096));
    for (body, error) in [
        ("", XmlError::Empty),
        (" \n", XmlError::Empty),
        ("\u{FEFF}", XmlError::Empty),
        ("<?xml version='1.0'?><!-- nothing -->", XmlError::Empty),
        ("<?xml version='1.0' encoding='GBK'?><xml/>", XmlError::Encoding { name: "GBK".into() }),
        ("{\"ToUserName\":\"x\"}", XmlError::NotXml { offset: 0 }),
        ("hello<xml/>", XmlError::NotXml { offset: 0 }),
        ("<!DOCTYPE xml><xml/>", XmlError::Doctype { offset: 0 }),
        ("\u{FEFF}<!DOCTYPE xml [<!ENTITY a \"b\">]><xml>&a;</xml>", XmlError::Doctype { offset: 3 }),
        ("<!DOCTYPE xml SYSTEM 'file:///etc/passwd'><xml/>", XmlError::Doctype { offset: 0 }),
        ("<xml><!DOCTYPE xml></xml>", XmlError::Doctype { offset: 5 }),
        ("<xml>&nbsp;</xml>", XmlError::Entity { name: "nbsp".into(), offset: 5 }),
        ("<xml>&#;</xml>", XmlError::Reference { offset: 5 }),
        ("<xml>&#x;</xml>", XmlError::Reference { offset: 5 }),
        ("<xml>&#xG;</xml>", XmlError::Reference { offset: 5 }),
        ("<xml>&#+65;</xml>", XmlError::Reference { offset: 5 }),
        ("<html></html>", XmlError::Root { name: "html".into() }),
        ("<XML></XML>", XmlError::Root { name: "XML".into() }),
        ("<xml/><xml/>", XmlError::Trailing { offset: 6 }),
        ("<xml></xml>junk", XmlError::Trailing { offset: 11 }),
        ("<xml></xml></xml>", XmlError::Trailing { offset: 11 }),
        ("<xml></xml>&amp;", XmlError::Trailing { offset: 11 }),
        ("<xml></xml><![CDATA[]]>", XmlError::Trailing { offset: 11 }),
        ("<xml><a>", XmlError::Unclosed { name: "a".into() }),
        ("<xml>", XmlError::Unclosed { name: "xml".into() }),
        ("<xml><a></b></xml>", XmlError::Mismatched { offset: 8 }),
        ("<xml><a></xml>", XmlError::Mismatched { offset: 8 }),
        ("</xml>", XmlError::Mismatched { offset: 0 }),
        ("<xml>< ></ ></xml>", XmlError::Name { offset: 5 }),
        ("<xml><1/></xml>", XmlError::Name { offset: 5 }),
        ("<xml><a<b/></xml>", XmlError::Name { offset: 5 }),
        (&deep, XmlError::TooDeep { limit: 16, offset: 50 }),
        (&wide, XmlError::TooMany { limit: 4096, offset: 5 + 4 * 4095 }),
    ] {
        assert_eq!(parse(body.as_bytes()), Err(error), "{body:.60}");
    }
}

#[test]
fn what_breaks_the_grammar_is_malformed() {
    for body in [
        "<xml><a",
        "<xml><![CDATA[x",
        "<xml><!-- x",
        "<xml>a & b</xml>",
        "<xml>&lt</xml>",
        "<xml><?pi",
        "<",
        "<!",
        "<xml><?xml version='1.0'?></xml>",
        "<!-- first --><?xml version='1.0'?><xml/>",
        "<?xml version='1.0'?><?xml version='1.0'?><xml/>",
    ] {
        let error = parse(body.as_bytes()).unwrap_err();
        assert!(matches!(error, XmlError::Malformed { .. }), "{body}: {error:?}");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_mended_unless_they_say_what_else_they_are() {
    assert_eq!(parse(b"<xml><A>\xC4\xE3</A></xml>").unwrap().text_of("A"), Some("\u{FFFD}\u{FFFD}"));
    assert_eq!(parse(b"<xml><A>x</A></xml>\0\0").unwrap().text_of("A"), Some("x"));
    let declared = b"<?xml version='1.0' encoding='GB18030'?><xml><A>\xC4\xE3</A></xml>";
    assert_eq!(parse(declared), Err(XmlError::Encoding { name: "GB18030".into() }));
    assert_eq!(parse(b"\xFF\xFE<\0x\0"), Err(XmlError::NotXml { offset: 0 }));
}

#[test]
fn every_prefix_of_a_message_is_refused() {
    let body = "<?xml version=\"1.0\"?><xml a='b'><A>x&amp;y</A><B><![CDATA[你]]></B><C/></xml>";
    for end in 0..body.len() {
        assert!(parse(&body.as_bytes()[..end]).is_err(), "{end}");
    }
}

#[test]
fn the_limits_themselves_are_allowed() {
    let limits = Limits { depth: 2, elements: 3 };
    assert!(parse_within(b"<xml><a/><a/></xml>", limits).is_ok());
    assert!(parse_within(b"<xml><a/><a/><a/></xml>", limits).is_err());
    assert!(parse_within(b"<xml><a><a/></a></xml>", limits).is_err());
    let deep = format!("<xml>{}{}</xml>", "<a>".repeat(15), "</a>".repeat(15));
    let wide = format!("<xml>{}</xml>", "<a/>".repeat(4095));
    assert!(parse(deep.as_bytes()).is_ok() && parse(wide.as_bytes()).is_ok());
}

#[test]
fn an_error_shows_no_more_than_a_short_name() {
    let long = "n".repeat(100_000);
    for body in [format!("<{long}/>"), format!("<xml><{long}>"), format!("<xml>&{long};</xml>")] {
        assert!(parse(body.as_bytes()).unwrap_err().to_string().len() < 120);
    }
}

/// Texts of what is awkward: ends of CDATA, entities, blanks, emoji, nothing.
fn awkward_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("]]>".to_owned()),
        Just("]".to_owned()),
        Just("<![CDATA[".to_owned()),
        Just("&amp;<a>".to_owned()),
        Just(" \n\t\r".to_owned()),
        Just("😀👨‍👩‍👧\u{E000}\u{10FFFF}".to_owned()),
        "[\\PC]{0,6}",
    ];
    vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

fn tree() -> impl Strategy<Value = Element> {
    let name = prop_oneof![Just("item".to_owned()), "[A-Za-z_名][A-Za-z0-9_.-]{0,8}"];
    let leaf = (name.clone(), awkward_text()).prop_map(|(name, text)| Element::leaf(name, text));
    let inner = leaf.prop_recursive(4, 64, 6, move |inner| {
        (name.clone(), awkward_text(), vec(inner, 0..6)).prop_map(|(name, text, children)| Element {
            name,
            text,
            children,
        })
    });
    (awkward_text(), vec(inner, 0..8)).prop_map(|(text, children)| Element {
        name: "xml".to_owned(),
        text,
        children,
    })
}

proptest! {
    #[test]
    fn a_tree_that_is_written_and_read_is_the_same_tree(tree in tree()) {
        prop_assert_eq!(parse(tree.write().as_bytes()), Ok(tree));
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn what_is_read_from_random_markup_survives_writing(pieces in vec(prop::sample::select(vec![
        "<xml>", "</xml>", "<xml/>", "<a>", "</a>", "<b c='>'>", "</b>", "<d/>", "<![CDATA[", "]]>", "]]", "&lt;",
        "&#13;", "&#x1;", "&", " ", "\r\n", "x", "😀", "<!--", "-->", "<?", "?>", "<!DOCTYPE", "\u{1}", "é",
    ]), 0..24)) {
        let body = format!("<xml>{}</xml>", pieces.concat());
        if let Ok(tree) = parse(body.as_bytes()) {
            prop_assert_eq!(parse(tree.write().as_bytes()), Ok(tree));
        }
        let _ = parse(pieces.concat().as_bytes());
    }
}
