//! The example in worker/examples, run as its reader would.

use std::path::PathBuf;
use std::process::Command;

#[test]
fn the_example_of_a_rust_user_answers_after_longer_than_wechat_waits_and_ends_by_itself() {
    let output = Command::new(example("slow_answer")).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    let lines: Vec<&str> = out.lines().collect();
    let [accepted, answered, stopped] = lines[..] else { panic!("{out}") };
    assert!(seconds(accepted, "accepted after ") < 5.0, "{out}");
    assert!(seconds(answered, "answered after ") >= 6.0, "{out}");
    assert!(answered.ends_with(" s: 18-546 is ready"), "{out}");
    assert_eq!(stopped, "stopped, 0 messages left in the queue");
}

fn seconds(line: &str, before: &str) -> f64 {
    let rest = line.strip_prefix(before).unwrap_or_else(|| panic!("{line:?} doesn't begin with {before:?}"));
    rest.split(' ').next().unwrap().parse().unwrap()
}

/// Cargo builds a package's examples with its tests, next to the folder of this file.
fn example(name: &str) -> PathBuf {
    let me = std::env::current_exe().unwrap();
    let profile = me.parent().and_then(|deps| deps.parent()).unwrap();
    let path = profile.join("examples").join(name);
    assert!(
        path.exists(),
        "{} is missing: `cargo test` or `cargo build --examples` makes it",
        path.display()
    );
    path
}
