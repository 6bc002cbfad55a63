//! What a script defines before it begins: the parts of `lua/lib/` that it uses, and no more, since each call defines them
//! anew.
//!
//! Parts that most calls don't need are marked with [`LATE`]. Each is replaced by a small function that, when it is first
//! called, defines the real one and whatever only that one needs. So only the calls that need a rare part pay for it.

use std::collections::{BTreeSet, HashSet};
use std::sync::LazyLock;

macro_rules! libraries {
    ($($name:literal)*) => {
        /// Names and sources, each after the libraries whose functions it calls.
        pub(super) const LIBRARIES: &[(&str, &str)] = &[$(($name, include_str!(concat!("lua/lib/", $name, ".lua")))),*];
    };
}

libraries! { "base" "damage" "pulse" "record" "mend" "lane" "turn" "held" "seen" "see" "lease" "read" "on" "end" "store" "due" "respond" }

/// The last line above a function that is defined when it is first called.
const LATE: &str = "-- Defined when first called.\nlocal ";
const LATE_IN_CODE: &str = "late local ";

/// One or more locals of a library that are defined together.
#[derive(Debug)]
pub(super) struct SharedLocals {
    #[cfg_attr(not(test), expect(dead_code, reason = "for the test of the scripts' headers"))]
    pub(super) library: &'static str,
    names: Vec<String>,
    /// Without comments, and without the `local` before it.
    pub(super) text: String,
    /// The places of what it uses, all before its own.
    uses: BTreeSet<usize>,
    is_late: bool,
    /// A value that changes is shared by all that use it, so no function that is defined late has its own copy.
    is_state: bool,
}

/// All of them, in the order in which they may be defined.
pub(super) static SHARED: LazyLock<Vec<SharedLocals>> = LazyLock::new(|| {
    let mut all: Vec<SharedLocals> = Vec::new();
    for (library, source) in LIBRARIES {
        let mut texts: Vec<String> = Vec::new();
        for line in bare(&source.replace(LATE, LATE_IN_CODE)).lines() {
            if line.starts_with("local ") || line.starts_with(LATE_IN_CODE) {
                texts.push(String::new());
            }
            if let Some(text) = texts.last_mut() {
                *text += &format!("{line}\n");
            }
        }
        for text in texts {
            let shared = SharedLocals::new(library, &text, &all);
            all.push(shared);
        }
    }
    all
});

impl SharedLocals {
    fn new(library: &'static str, text: &str, before: &[Self]) -> Self {
        let late = text.strip_prefix(LATE_IN_CODE);
        let text = late.or(text.strip_prefix("local ")).unwrap_or(text);
        let function = text.strip_prefix("function ");
        let names = function.unwrap_or(text).split(['(', '=']).next().unwrap_or_default();
        let names: Vec<_> = names.split(',').map(|name| name.trim().to_owned()).collect();
        let is_state = function.is_none() && names.iter().any(|name| name.starts_with(char::is_lowercase));
        Self {
            library,
            names,
            text: text.to_owned(),
            uses: used(text, before),
            is_late: late.is_some(),
            is_state,
        }
    }
}

/// Code without its comments, which name things too.
fn bare(code: &str) -> String {
    let lines = code.lines().filter_map(|line| line.split("--").next());
    lines.filter(|line| !line.trim().is_empty()).map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The places of the locals that code names.
fn used(code: &str, shared: &[SharedLocals]) -> BTreeSet<usize> {
    let words: HashSet<&str> = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let is_used = |at: &usize| shared[*at].names.iter().any(|name| words.contains(name.as_str()));
    (0..shared.len()).filter(is_used).collect()
}

/// What code needs of the libraries, as the text to put before it.
pub(super) fn prelude(code: &str) -> String {
    define(&used(&bare(code), &SHARED), &BTreeSet::new())
}

/// Defines what is used here, and what that uses in turn, except what is known here.
fn define(used: &BTreeSet<usize>, known: &BTreeSet<usize>) -> String {
    let mut seen = BTreeSet::new();
    let mut ahead: Vec<_> = used.iter().map(|at| (*at, true)).collect();
    while let Some((at, is_now)) = ahead.pop() {
        if !known.contains(&at) && seen.insert((at, is_now)) {
            let is_now = is_now && !SHARED[at].is_late;
            ahead.extend(SHARED[at].uses.iter().map(|next| (*next, is_now)));
        }
    }
    let now: BTreeSet<_> =
        seen.into_iter().filter(|(at, is_now)| *is_now || SHARED[*at].is_state).map(|(at, _)| at).collect();
    let text = |at: &usize| {
        let SharedLocals { names, text, uses, is_late, .. } = &SHARED[*at];
        if !is_late {
            return format!("local {text}");
        }
        let (name, known) = (&names[0], known | &now.range(..at).copied().collect());
        format!("local {name}\nfunction {name}(...)\n{}{text}return {name}(...)\nend\n", define(uses, &known))
    };
    now.iter().map(text).collect()
}

/// The places of all locals that code uses, directly or through what it calls.
#[cfg(test)]
pub(super) fn reached(code: &str) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut ahead: Vec<_> = used(&bare(code), &SHARED).into_iter().collect();
    while let Some(at) = ahead.pop() {
        if reached.insert(at) {
            ahead.extend(&SHARED[at].uses);
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::scripts::SOURCES;
    use crate::testing::RedisServer;

    #[test]
    fn what_scripts_share_names_only_what_stands_before_it() {
        for (at, SharedLocals { names, text, is_late, .. }) in SHARED.iter().enumerate() {
            let ahead: Vec<_> =
                used(text, &SHARED).range(at + 1..).map(|ahead| &SHARED[*ahead].names).collect();
            assert!(ahead.is_empty(), "{names:?} names {ahead:?}");
            assert!(!is_late || text.starts_with("function "), "{names:?} is no function");
        }
        let marks =
            LIBRARIES.iter().map(|(_, source)| source.matches("-- Defined when first called").count()).sum();
        assert_eq!(SHARED.iter().filter(|shared| shared.is_late).count(), marks, "a mark with no effect");
    }

    #[test]
    fn what_changes_is_defined_once() {
        for (name, source) in SOURCES {
            let prelude = prelude(source);
            for at in reached(source).iter().filter(|at| SHARED[**at].is_state) {
                let text = format!("local {}", SHARED[*at].text);
                assert_eq!(prelude.matches(&text).count(), 1, "{name}.lua: {text}");
            }
        }
    }

    #[test]
    fn two_dashes_begin_a_comment_wherever_they_stand() {
        for (name, source) in SOURCES.iter().chain(LIBRARIES) {
            for (code, _) in source.lines().filter_map(|line| line.split_once("--")) {
                assert_eq!(code.matches('\'').count() % 2, 0, "{name}.lua: {code}");
            }
        }
    }

    #[test]
    fn a_function_that_is_defined_late_is_itself_after_its_first_call() {
        let server = RedisServer::start(&[]);
        let code = "redis.call('SET', key('a'), 1)
            local first = set_aside
            set_aside('a', 'it is damaged')
            return { is_alarmed and 1 or 0, first == set_aside and 1 or 0, redis.call('LLEN', key('alarm')) }";
        let script = format!("{}{code}", prelude(code));
        assert_eq!(server.cli(&["EVAL", &script, "1", "p:", "1"]), "1\n0\n1\n");
    }
}
