//! The repository as files.

use std::path::{Path, PathBuf};

/// The repository's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file that must be there.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All text files, by paths from the root. What a build or a local installation leaves behind is no part of it.
pub(crate) fn texts() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            let name = path.to_str().unwrap().to_owned();
            if ["target", ".git", "huixin.toml", "huixin-spool"].contains(&name.as_str()) {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if let Ok(text) = std::fs::read_to_string(entry.path()) {
                found.push((name, text));
            }
        }
    }
    assert!(found.len() > 100, "only {} files are found", found.len());
    found
}

/// The headings of a page, without their signs.
pub(crate) fn headings(page: &str) -> Vec<&str> {
    let mut within = false;
    let heading = |line: &&str| {
        within ^= line.trim_start().starts_with("```");
        !within && line.starts_with('#')
    };
    page.lines().filter(heading).map(|line| line.trim_start_matches('#').trim()).collect()
}

/// What a link to each heading has behind its `#`, by GitHub's rule.
pub(crate) fn anchors(headings: &[&str]) -> Vec<String> {
    let kept = |c: char| c.is_alphanumeric() || c == '-' || c == '_' || c == ' ';
    let anchor = |heading: &&str| heading.to_lowercase().chars().filter(|c| kept(*c)).collect::<String>();
    headings.iter().map(|heading| anchor(heading).replace(' ', "-")).collect()
}
