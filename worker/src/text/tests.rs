//! What holds of every text, and how an answer of a model reads.

use proptest::collection::vec;
use proptest::prelude::*;
use unicode_segmentation::GraphemeCursor;

use super::*;

fn texts(parts: &[Outgoing]) -> Vec<&str> {
    parts
        .iter()
        .map(|part| match &part.content {
            Content::Text { content } => content.as_str(),
            other => panic!("{other:?} is no text"),
        })
        .collect()
}

fn fitted(text: &str, markdown: bool) -> Vec<Outgoing> {
    fit(vec![Outgoing::text(text)], markdown, MAX_BYTES)
}

#[test]
fn what_is_no_text_stays_and_every_part_of_a_text_has_its_sender_and_label() {
    let card = Outgoing::from(Content::WxCard { card_id: " c ".into() });
    let labelled = |content: &str| Outgoing {
        kf_account: Some("a@b".into()),
        ai_label: true,
        ..Outgoing::text(content)
    };
    let long = "字".repeat(MAX_BYTES / 3 + 1);
    assert_eq!(
        fit(
            vec![card.clone(), labelled(&long), Outgoing::text(" \n\u{7}"), Outgoing::text(" a\u{0}b\tc ")],
            false,
            MAX_BYTES
        ),
        [card, labelled(&"字".repeat(MAX_BYTES / 3)), labelled("字"), Outgoing::text("ab\tc")]
    );
}

#[test]
fn a_text_for_a_response_leaves_room_for_its_label_and_a_link() {
    let link = "<a href=\"weixin://bizmsgmenu?msgmenucontent=%E7%BB%A7%E7%BB%AD&msgmenuid=1\">继续</a>";
    let long = Outgoing { ai_label: true, ..Outgoing::text("a".repeat(5000)) };
    let parts = fit(vec![long], false, max_bytes_above(link));
    let form = Form::from_outgoing(&parts[0], false).unwrap().with_link(link);
    assert!(matches!(form, Form::Text { content } if content.len() == 2047 && content.ends_with(link)));
    assert_eq!((max_bytes_above("x"), max_bytes_above(&"x".repeat(3000))), (MAX_BYTES, 0));
    // Even that limit ends.
    assert_eq!(texts(&fit(vec![Outgoing::text("汉字")], false, 0)), ["汉", "字"]);
}

#[test]
fn wechats_own_links_are_never_cut_whatever_the_limit_is() {
    let link = |n| {
        format!("<a href=\"weixin://bizmsgmenu?msgmenucontent=%E7%BB%A7 {n}&msgmenuid=m-{n}\">第{n}项</a>")
    };
    let text: String = (0..60).map(|n| format!("{}{}", "字。".repeat(n % 7), link(n))).collect();
    for max_bytes in (110..400).step_by(7) {
        let parts = fit(vec![Outgoing::text(&text)], false, max_bytes);
        let parts = texts(&parts);
        assert_eq!(parts.concat(), text, "{max_bytes}");
        let found: usize = (0..60).map(|n| parts.iter().filter(|part| part.contains(&link(n))).count()).sum();
        assert_eq!(found, 60, "{max_bytes}");
        assert!(parts.iter().all(|part| part.len() <= max_bytes));
    }
}

#[test]
fn a_text_that_fits_is_sent_as_it_is() {
    let text = "您好\n\n  <b>**not** Markdown</b> _x_ &amp; /::) [微笑] 😀\n• 1";
    assert_eq!(texts(&fitted(text, false)), [text]);
}

#[test]
fn a_long_answer_in_markdown_is_cut_into_readable_parts() {
    let section = "## 第一步\n\n请打开[设置页面](https://example.com/settings?tab=1&lang=zh)，选择**网络：**然后\
                   点 `保存`。如果失败，请看 https://example.com/help_me_now 👨\u{200d}👩\u{200d}👧\u{200d}👦！\n\n\
                   - 甲：first\n- 乙：second\n  1. inner\n\n```sh\ncurl -s 'http://x/?a=*b*'\n```\n\n";
    let mut markdown = String::new();
    while markdown.chars().count() < 10_000 {
        markdown.push_str(section);
    }
    let parts = fitted(&markdown, true);
    let texts = texts(&parts);
    assert!(texts.len() >= 8, "{}", texts.len());
    for text in &texts {
        assert!(text.len() <= MAX_BYTES);
        assert_eq!(text.matches("<a href=\"").count(), text.matches("</a>").count(), "{text}");
        // Every section is shorter than half a part, so that every cut is between two blocks or two lines.
        assert!(!text.contains("**") && !text.contains("##"), "{text}");
        assert!(["【", "请", "•", "1", "  1", "curl"].iter().any(|start| text.starts_with(start)), "{text}");
        assert!(text.len() >= MAX_BYTES / 2 || Some(text) == texts.last(), "{}", text.len());
    }
    let sections = texts.iter().map(|text| text.matches("curl -s 'http://x/?a=*b*'").count()).sum::<usize>();
    assert_eq!(sections, markdown.matches("## ").count());
}

