//! The policy table that people read is the one that decides.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use huixin_wechat::POLICY;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors.md");

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

fn shown(codes: &RangeInclusive<i64>) -> String {
    match codes.start() == codes.end() {
        true => codes.start().to_string(),
        false => format!("{}–{}", codes.start(), codes.end()),
    }
}
