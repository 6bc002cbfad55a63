//! A disk that is slow or full, for a process of a test: a small library that is loaded before all others.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// The variables for a process whose every sync takes so much longer.
///
/// # Panics
/// When there is no C compiler: the test can't go on.
pub fn slow_disk(sync: Duration) -> [(&'static str, String); 2] {
    [("LD_PRELOAD", library()), ("BAD_DISK_SYNC_MS", sync.as_millis().to_string())]
}

/// The variables for a process whose disk is full while the file `flag` is there.
///
/// # Panics
/// As [`slow_disk`].
pub fn full_disk(flag: &std::path::Path) -> [(&'static str, String); 2] {
    [("LD_PRELOAD", library()), ("BAD_DISK_FULL", flag.display().to_string())]
}

fn library() -> String {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let folder = std::env::temp_dir();
        // One library for all tests of this user, and never half a file.
        let mine = folder.join(format!("huixin-bad-disk-{}.so", std::process::id()));
        let built = folder.join(format!("huixin-bad-disk-{}.so", include_str!("bad_disk.c").len()));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/testing/bad_disk.c");
        let cc = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&mine)
            .args([source, "-ldl"])
            .output();
        let cc = cc.expect("a C compiler is installed (apt install build-essential)");
        assert!(cc.status.success(), "{}", String::from_utf8_lossy(&cc.stderr));
        std::fs::rename(&mine, &built).expect("the temporary folder can be written");
        built
    });
    built.display().to_string()
}
