//! Pages for users are there in English and in Chinese, and say the same as far as a machine can see it.

use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;

use crate::repository::{anchors, headings, read, root, texts};

/// Written by a program, or for those who publish.
const ENGLISH_ONLY: [&str; 2] = ["docs/benchmarks.md", "docs/release.md"];

/// What a page is made of, whatever the language.
#[derive(Debug, PartialEq)]
enum Part {
    Heading(usize),
    /// Its language and text, comments left out.
    Code(String, String),
    /// How many cells it has.
    Row(usize),
}

#[test]
fn every_page_for_users_is_there_in_both_languages() {
    let pages = pages();
    assert!(pages.len() > 15, "{pages:?}");
    for page in pages {
        let twin = twin_of(&page).expect("it is a page");
        assert!(root().join(&twin).exists(), "{page} has no {twin}");
        for (here, there) in [(&page, &twin), (&twin, &page)] {
            let led_to = links(here).into_iter().any(|(path, _)| path == *there);
            assert!(led_to, "{here} doesn't link to {there}");
        }
    }
}

#[test]
fn twins_have_the_same_headings_blocks_and_tables() {
    for (english, chinese) in twins() {
        let [here, there] = [&english, &chinese].map(|page| parts(&read(page)));
        for (number, (one, other)) in here.iter().zip(&there).enumerate() {
            assert_eq!(one, other, "part {number} of {english} and {chinese}");
        }
        assert_eq!(here.len(), there.len(), "{english} and {chinese}");
    }
}

#[test]
fn twins_name_the_same_things_in_code() {
    for (english, chinese) in twins() {
        let [here, there] = [&english, &chinese].map(|page| names(&read(page)));
        let differing: Vec<_> = here.symmetric_difference(&there).collect();
        assert!(differing.is_empty(), "only one of {english} and {chinese} has {differing:?}");
    }
}

#[test]
fn twins_lead_to_the_same_places_each_in_its_language() {
    for (english, chinese) in twins() {
        let translated = links(&english).into_iter().map(|(path, heading)| (in_chinese(path), heading));
        let mut expected: Vec<_> = translated.filter(|(path, _)| *path != chinese).collect();
        let mut found: Vec<_> = links(&chinese).into_iter().filter(|(path, _)| *path != english).collect();
        expected.sort();
        found.sort();
        assert_eq!(expected, found, "{english} and {chinese}");
    }
}

/// The English pages.
fn pages() -> Vec<String> {
    let pages = texts().into_iter().map(|(name, _)| name);
    pages.filter(|page| !ENGLISH_ONLY.contains(&page.as_str()) && twin_of(page).is_some()).collect()
}

/// Those that have a twin; another test checks that all have one.
fn twins() -> Vec<(String, String)> {
    let both = pages().into_iter().filter_map(|page| twin_of(&page).map(|twin| (page, twin)));
    both.filter(|(_, twin)| root().join(twin).exists()).collect()
}

/// Where a page's Chinese twin is, if it is a page for users.
fn twin_of(page: &str) -> Option<String> {
    if page == "README.md" || page == "SECURITY.md" || page.starts_with("examples/") {
        return page
            .strip_suffix(".md")
            .filter(|page| !page.ends_with("zh-CN"))
            .map(|page| format!("{page}.zh-CN.md"));
    }
    let name = page.strip_prefix("docs/")?;
    (name.ends_with(".md") && !name.contains('/')).then(|| format!("docs/zh/{name}"))
}

/// A file's Chinese form if it has one, otherwise the file.
fn in_chinese(path: String) -> String {
    let picture = path.strip_prefix("docs/").map(|name| format!("docs/zh/{name}"));
    twin_of(&path).or(picture).filter(|twin| root().join(twin).exists()).unwrap_or(path)
}

fn parts(page: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let code = line.trim_start();
        if let Some(language) = code.strip_prefix("```") {
            let block = lines.by_ref().take_while(|line| line.trim() != "```");
            let text: Vec<_> = block.map(without_comment).collect();
            parts.push(Part::Code(language.to_owned(), text.join("\n")));
        } else if line.starts_with('#') {
            parts.push(Part::Heading(line.chars().take_while(|c| *c == '#').count()));
        } else if line.starts_with('|') {
            parts.push(Part::Row(line.replace("\\|", "").matches('|').count()));
        }
    }
    parts
}

fn without_comment(line: &str) -> &str {
    ["  #", " // "].iter().fold(line, |line, mark| line.split(mark).next().unwrap_or_default()).trim_end()
}

/// What stands in backticks.
fn names(page: &str) -> BTreeSet<String> {
    let block = Regex::new("(?ms)^ *```.*?^ *```$").unwrap();
    let code = Regex::new("`([^`\n]+)`").unwrap();
    code.captures_iter(&block.replace_all(page, "")).map(|found| found[1].to_owned()).collect()
}

/// Where the links of a page lead: the path from the root or the address, and the number of the heading there.
fn links(page: &str) -> Vec<(String, Option<usize>)> {
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let text = read(page);
    let links = link.captures_iter(&text).map(|found| {
        let target = found.get(1).unwrap().as_str();
        if target.contains(':') {
            return (target.to_owned(), None);
        }
        let (file, anchor) =
            target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
        let path = if file.is_empty() { page.to_owned() } else { beside(page, file) };
        let heading = anchor.map(|anchor| {
            let known = anchors(&headings(&read(&path)));
            known.iter().position(|known| known == anchor).unwrap_or_else(|| panic!("{page}: {target}"))
        });
        (path, heading)
    });
    links.collect()
}

/// The path from the root of a file that is named from a page.
fn beside(page: &str, file: &str) -> String {
    let mut path: Vec<&str> = page.split('/').collect();
    path.pop();
    for step in Path::new(file).iter().filter_map(|step| step.to_str()) {
        match step {
            ".." => drop(path.pop()),
            "." => {}
            step => path.push(step),
        }
    }
    path.join("/")
}
