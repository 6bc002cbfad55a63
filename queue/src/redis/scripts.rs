//! The scripts: one file, one atomic transition. Each file's header is its contract, checked by a test.

use redis::Script;

macro_rules! scripts {
    ($($name:ident)*) => {
        /// The scripts, with their hashes computed once.
        pub(super) struct Scripts {
            $(pub(super) $name: Script,)*
        }

        impl Scripts {
            pub(super) fn new() -> Self {
                Self { $($name: Script::new(include_str!(concat!("lua/", stringify!($name), ".lua"))),)* }
            }
        }

        /// Names and sources, for the test of their headers.
        #[cfg(test)]
        const SOURCES: &[(&str, &str)] = &[$((stringify!($name), include_str!(concat!("lua/", stringify!($name), ".lua")))),*];
    };
}

scripts! { accept take renew record complete postpone release bury revive drop counts lane dead audit }

impl std::fmt::Debug for Scripts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripts")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::SOURCES;

    /// The numbers in `KEYS[n]` or `ARGV[n]`.
    fn literal_indices(text: &str, array: &str) -> BTreeSet<u32> {
        text.split(&format!("{array}["))
            .skip(1)
            .filter_map(|rest| rest.split(']').next()?.parse().ok())
            .collect()
    }

    fn parts(source: &str) -> (String, String) {
        let header: Vec<_> = source.lines().skip(1).take_while(|l| l.starts_with("--")).collect();
        let code: Vec<_> = source.lines().skip(1 + header.len()).collect();
        (header.join("\n"), code.join("\n"))
    }

    #[test]
    fn every_header_names_the_keys_and_arguments_its_code_uses() {
        for (name, source) in SOURCES {
            let (header, code) = parts(source);
            for array in ["KEYS", "ARGV"] {
                let (said, used) = (literal_indices(&header, array), literal_indices(&code, array));
                assert!(
                    said.is_superset(&used),
                    "{name}.lua uses {array} {used:?}, its header names {said:?}"
                );
            }
            let per_item_said =
                header.contains("*i") || header.contains("+ i]") || header.contains("KEYS[i]");
            let per_item_used = ["KEYS[k", "KEYS[i", "KEYS[1 + i", "KEYS[4 + 2", "KEYS[6 + p"]
                .iter()
                .any(|u| code.contains(u));
            assert_eq!(per_item_said, per_item_used, "{name}.lua: keys per item");
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
            assert_eq!(allowed, !["accept", "revive"].contains(name), "{name}.lua");
        }
    }

    #[test]
    fn no_script_turns_a_time_into_text_with_lost_digits() {
        for (name, source) in SOURCES {
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
