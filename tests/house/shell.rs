//! The scripts that people and build machines start.

use std::os::unix::fs::PermissionsExt as _;

use crate::repository::{read, root};

#[test]
fn scripts_can_be_started_and_stop_at_the_first_error() {
    let examples = std::fs::read_dir(root().join("examples")).unwrap();
    let of_example = |folder: std::io::Result<std::fs::DirEntry>| {
        format!("examples/{}/run", folder.unwrap().file_name().display())
    };
    let scripts = examples.map(of_example).chain(["tests/run", "tests/images", ".ci/run"].map(str::to_owned));
    for script in scripts {
        let text = read(&script);
        let mode = root().join(&script).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{script} isn't executable");
        assert!(text.starts_with("#!/usr/bin/env bash\n"), "{script} begins with no shebang");
        let first = text.lines().find(|line| !line.is_empty() && !line.starts_with('#'));
        assert_eq!(first, Some("set -euo pipefail"), "{script}");
    }
}
