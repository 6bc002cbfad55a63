//! Compares what the journal says of a user's messages with what was asked for and what WeChat saw.

use std::collections::{BTreeMap, BTreeSet};

use huixin_sandbox::{PushReport, TranscriptEntry, What};
use serde_json::Value;

/// A message, and what it asked for.
#[derive(Clone)]
pub(super) struct Expected {
    pub(super) account: &'static str,
    pub(super) user: String,
    pub(super) kind: &'static str,
    pub(super) content: String,
    pub(super) report: PushReport,
}

impl Expected {
    /// Whether WeChat knows that it was taken in.
    pub(super) fn is_acked(&self) -> bool {
        self.report.acked
    }

    /// The ends that are right for it.
    fn ends(&self) -> &'static [&'static str] {
        match (self.kind, self.account) {
            ("answer" | "again", "main") => &["answered"],
            ("answer" | "again", _) => &["answered", "answered_in_response"],
            ("nothing", _) => &["no_reply"],
            ("image", _) => &["unmatched"],
            // A response isn't answered by WeChat, so nothing is refused there.
            ("refused", "quick") => &["dead", "answered_in_response"],
            _ => &["dead"],
        }
    }
}

/// The texts that users have seen.
pub(super) fn texts<'a>(entries: impl Iterator<Item = &'a TranscriptEntry>) -> BTreeSet<String> {
    let text = |entry: &TranscriptEntry| match &entry.what {
        What::Sent { text, .. } | What::Replied { text, .. } => text.clone(),
        _ => None,
    };
    entries.filter_map(text).collect()
}

/// What is wrong.
pub(super) fn judge<'a>(
    expected: impl Iterator<Item = &'a Expected>,
    view: &Value,
    seen: &BTreeSet<String>,
) -> Vec<String> {
    let mut by_msg_id: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for ended in view["ended"].as_array().into_iter().flatten() {
        by_msg_id.entry(ended["msg_id"].as_str().unwrap_or_default()).or_default().push(ended);
    }
    let mut wrong = Vec::new();
    if !view["open"].is_null() {
        wrong.push(format!("messages are open: {}", view["open"]));
    }
    for one in expected.filter(|one| one.kind != "unreadable") {
        let records = by_msg_id.remove(one.report.msg_id.as_str()).unwrap_or_default();
        wrong.extend(
            judge_one(one, &records, seen).map(|problem| format!("{}: {problem}: {records:?}", one.content)),
        );
    }
    wrong.extend(by_msg_id.into_iter().map(|(id, records)| format!("nobody wrote {id}: {records:?}")));
    wrong
}

fn judge_one(one: &Expected, records: &[&Value], seen: &BTreeSet<String>) -> Option<&'static str> {
    let record = match records {
        [] if one.is_acked() => return Some("it was taken in, and has no record"),
        [] => return None,
        [record] => record,
        _ => return Some("it has more than one record"),
    };
    let end = record["end"].as_str().unwrap_or_default();
    let reason = record["reason"].as_str().unwrap_or_default();
    // Of a message that was under way when workers were killed, three times.
    let is_poison = end == "dead" && reason.starts_with("3 workers died");
    if !is_poison && !one.ends().contains(&end) {
        return Some("the end is wrong");
    }
    let text = format!("re {}", one.content);
    let is_answered = end.starts_with("answered") && one.kind != "refused";
    if is_answered != seen.contains(&text) && !is_poison {
        return Some("WeChat saw something else");
    }
    let number = |name: &str| record[name].as_i64().unwrap_or(-1);
    let is_text = one.kind != "image";
    let checks = [
        (record["account"] == one.account && record["user"] == one.user.as_str(), "of somebody else"),
        (record["accepted_at"].as_str() <= record["ended_at"].as_str(), "it ended before it came"),
        (record["kind"] == if is_text { "text" } else { "image" }, "the type is wrong"),
        (record["route"] == if is_text { Value::from("service") } else { Value::Null }, "the route is wrong"),
        (one.kind != "again" || is_poison || number("attempts") >= 2, "an attempt is missing"),
        (one.kind != "fail" || is_poison || reason.contains("400"), "the reason is wrong"),
        (
            one.kind != "refused" || end != "dead" || is_poison || number("code") == 40_007,
            "the code is wrong",
        ),
        (!is_answered || number("parts") == 1, "the parts are wrong"),
        (record["worker"].is_string(), "the worker is missing"),
    ];
    checks.into_iter().find(|(is_right, _)| !is_right).map(|(_, problem)| problem)
}
