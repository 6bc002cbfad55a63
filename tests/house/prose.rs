//! What the documents say about the repository is true.

use std::collections::BTreeMap;
use std::path::Path;

use regex::Regex;

use crate::repository::{anchors, headings, read, root, texts};

/// What a path ends with, if its first part doesn't already tell.
const ENDINGS: [&str; 11] =
    [".css", ".html", ".js", ".lua", ".md", ".py", ".rs", ".sql", ".example.toml", ".yaml", ".yml"];

#[test]
fn every_path_and_test_that_a_document_names_exists() {
    let code = Regex::new("`([^`\n]+)`").unwrap();
    let mut named = BTreeMap::new();
    for (document, text) in texts().into_iter().filter(|(name, _)| is_checked(name)) {
        let found = code.captures_iter(&text).map(|found| found.get(1).unwrap().as_str());
        let paths: Vec<&str> = found.filter(|text| looks_like_a_path(text)).collect();
        let (count, wrong) = (paths.len(), paths.into_iter().filter_map(fault).collect::<Vec<_>>());
        assert!(wrong.is_empty(), "{document}:\n{}", wrong.join("\n"));
        named.insert(document, count);
    }
    assert!(named["ARCHITECTURE.md"] > 80 && named["docs/promises.md"] > 80, "{named:?}");
}

/// Not the examples' pages, whose paths start in their own folders, and not the changelog, which tells what was.
fn is_checked(document: &str) -> bool {
    let name = document.strip_prefix("docs/").unwrap_or(document);
    let own = !name.contains('/') || name.starts_with("zh/");
    own && name.ends_with(".md") && name != "CHANGELOG.md"
}

#[test]
fn a_path_is_told_from_other_code() {
    for path in [
        "queue/",
        "src/receiver",
        "tests/run",
        ".ci/run",
        "queue/src/redis/lua/*.lua",
        "CHANGELOG.md",
        "wokrer/src/a.rs",
    ] {
        assert!(looks_like_a_path(path), "{path}");
    }
    for other in [
        "application/json",
        "/wechat/main",
        "http://a/b.rs",
        "huixin.toml",
        "sqlite:a.md",
        "a / b",
        "accept",
        "wait:1",
    ] {
        assert!(!looks_like_a_path(other), "{other}");
    }
    assert_eq!(fault("queue/src/redis/lua/*.lua"), None);
    assert_eq!(fault("tests/house/prose.rs::a_path_is_told_from_other_code"), None);
    assert!(fault("queue/src/radis/lua/*.lua").is_some());
    assert!(fault("tests/house/prose.rs::no_such_test").is_some());
}

#[test]
fn every_link_to_a_file_leads_somewhere() {
    let link = Regex::new(r"\]\(([^)#:\s]*)(?:#([^)\s]*))?\)").unwrap();
    for (document, text) in texts().iter().filter(|(name, _)| name.ends_with(".md")) {
        let place = root().join(document);
        for found in link.captures_iter(text) {
            let target =
                if found[1].is_empty() { place.clone() } else { place.with_file_name("").join(&found[1]) };
            assert!(target.exists(), "{document} links to {}", &found[1]);
            let Some(anchor) = found.get(2) else { continue };
            let there = std::fs::read_to_string(&target).unwrap();
            let known = anchors(&headings(&there));
            assert!(
                known.iter().any(|known| known == anchor.as_str()),
                "{document}: {} of {known:?}",
                &found[0]
            );
        }
    }
}

#[test]
fn the_first_page_is_short() {
    for readme in ["README.md", "README.zh-CN.md"] {
        let text = read(readme);
        let (lines, characters) = (text.lines().count(), text.chars().count());
        assert!(
            lines <= 150 && characters <= 9_000,
            "{readme} has {lines} lines and {characters} characters"
        );
    }
}

#[test]
fn the_architecture_fits_on_a_few_screens() {
    let text = read("ARCHITECTURE.md");
    assert!(text.lines().count() <= 200 && text.len() <= 16 * 1024, "{} bytes", text.len());
}

#[test]
fn what_is_said_of_rust_and_the_licence_is_what_cargo_says() {
    let cargo = read("Cargo.toml");
    let value = |key: &str| {
        let line = cargo.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        line.unwrap_or_else(|| panic!("Cargo.toml has {key}")).trim_matches('"')
    };
    let (rust, licence) = (value("rust-version"), value("license").replace("OR", "or"));
    assert!(read("docs/badges/licence.svg").contains(&format!("licence: {licence}")), "{licence}");
    assert!(read("docs/badges/rust.svg").contains(&format!("Rust: {rust}+")), "{rust}");
    for page in ["README.md", "README.zh-CN.md", "docs/versions.md", "docs/zh/versions.md"] {
        assert!(read(page).contains(rust), "{page} should name Rust {rust}");
    }
}

/// The Chinese pages are linked as their twins are: see `languages`.
#[test]
fn every_document_is_linked() {
    // The plots belong to one page, which has its own folder as its root.
    let plots = read("docs/benchmarks.md").replace("(plots/", "(docs/plots/");
    let links = read("README.md") + &read("ARCHITECTURE.md") + &plots;
    let english = |name: &str| name.starts_with("docs/") && !name.starts_with("docs/zh/");
    for (document, _) in texts().iter().filter(|(name, _)| english(name)) {
        assert!(
            links.contains(&format!("({document}")),
            "neither README.md nor ARCHITECTURE.md, nor for plots docs/benchmarks.md, links to {document}"
        );
    }
}

#[test]
fn no_text_names_a_folder_of_one_machine() {
    // Where this checkout happens to lie, and where home folders do; put together, so that this file doesn't name them.
    let folders = [
        root().display().to_string(),
        format!("/{}/", "root"),
        format!("/{}/", "home"),
        format!("/{}/", "Users"),
    ];
    for (file, text) in texts() {
        for folder in &folders {
            assert!(!text.contains(folder), "{file} names {folder}");
        }
    }
}

/// Whether code in a text means a file or folder of this repository.
fn looks_like_a_path(code: &str) -> bool {
    let path = code.split("::").next().unwrap_or_default();
    if path.starts_with('/') || path.chars().any(|c| c.is_whitespace() || "<>:…$|\"'(=".contains(c)) {
        return false;
    }
    let known_ending = ENDINGS.iter().any(|ending| path.ends_with(ending));
    match path.split_once('/') {
        Some((first, rest)) => rest.is_empty() || known_ending || root().join(first).is_dir(),
        // Other files without a folder are mostly the reader's own: `huixin.toml`, `huixin.db`.
        None => [".md", ".yml", ".example.toml"].iter().any(|ending| path.ends_with(ending)),
    }
}

/// What is wrong with a path, which may go on with `::` and a function in it; what stands behind `*` or `{` isn't checked.
fn fault(code: &str) -> Option<String> {
    let (path, function) =
        code.split_once("::").map_or((code, None), |(path, function)| (path, Some(function)));
    let certain = match path.find(['*', '{']) {
        Some(at) => &path[..path[..at].rfind('/').map_or(0, |slash| slash + 1)],
        None => path,
    };
    let place = root().join(Path::new(certain));
    if !place.exists() {
        return Some(format!("`{certain}` doesn't exist"));
    }
    let function = function?.rsplit("::").next().unwrap_or_default();
    let text = std::fs::read_to_string(place).unwrap_or_default();
    (!text.contains(&format!("fn {function}("))).then(|| format!("`{path}` has no function `{function}`"))
}
