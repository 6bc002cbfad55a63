//! The policy table that people read is the one that decides.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use huixin_wechat::POLICY;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors.md");
const CHINESE_DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/zh/errors.md");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../pages/operations/codes.js");

#[test]
fn the_table_of_error_codes_in_the_documentation_is_the_table_that_decides() {
    let document = std::fs::read_to_string(DOCUMENT).expect("docs/errors.md is there");
    let mut table = String::from(
        "| WeChat's code | what it means | what Huixin does | you |\n| --- | --- | --- | --- |\n",
    );
    for rule in POLICY {
        let codes: Vec<_> = rule.codes.iter().map(shown).collect();
        let (meaning, action) = (rule.meaning, rule.class.action());
        // Here it is a link; a log has no use for one.
        let remedy = rule.remedy.replace("docs/delivery.md", "[delivery.md](delivery.md)");
        writeln!(table, "| {} | {meaning} | {action} | {remedy} |", codes.join(", "))
            .expect("writing into a string never fails");
    }
    assert!(document.contains(&table), "docs/errors.md should have this table:\n\n{table}");
}

#[test]
fn the_operations_page_says_the_same_of_each_code_in_both_languages() {
    let read = |path| std::fs::read_to_string(path).expect("it is there");
    let (page, chinese) = (read(PAGE), read(CHINESE_DOCUMENT));
    let quoted = |text: &str| serde_json::to_string(text).expect("it is a text");
    for rule in POLICY {
        let codes: Vec<_> = rule.codes.iter().map(|range| shown(range).replace('–', ", ")).collect();
        let codes = codes.iter().map(|one| if one.contains(", ") { format!("[{one}]") } else { one.clone() });
        let codes = codes.collect::<Vec<_>>().join(", ");
        let line = format!("  [[{codes}], {}, {},\n", quoted(rule.meaning), quoted(rule.remedy));
        assert!(page.contains(&line), "pages/operations/codes.js should have this line:\n\n{line}");
    }
    let translations: Vec<_> = page.lines().filter(|line| line.starts_with("    \"")).collect();
    assert_eq!(translations.len(), POLICY.len());
    for line in translations {
        let list = format!("[{}", line.trim().trim_end_matches(','));
        let texts: Vec<String> = serde_json::from_str(&list).expect("it is a list of texts");
        for text in texts {
            let text = text.replace("docs/delivery.md", "[delivery.md](delivery.md)");
            assert!(chinese.contains(&text), "docs/zh/errors.md doesn't say: {text}");
        }
    }
}

fn shown(codes: &RangeInclusive<i64>) -> String {
    match codes.start() == codes.end() {
        true => codes.start().to_string(),
        false => format!("{}–{}", codes.start(), codes.end()),
    }
}
