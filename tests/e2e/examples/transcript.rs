//! Conversations as the examples' READMEs print them.
//!
//! A fenced block that calls itself `transcript` is one user's conversation: what they do begins with `> `, what they get
//! with `< `, further lines of it with two blanks. A text stands for itself. Something else stands in brackets, its
//! words in order: `> [click mypay]`, `> [voice 今天天气]`, `> [location 23.1 113.3 广州]`, `< [news 员工服务中心]`. An answer
//! that differs each time ends in `…`: what is before it must be there. Blocks of another kind have a word behind `transcript`.

use serde_json::{Value, json};

/// One step.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// What the user does, as a command to the sandbox.
    Says(Value),
    /// What they get, as it is printed.
    Gets(String),
}

/// The conversations of a README that are of one kind; "" for those without a word.
pub(super) fn read(readme: &str, kind: &str) -> Vec<Vec<Line>> {
    let fence = format!("```transcript {kind}");
    let mut conversations = Vec::new();
    let mut lines = readme.lines();
    while lines.any(|line| line == fence.trim_end()) {
        let mut conversation: Vec<Line> = Vec::new();
        for line in lines.by_ref().take_while(|line| *line != "```") {
            if let Some(says) = line.strip_prefix("> ") {
                conversation.push(Line::Says(deed(says)));
            } else if let Some(gets) = line.strip_prefix("< ") {
                conversation.push(Line::Gets(gets.to_owned()));
            } else {
                let more =
                    line.strip_prefix("  ").unwrap_or_else(|| panic!("no line of a transcript: {line}"));
                let Some(Line::Gets(text)) = conversation.last_mut() else {
                    panic!("nothing goes on: {line}")
                };
                text.push('\n');
                text.push_str(more);
            }
        }
        conversations.push(conversation);
    }
    conversations
}

/// Whether this answer is the one that is printed.
pub(super) fn matches(printed: &str, got: &str) -> bool {
    match printed.strip_suffix('…') {
        Some(start) => got.starts_with(start),
        None => printed == got,
    }
}

/// An answer as it is printed.
pub(super) fn print(sent: &Value) -> String {
    let message = &sent["message"];
    let named = |name: &str| format!("[{} {name}]", message["msgtype"].as_str().unwrap_or_default());
    match message["msgtype"].as_str() {
        Some("text") => sent["text"].as_str().unwrap_or_default().to_owned(),
        Some("news") => named(message["news"]["articles"][0]["title"].as_str().unwrap_or_default()),
        Some("msgmenu") => named(message["msgmenu"]["head_content"].as_str().unwrap_or_default()),
        Some(kind) => format!("[{kind}]"),
        None => sent.to_string(),
    }
}

fn deed(printed: &str) -> Value {
    let Some(inside) = printed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
        return json!({ "kind": "text", "content": printed });
    };
    match inside.split(' ').collect::<Vec<_>>()[..] {
        ["click", key] => json!({ "kind": "click", "key": key }),
        ["tap", content] => json!({ "kind": "text", "content": content, "menu_id": "huixin" }),
        ["voice", heard] => json!({ "kind": "voice", "recognition": heard }),
        ["location", latitude, longitude, label] => {
            let degrees = |text: &str| text.parse::<f64>().expect("degrees");
            json!({ "kind": "location", "latitude": degrees(latitude), "longitude": degrees(longitude), "scale": 16, "label": label })
        }
        [kind @ ("subscribe" | "image")] => json!({ "kind": kind }),
        _ => panic!("no transcript knows [{inside}]"),
    }
}

#[test]
fn a_transcript_is_read_as_it_is_printed() {
    let readme = "text\n```transcript\n> hello\n< [news Title]\n< one\n  two\n```\n```sh\n> x\n```\n```transcript slow\n< a\n```\n";
    let gets = |text: &str| Line::Gets(text.to_owned());
    let says = Line::Says(json!({ "kind": "text", "content": "hello" }));
    assert_eq!(read(readme, ""), [[says, gets("[news Title]"), gets("one\ntwo")]]);
    assert_eq!(read(readme, "slow"), [[gets("a")]]);
    assert!(matches("a…", "abc") && !matches("a…", "b") && matches("a", "a") && !matches("a", "abc"));
}
