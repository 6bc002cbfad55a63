//! What a program says when it breaks, which no user must read: pages of a server, warnings and traces of a language, the
//! words of an old handler.

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

/// How an HTML page begins; `<a`, with which an answer may begin, is none of these.
const PAGE: &str = "<!doctype|<html|<head|<body|<title|<meta|<script|<style|<link |<center|<?php";
/// Whole texts that a program wrote, not a person, in lower case.
const WORDS: &str = "null|undefined|[object object]|no input file specified.";
/// Those of a server, which may have its status in front.
const STATUS: &str = "\
    internal server error|bad gateway|service unavailable|service temporarily unavailable|\
    gateway timeout|gateway time-out";

/// Lines that languages and databases write; each with its name.
static TRACES: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    let pattern = |(name, pattern)| {
        let regex = RegexBuilder::new(pattern).multi_line(true).build().expect("the pattern is a constant");
        (name, regex)
    };
    [
        // `Warning: Undefined variable $x in /var/www/a.php on line 3`, as text or as HTML.
        (
            "a PHP error",
            r"^\s*(<br ?/?>\s*)*(<b>)?(PHP )?(Warning|Notice|Deprecated|Strict Standards|(Recoverable |Catchable )?[Ff]atal error|Parse error)(</b>)?: .+ in .+ on line (<b>)?\d+|^(PHP )?Fatal error|^#0 .+\(\d+\)|^#\d+ \{main\}",
        ),
        ("a Python trace", r#"^Traceback \(most recent call last\):|^\s*File "[^"]+", line \d+"#),
        // Frames of Java, JavaScript and .NET.
        (
            "a stack trace",
            r"^\s+at (async )?[\w$.<>/\[\] ]+\(.*(:\d+|Native Method|Unknown Source|<anonymous>)\)|^\s+at (async )?(file:|node:|/|[A-Z]:\\)\S+:\d+|^\s+at .+ in .+:line \d+|^\s+at [\w.]+\.[\w`<>]+\([\w ,.`\[\]&]*\)\s*$",
        ),
        (
            "an exception",
            r#"^(Caused by: |Exception in thread |Unhandled exception|Uncaught )|^(PHP )?[A-Za-z_][\w$]*([.\\][\w$]+)+(Exception|Error)\b|^[A-Z]\w*(Exception|Error): .*\n\s+at "#,
        ),
        ("a panic", r"^panic: |^goroutine \d+ \[|thread '.*' (\(\d+\) )?panicked at |^Segmentation fault"),
        ("a Ruby trace", r"^\s*(from )?\S+\.rb:\d+:in "),
        ("a Perl error", r" at \S+\.(pl|pm|cgi) line \d+\.$"),
        (
            "a database error",
            r"SQLSTATE\[|You have an error in your SQL syntax|^(ERROR: +)?ORA-\d{5}|^psycopg2\.|^ERROR \d{4} \(\w{5}\)",
        ),
        ("debug output", r"^(array|object)\(\S+?\)( ?#?\d* ?\(\d+\))? \{$|^(Array|\S+ Object)\s*\n\s*\($|^string\(\d+\) "),
    ]
    .map(pattern)
    .into()
});

/// Whether a text begins as a page of HTML.
pub(in super::super) fn begins_as_html(text: &str) -> bool {
    let mut start: &str = &text.chars().take(4096).collect::<String>().to_ascii_lowercase();
    // A comment, or the declaration of XHTML, may come first.
    while let Some((_, rest)) = [("<!--", "-->"), ("<?xml", "?>")]
        .iter()
        .find_map(|(begin, end)| start.strip_prefix(begin)?.split_once(end))
    {
        start = rest.trim_start();
    }
    PAGE.split('|').any(|page| start.starts_with(page))
        || (start.starts_with('<') && ["<html", "</body>", "</html>"].iter().any(|part| start.contains(part)))
}

/// What a text is, if a program wrote it for nobody to read. Fenced code is meant to be read.
pub(in super::super) fn internals_in(text: &str) -> Option<&'static str> {
    if begins_as_html(text) {
        return Some("an HTML page");
    }
    let lower = if text.len() <= 64 { text.to_ascii_lowercase() } else { String::new() };
    let status = lower.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').trim_end_matches('.');
    if WORDS.split('|').any(|word| word == lower) || STATUS.split('|').any(|word| word == status) {
        return Some("a program's error word");
    }
    if text.contains("```") {
        return None;
    }
    TRACES.iter().find(|(_, trace)| trace.is_match(text)).map(|(name, _)| *name)
}