/// What texts are made of: scripts, graphemes of many characters, links in every spelling, addresses, signs.
fn pieces() -> impl Strategy<Value = String> {
    let fixed = vec![
        "字",
        "汉字。",
        "，",
        "！",
        "“引用”",
        "word",
        "don't ",
        "one two. ",
        "\n",
        "\n\n",
        " ",
        "\t",
        "\u{3000}",
        "😀",
        "👨\u{200d}👩\u{200d}👧\u{200d}👦",
        "🇨🇳",
        "e\u{301}",
        "각",
        "\u{1}",
        "\r\n",
        "<",
        ">",
        "\"",
        "'",
        "&amp;",
        "<a href=\"http://x.cn/?a=1&b=2\">链接 link</a>",
        "<A target=_blank HREF='http://x.cn/'>x</A>",
        "<a href=weixin://dl/chat data-miniprogram-appid=wx1>小程序</a>",
        "<a href=\"http://x.cn/",
        "<a ",
        "</a>",
        "https://x.cn/a_b_c?d=1",
        "<b>",
        "<br>",
        "<!--",
        "-->",
        "<div>",
        "# ",
        "## 标题\n",
        "**",
        "*",
        "_",
        "__",
        "~~",
        "`",
        "```\n",
        "- ",
        "1. ",
        "  ",
        "> ",
        "| a | b |\n| - | - |\n| c | d |\n",
        "|",
        "[链接](http://x.cn/)",
        "![",
        "](",
        ")",
        "---\n",
        "- [ ] ",
        "\\",
    ];
    prop_oneof![
        8 => prop::sample::select(fixed).prop_map(str::to_owned),
        1 => "\\PC{0,40}",
        1 => ("[a-z]{1,9}", 1..1500_usize).prop_map(|(path, times)| {
            format!("<a href='http://x.cn/{}'>{path}</a>", "p/".repeat(times))
        }),
        1 => (prop::sample::select(vec!["长", "e\u{301}"]), 1..1500_usize).prop_map(|(c, times)| c.repeat(times)),
    ]
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => vec(pieces(), 0..300).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
        1 => vec(any::<char>(), 0..3000).prop_map(String::from_iter),
    ]
}

fn is_grapheme_boundary(text: &str, at: usize) -> bool {
    GraphemeCursor::new(at, text.len(), true).is_boundary(text, 0).expect("the whole text is there")
}

/// A few in the short run: each is a text of thousands of bytes, in an unoptimised build.
fn config() -> ProptestConfig {
    let long = std::env::var_os("LONG_TESTS").is_some();
    ProptestConfig {
        cases: if long { 2000 } else { 100 },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_part_fits_and_together_they_are_the_text(text in any_text()) {
        let linked = links::strict(&shown(&text), MAX_BYTES);
        let whole = linked.text.as_str();
        let parts = fitted(&text, false);
        let mut end = 0;
        for part in texts(&parts) {
            prop_assert!(!part.is_empty() && part.len() <= MAX_BYTES && part.trim() == part);
            // Only white space is missing between the parts.
            let start = end + (whole[end..].len() - whole[end..].trim_start().len());
            prop_assert!(whole[start..].starts_with(part), "{:?} is not next in {:?}", part, &whole[start..]);
            end = start + part.len();
            for at in [start, end] {
                let beside_a_blank = whole[..at].ends_with(char::is_whitespace) || whole[at..].starts_with(char::is_whitespace);
                // An accent behind a link that fills a part has no other place.
                let behind_a_link = linked.links.iter().any(|link| link.end == at);
                prop_assert!(beside_a_blank || behind_a_link || is_grapheme_boundary(whole, at), "cut inside a grapheme at {}", at);
                prop_assert!(!linked.links.iter().any(|link| link.start < at && at < link.end), "cut inside a link");
            }
        }
        prop_assert!(whole[end..].trim().is_empty());
        prop_assert!(linked.links.iter().all(|link| link.len() <= MAX_BYTES));
    }

    #[test]
    fn links_that_are_strict_stay_as_they_are(text in any_text()) {
        let once = links::strict(&shown(&text), MAX_BYTES);
        for link in &once.links {
            let written = &once.text[link.clone()];
            let again = links::strict(written, MAX_BYTES);
            prop_assert_eq!(&again.text, written);
            prop_assert_eq!(again.links.len(), 1);
        }
    }

    #[test]
    fn markdown_of_any_kind_becomes_parts_that_fit(text in any_text()) {
        for part in texts(&fitted(&text, true)) {
            prop_assert!(!part.is_empty() && part.len() <= MAX_BYTES && part.trim() == part);
            prop_assert!(part.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'));
        }
    }

    #[test]
    fn no_word_of_markdown_is_lost(forms in vec(0..13_usize, 1..60)) {
        let mut markdown = String::new();
        for (index, form) in forms.iter().enumerate() {
            let word = format!("字w{index}x");
            markdown += &match form {
                0 => format!("# {word}\n\n"),
                1 => format!("- {word}\n"),
                2 => format!("{}. {word}\n", index + 1),
                3 => format!("**{word}**，"),
                4 => format!("*{word}*\n"),
                5 => format!("`{word}` "),
                6 => format!("\n```\n{word}\n```\n"),
                7 => format!("> {word}\n"),
                8 => format!("[{word}](http://x.cn/)\n"),
                9 => format!("![{word}](http://x.cn/p.png) "),
                10 => format!("\n| {word} | y |\n| - | - |\n| z | a |\n\n"),
                11 => format!("<b>{word}</b> "),
                _ => format!("    {word}\n"),
            };
        }
        let text = markdown::to_text(&markdown);
        let mut from = 0;
        for index in 0..forms.len() {
            let word = format!("w{index}x");
            let at = text[from..].find(&word);
            prop_assert!(at.is_some(), "{} of\n{}\nis not in\n{}", word, markdown, &text[from..]);
            from += at.unwrap_or_default() + word.len();
        }
    }
}
