//! The scripts: one file, one atomic transition. Each file's header is its contract, checked by a test.

use redis::Script;

/// What is put between the header and the code of each.
const SHARED: &str = include_str!("lua/shared.lua");

macro_rules! scripts {
    ($($name:ident = $file:literal)*) => {
        /// The scripts, with their hashes computed once.
        pub(super) struct Scripts {
            $(pub(super) $name: Script,)*
        }

        impl Scripts {
            pub(super) fn new() -> Self {
                Self { $($name: script(include_str!(concat!("lua/", $file, ".lua"))),)* }
            }
        }

        /// Names and sources, for the test of their headers.
        #[cfg(test)]
        const SOURCES: &[(&str, &str)] = &[$(($file, include_str!(concat!("lua/", $file, ".lua")))),*];
    };
}

scripts! {
    accept = "accept" take = "take" renew = "renew" record = "record" complete = "complete" postpone = "postpone"
    release = "release" bury = "bury" hold = "hold" await_ = "await" answer = "answer" revive = "revive" drop = "drop"
    beat = "beat" pause = "pause" resume = "resume" get = "get" set = "set" limit = "limit" counts = "counts" lane = "lane"
    dead = "dead" audit = "audit"
}

/// The shebang must be the first line.
fn script(source: &str) -> Script {
    let (shebang, rest) = source.split_once('\n').unwrap_or((source, ""));
    Script::new(&format!("{shebang}\n{SHARED}\n{rest}"))
}

impl std::fmt::Debug for Scripts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripts")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use regex::Regex;

    use super::{SHARED, SOURCES};

    fn all(pattern: &str, text: &str) -> BTreeSet<String> {
        let pattern = Regex::new(pattern).unwrap();
        pattern.captures_iter(text).map(|found| found[1].to_owned()).collect()
    }

    fn parts(source: &str) -> (String, String) {
        let header: Vec<_> = source.lines().skip(1).take_while(|l| l.starts_with("--")).collect();
        let code: Vec<_> = source.lines().skip(1 + header.len()).collect();
        (header.join("\n"), code.join("\n"))
    }

    /// The kinds of keys that code names from the prefix, itself or in the shared functions it calls.
    fn named(code: &str) -> BTreeSet<String> {
        let mut kinds = all(r"key\('([a-z]+)", code);
        for function in SHARED.split("\nlocal function ").skip(1) {
            let (name, body) = function.split_once('(').unwrap();
            if Regex::new(&format!(r"\b{name}\(")).unwrap().is_match(code) {
                kinds.extend(named(body));
            }
        }
        kinds
    }

    #[test]
    fn every_header_names_the_keys_and_arguments_its_code_uses() {
        for (name, source) in SOURCES {
            let (header, code) = parts(source);
            for array in ["KEYS", "ARGV"] {
                let literal = format!(r"{array}\[(\d+)\]");
                let (said, used) = (all(&literal, &header), all(&literal, &code));
                assert!(
                    said.is_superset(&used),
                    "{name}.lua uses {array} {used:?}, its header names {said:?}"
                );
            }
            assert!(header.contains("-- KEYS[1]  base"), "{name}.lua: the first key is the prefix");
            assert!(
                header.contains("-- ARGV[1]  test clock"),
                "{name}.lua: the first argument is the test clock"
            );
            let per_item = !all(r"KEYS\[([^\]]*[a-z][^\]]*)\]", &code).is_empty();
            assert_eq!(
                header.contains("i]") || header.contains("i - "),
                per_item,
                "{name}.lua: keys per item"
            );
        }
    }

    #[test]
    fn every_header_names_the_kinds_of_keys_that_its_code_touches() {
        for (name, source) in SOURCES {
            let (header, code) = parts(source);
            let missing: Vec<_> = named(&code)
                .into_iter()
                .filter(|kind| !Regex::new(&format!(r"\b{kind}\b")).unwrap().is_match(&header))
                .collect();
            assert!(missing.is_empty(), "{name}.lua touches {missing:?}, which its header doesn't name");
        }
    }

    #[test]
    fn every_header_states_purpose_and_returns_and_every_script_has_a_shebang() {
        for (name, source) in SOURCES {
            assert!(
                source.starts_with("#!lua"),
                "{name}.lua: without a shebang a key of another slot is not refused"
            );
            let (header, _) = parts(source);
            assert!(header.contains("-- Returns: "), "{name}.lua says what it returns");
            assert!(
                header.lines().next().is_some_and(|l| l.ends_with('.') || l.len() > 40),
                "{name}.lua says what it is for"
            );
        }
    }

    #[test]
    fn only_what_makes_the_queue_longer_is_refused_when_memory_is_full() {
        for (name, source) in SOURCES {
            let allowed = source.lines().next().is_some_and(|l| l.contains("allow-oom"));
            assert_eq!(allowed, !["accept", "revive", "answer"].contains(name), "{name}.lua");
        }
    }

    #[test]
    fn counts_of_open_messages_are_kept_in_one_place_and_by_every_script_that_changes_them() {
        let counts = Regex::new(r"\b(count_open|end_message|bury_message|bury_held)\(").unwrap();
        for (name, source) in SOURCES {
            let (header, code) = parts(source);
            assert_eq!(counts.is_match(&code), code.contains("keep_counts()"), "{name}.lua");
            for number in all(r"KEYS\[(\d+)\]\s+open", &header) {
                assert!(!code.contains(&format!("'HINCRBY', KEYS[{number}]")), "{name}.lua counts by itself");
            }
            assert!(!code.contains("'HINCRBY', key('open')"), "{name}.lua counts by itself");
            assert!(!code.contains("write_letter(") || *name == "accept", "{name}.lua buries by itself");
        }
    }

    #[test]
    fn no_script_turns_a_time_into_text_with_lost_digits() {
        for (name, source) in SOURCES.iter().chain([&("shared", SHARED)]) {
            let (_, code) = parts(source);
            assert!(
                !code.contains("tostring"),
                "{name}.lua: tostring loses digits of microseconds, use %.0f"
            );
            assert!(
                !code.contains("unpack(redis"),
                "{name}.lua: unpack of an unbounded list fails past 8,000 items"
            );
        }
    }
}
