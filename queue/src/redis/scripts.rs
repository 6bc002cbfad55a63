//! The scripts: one file, one atomic transition. Each file's header is its contract, checked by a test.
//!
//! What scripts share lies in `lua/lib/`, in small files. The parts that a script uses are put between its first line and the
//! rest.

use std::sync::LazyLock;

use redis::Script;

use super::prelude::prelude;

macro_rules! scripts {
    ($($name:ident = $file:literal)*) => {
        pub(super) struct Scripts {
            $(pub(super) $name: Script,)*
        }

        /// The scripts, with their hashes computed once.
        pub(super) static SCRIPTS: LazyLock<Scripts> =
            LazyLock::new(|| Scripts { $($name: script(include_str!(concat!("lua/", $file, ".lua"))),)* });

        /// Names and sources, for the test of their headers.
        #[cfg(test)]
        pub(super) const SOURCES: &[(&str, &str)] = &[$(($file, include_str!(concat!("lua/", $file, ".lua")))),*];
    };
}

scripts! {
    accept = "accept" take = "take" renew = "renew" record = "record" complete = "complete" postpone = "postpone"
    release = "release" bury = "bury" hold = "hold" await_ = "await" answer = "answer" revive = "revive" drop = "drop"
    beat = "beat" pause = "pause" resume = "resume" get = "get" set = "set" limit = "limit" counts = "counts" lane = "lane"
    dead = "dead" oldest = "oldest" audit = "audit" values = "values" ping = "ping" probe = "probe"
    trim = "trim" forget = "forget" copy = "copy"
    open = "open" announce = "announce" offer = "offer" claim = "claim" confirm = "confirm"
}

/// The shebang must be the first line.
fn script(source: &str) -> Script {
    let (shebang, rest) = source.split_once('\n').unwrap_or((source, ""));
    Script::new(&format!("{shebang}\n{}{rest}", prelude(rest)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use regex::Regex;

    use super::SOURCES;
    use crate::format::STORED_FORMAT;
    use crate::redis::prelude::{LIBRARIES, SHARED, prelude, reached};
    use crate::testing::RedisServer;

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
        let kinds =
            |code: &str| all(r"(?:\b(?:key|set_aside|add_to_count)\(|share\('[A-Z]+', )'([a-z]+)", code);
        reached(code).iter().flat_map(|at| kinds(&SHARED[*at].text)).chain(kinds(code)).collect()
    }

    #[test]
    fn every_script_uses_the_libraries_that_it_reaches_and_no_others() {
        for (name, source) in SOURCES {
            let (header, code) = parts(source);
            let mut reached: Vec<_> = reached(&code).into_iter().map(|at| SHARED[at].library).collect();
            reached.dedup();
            let said = header.lines().find_map(|line| line.strip_prefix("-- Uses: ")).unwrap_or_default();
            assert_eq!(said.trim_end_matches('.'), reached.join(", "), "{name}.lua");
        }
    }

    #[test]
    fn every_command_that_a_script_calls_is_tried_at_the_start() {
        let probe = SOURCES.iter().find(|(name, _)| *name == "probe").unwrap().1;
        let tried = all(r"'([A-Z]+)[ ']", probe);
        for (name, source) in SOURCES.iter().chain(LIBRARIES) {
            let called = all(
                r"(?:redis\.p?call(?:\(|, )|share\(|read\([^']*|make_ready\(|line_up\()'([A-Z]+)'",
                source,
            );
            assert!(called.is_subset(&tried), "{name}.lua calls {called:?}, the probe tries {tried:?}");
        }
    }

    #[test]
    fn records_have_the_format_of_all_that_is_stored() {
        let record = LIBRARIES.iter().find(|(name, _)| *name == "record").unwrap().1;
        assert!(record.contains(&format!("\nlocal FORMAT = {STORED_FORMAT}\n")));
    }

    #[test]
    fn where_something_lies_in_a_record_is_known_to_one_file_only() {
        let position =
            Regex::new(r"\b(record|older|batch|values|v)\[\d+\]|\bunpack\((record|older|batch)\b").unwrap();
        for (name, source) in SOURCES.iter().chain(LIBRARIES.iter().filter(|(name, _)| *name != "record")) {
            assert!(!source.contains("cmsgpack"), "{name}.lua reads or writes a record by itself");
            assert!(!source.contains("struct."), "{name}.lua reads a packed message by itself");
            assert!(!source.contains(":byte(1) "), "{name}.lua looks at a format by itself");
            assert!(!position.is_match(source), "{name}.lua knows where something lies in a record");
        }
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
        let counts = Regex::new(r"\b(count_open|end_message|bury_message|bury_held|end_answered)\(").unwrap();
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
        for (name, source) in SOURCES.iter().chain(LIBRARIES) {
            let code = source;
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

    /// What a call may allocate for its definitions: no more than the costliest script does, for which that takes about four
    /// microseconds. Not a time, which other guests of the machine change.
    const DEFINED_BYTES_MAX: u32 = 3_900;

    #[test]
    fn what_a_script_defines_before_it_begins_takes_few_bytes() {
        let server = RedisServer::start(&[]);
        for (name, source) in SOURCES {
            let script = format!(
                "#!lua flags=no-writes
                collectgarbage('stop')
                local bytes_before = collectgarbage('count') * 1024
                {}
                local bytes = collectgarbage('count') * 1024 - bytes_before
                collectgarbage('restart')
                return bytes",
                prelude(source)
            );
            let bytes: u32 = server.cli(&["EVAL", &script, "1", "p", "1"]).trim().parse().expect("a number");
            println!("{name}: {bytes} bytes");
            assert!(bytes <= DEFINED_BYTES_MAX, "{name}.lua: {bytes} bytes of {DEFINED_BYTES_MAX}");
        }
    }
}
