//! What the documents say about the repository is so.

use std::path::Path;

use regex::Regex;

use crate::repository::{read, root, texts};

/// What a path ends with, if its first part doesn't already tell.
const ENDINGS: [&str; 11] =
    [".css", ".html", ".js", ".lua", ".md", ".py", ".rs", ".sql", ".example.toml", ".yaml", ".yml"];

#[test]
fn every_path_and_test_that_a_document_names_exists() {
    let code = Regex::new("`([^`\n]+)`").unwrap();
    for document in ["ARCHITECTURE.md", "README.md", "README.zh-CN.md"] {
        let text = read(document);
        let named: Vec<&str> =
            code.captures_iter(&text).map(|found| found.get(1).unwrap().as_str()).collect();
        let paths: Vec<&str> = named.into_iter().filter(|text| looks_like_a_path(text)).collect();
        assert!(paths.len() > 10, "{document} names only {paths:?}");
        let wrong: Vec<String> = paths.into_iter().filter_map(fault).collect();
        assert!(wrong.is_empty(), "{document}:\n{}", wrong.join("\n"));
    }
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
    let link = Regex::new(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)").unwrap();
    for (document, text) in texts().iter().filter(|(name, _)| name.ends_with(".md")) {
        let folder = root().join(document).parent().unwrap().to_owned();
        for found in link.captures_iter(text) {
            assert!(folder.join(&found[1]).exists(), "{document} links to {}", &found[1]);
        }
    }
}

#[test]
fn both_readmes_have_the_same_commands() {
    let [english, chinese] = ["README.md", "README.zh-CN.md"].map(|path| commands(&read(path)));
    assert!(!english.is_empty(), "README.md has no block of `sh`");
    assert_eq!(english, chinese);
}

#[test]
fn every_document_is_linked() {
    let links = read("README.md") + &read("ARCHITECTURE.md");
    for (document, _) in texts().iter().filter(|(name, _)| name.starts_with("docs/")) {
        assert!(
            links.contains(&format!("({document}")),
            "neither README.md nor ARCHITECTURE.md links to {document}"
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

/// The fenced blocks of `sh`, in order.
fn commands(document: &str) -> Vec<String> {
    let block = Regex::new(r"(?ms)^```sh\n(.*?)^```$").unwrap();
    block.captures_iter(document).map(|found| found[1].to_owned()).collect()
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
