//! One name is one notion: no two modules define types of the same name.

use std::collections::BTreeMap;

use regex::Regex;

use crate::repository::texts;

/// Names that two modules may define, each with its reason.
const TWICE: [(&str, &str); 1] = [(
    "MediaKind",
    "WeChat's notion: the client's, and the pretend WeChat's own with what can't be uploaded",
)];

#[test]
fn no_type_name_is_defined_in_two_modules() {
    let definition =
        Regex::new(r"(?m)^(?:pub(?:\([^)]*\))? )?(?:struct|enum|trait|type|union) ([A-Z]\w*)").unwrap();
    let mut defined: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, text) in texts().into_iter().filter(|(file, _)| is_product(file)) {
        let own = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for found in definition.captures_iter(own) {
            defined.entry(found[1].to_owned()).or_default().push(file.clone());
        }
    }
    assert!(defined.len() > 500, "only {} types are found", defined.len());
    defined.retain(|_, files| files.len() > 1);
    for (name, reason) in TWICE {
        assert!(defined.remove(name).is_some(), "{name} is no exception any more: {reason}");
    }
    assert!(defined.is_empty(), "give one of each a name that says what it is: {defined:#?}");
}

/// Names that said nothing to a new reader, and have got better ones.
const RETIRED: [&str; 15] = [
    "told",
    "Told",
    "Crew",
    "company",
    "in_company",
    "take_on",
    "Place",
    "bench",
    "ledger",
    "glance",
    "Door",
    "Standing",
    "Spooler",
    "Carrier",
    "complaint",
];

#[test]
fn no_retired_name_comes_back() {
    let mut found = Vec::new();
    for (file, text) in texts().into_iter().filter(|(file, _)| is_product(file)) {
        found.extend(retired(&text).into_iter().map(|name| format!("{file}: {name}")));
    }
    assert!(found.is_empty(), "say what is in it:\n{}", found.join("\n"));
}

#[test]
fn a_retired_name_is_seen_in_code_and_not_in_comments_or_texts() {
    assert_eq!(retired("let told = Door::new(); // the ledger"), ["told", "Door"]);
    assert!(retired("say(\"told {x}\"); // told\nlet untold = is_told;").is_empty());
}

/// The retired names in the code of a file, without its comments and texts.
fn retired(text: &str) -> Vec<String> {
    let names = Regex::new(&format!(r"\b(?:{})\b", RETIRED.join("|"))).unwrap();
    let not_code = Regex::new(r#"(?m)//.*$|"(?:[^"\\]|\\.)*""#).unwrap();
    let code = not_code.replace_all(text, "\"\"");
    names.find_iter(&code).map(|name| name.as_str().to_owned()).collect()
}

/// Whether a file is part of what users run. Tests and measurements may have stand-ins of the same names.
fn is_product(file: &str) -> bool {
    let test = ["/tests/", "/tests.rs", "/testing/", "/benches/", "/examples/", "/fuzz/"];
    let roots = ["src/", "pages/src/", "queue/src/", "sandbox/src/", "wechat/src/", "worker/src/"];
    file.ends_with(".rs")
        && roots.iter().any(|root| file.starts_with(root))
        && !test.iter().any(|part| file.contains(part))
}
