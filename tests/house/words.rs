//! Words that readers stumble over.

use regex::Regex;

use crate::repository::texts;

const ENDINGS: [&str; 8] = [".rs", ".lua", ".md", ".toml", ".js", ".html", ".py", ".sql"];

/// The words, spelt so that this file has none of them.
fn archaic() -> Regex {
    Regex::new(
        r"(?ix)\b( (?:is|are|was|were|be)\s+told | who[e]ver | of\s+which | to\s+be\s+had | mean[w]hile | where[f]rom
        | so-[m]anieth | (?:is|are|was)\s+to\s+be | him\s+who | he\s+who )\b",
    )
    .unwrap()
}

#[test]
fn no_text_has_an_archaic_word() {
    let (archaic, mut found) = (archaic(), Vec::new());
    for (file, text) in texts() {
        // Test data may be anything.
        if ENDINGS.iter().any(|ending| file.ends_with(ending)) && !file.contains("/seeds/") {
            found.extend(archaic.find_iter(&text).map(|word| {
                let line = text[..word.start()].matches('\n').count() + 1;
                format!("{file}:{line}: {}", word.as_str())
            }));
        }
    }
    assert!(found.is_empty(), "say it in plain English:\n{}", found.join("\n"));
}

#[test]
fn an_archaic_word_is_seen_and_its_parts_are_not() {
    for text in [["It is", "told."].join(" "), ["To be", "had"].join(" "), ["WHO", "EVER"].concat()] {
        assert!(archaic().is_match(&text), "{text}");
    }
    for text in ["it told us", "which of them", "while it lasts", "it has to be"] {
        assert!(!archaic().is_match(text), "{text}");
    }
}
