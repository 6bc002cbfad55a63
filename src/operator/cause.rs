//! What a dead letter's reason has in common with others, and what to do about it.
//!
//! A reason is a sentence for the one message: it has ids, times and addresses in it. Its cause is the same without them, so that a
//! thousand letters of one outage are one line. Numbers that mean something stay: WeChat's codes, and statuses of HTTP.

use huixin_wechat::{CodeClass, UNKNOWN, rule};

/// The longest cause, in characters.
const CAUSE_MAX: usize = 300;
/// What a message died of besides, behind its cause.
const BESIDE: [&str; 2] = ["; the failure reply could not be sent: ", " s of failures it made way for "];
/// Behind these words a number is a code.
const CODES_BEHIND: [&str; 4] = ["with", "answered", "HTTP", "errcode"];
/// A word this long with a number in it is an id.
const ID_LEAST: usize = 16;

/// What a kind of death is known by, what it is called, and what to do about it. The first that is found in a reason counts.
const KINDS: [(&str, &str, &str); 22] = [
    (
        "workers died while they handled it",
        "workers_died",
        "the logs of these workers say why they ended: for want of memory, or by a crash in the handler; mend that before you retry, or it happens again",
    ),
    (
        "it was held, and ",
        "held_too_long",
        "its user did not write again in time, so an answer comes too late: drop it, or raise the route's `hold_for` for those to come",
    ),
    (
        "its answer was held, and its user did not fetch",
        "held_too_long",
        "its user did not ask for the answer in time: drop it, or raise the route's `hold_for` for those to come",
    ),
    (
        "of its lane were held",
        "too_many_held",
        "one user has more than 20 answers that wait: drop the older ones, or answer sooner",
    ),
    ("has unsubscribed", "user_gone", "nobody is there to get an answer: drop it"),
    (
        "WeChat has refused an earlier answer",
        "no_right",
        "it can be sent when its user writes again: retry it then, or drop it",
    ),
    (
        "a possible duplicate",
        "perhaps_duplicate",
        "it came from a spool after more than `receiver.spool.max_age`: see in the journal whether its user was answered; if not, retry it",
    ),
    (
        "no answer by call back came",
        "no_call_back",
        "the service took the message and never called back: see its log, and whether it reaches `callback.base_url`; then retry",
    ),
    (
        "has no aes_key",
        "push_unreadable",
        "give the account the `aes_key` of WeChat's console; what was encrypted until then can't be read: drop it",
    ),
    (
        "the push can't be understood",
        "push_unreadable",
        "it isn't a message that WeChat sends: if it came from WeChat, please report it with its text; else find out who has the account's token; then drop it",
    ),
    (
        "it is not known whether",
        "unsure",
        "it may have arrived: ask its user, or drop it; the route's `unsure` says what is done by itself",
    ),
    ("nobody has confirmed the response", "unsure", "it may have arrived: ask its user, or drop it"),
    (
        "did not answer within",
        "service_slow",
        "make the service faster or raise the route's `timeout`; then retry",
    ),
    ("could not be reached", "service_away", "start the service or correct its address; then retry"),
    ("its answer ", "service_answer", "correct what the service answers, as the reason says; then retry"),
    (
        "the service's answer can't be sent",
        "service_answer",
        "correct what the service answers, as the reason says; then retry",
    ),
    ("the service answered", "service_failed", "mend the service, whose own log says more; then retry"),
    ("the model's endpoint", "service_failed", "see to what the endpoint of the model says; then retry"),
    ("this is a bug", "bug", "please report it with what the log says at that time; a retry may pass"),
    ("the handler panicked", "bug", "mend the handler, whose log says where it panicked; then retry"),
    (
        "never by the API",
        "no_api",
        "the account answers in the responses to pushes only: answer sooner, or give it another `answer_by`",
    ),
    ("and can't be read", "damaged", "retry it: its message is handled again from its beginning"),
];

/// Why messages died.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DeathCause {
    /// The reason without what only one message has.
    pub(super) text: String,
    /// A name for programs.
    pub(super) kind: &'static str,
    /// WeChat's code.
    pub(super) code: Option<i64>,
    /// What a person can do.
    pub(super) remedy: &'static str,
}

impl DeathCause {
    pub(super) fn of(reason: &str) -> Self {
        let first = BESIDE.iter().fold(reason, |reason, beside| match reason.split_once(beside) {
            // Up to the number of seconds.
            Some((first, _)) => first.rsplit_once("; after ").map_or(first, |(first, _)| first),
            None => reason,
        });
        if let Some((_, refused)) = first.split_once("WeChat refused with ")
            && let Some((code, _)) = refused.split_once(':')
            && let Ok(code) = code.parse()
        {
            let known = rule(code).unwrap_or(&UNKNOWN);
            let remedy = if known.remedy.is_empty() { of_class(known.class) } else { known.remedy };
            let text = format!("WeChat refused with {code}: {}", known.meaning);
            return Self { text, kind: "refused", code: Some(code), remedy };
        }
        let kind = KINDS.iter().find(|(words, ..)| first.contains(words));
        let (kind, remedy) = kind
            .map_or(("other", "mend what the reason says; then retry"), |(_, kind, remedy)| (*kind, *remedy));
        // Behind it stand their names.
        let end = first.find("workers died while they handled it: ");
        let common = end.map_or(first, |end| &first[..end + "workers died while they handled it".len()]);
        Self { text: without_ids(common), kind, code: None, remedy }
    }
}

/// For a code that has no remedy of its own.
fn of_class(class: CodeClass) -> &'static str {
    match class {
        CodeClass::Retry | CodeClass::Token | CodeClass::Rate(_) | CodeClass::Duplicate => {
            "retry it: that has passed by itself"
        }
        CodeClass::Window => "it can be sent when its user writes again: retry it then, or drop it",
        CodeClass::Permanent => "this user can't get it: drop it",
        _ => "the reason says which part of the answer it was: correct that, and retry",
    }
}

/// A text whose ids and numbers are dots.
fn without_ids(text: &str) -> String {
    let mut before = "";
    let words = text.split(' ').map(|word| {
        let is_code = CODES_BEHIND.contains(&before);
        before = word;
        let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
        // What is quoted and addresses are from the configuration.
        if is_code || !has_digit || word.contains("://") || word.contains('`') {
            return word.to_owned();
        }
        let is_id = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if word.split(|c| !is_id(c)).any(|part| part.len() >= ID_LEAST) {
            "…".to_owned()
        } else {
            dotted(word)
        }
    });
    let text: String = words.collect::<Vec<_>>().join(" ");
    text.chars().take(CAUSE_MAX).collect()
}

/// A word with a dot for each of its numbers.
fn dotted(word: &str) -> String {
    let mut text = String::new();
    for c in word.chars() {
        match c.is_ascii_digit() {
            true if text.ends_with('…') => {}
            true => text.push('…'),
            false => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_one_trouble_have_one_cause_with_what_to_do() {
        for (reasons, text, kind, remedy) in [
            (
                &[
                    "route `a`: WeChat refused with 48002: api forbidden rid: 66f1-2a; the user is on the blacklist",
                    "route `b`: part 2 of 3: WeChat refused with 48002: other words; x; the failure reply could not be sent: y",
                ][..],
                "WeChat refused with 48002: the user is on the blacklist, refuses messages, or is protected as a minor",
                "refused",
                "drop it",
            ),
            (
                &["WeChat refused with 40164: invalid ip 203.0.113.7"],
                "WeChat refused with 40164: the caller's address is not in the allow list",
                "refused",
                "allow list",
            ),
            (
                &[
                    "route `v2`: the service did not answer within 5s: make it faster (http://127.0.0.1:80/)",
                    "route `v2`: the service did not answer within 7s: make it faster (http://127.0.0.1:80/); after 31 s of failures it made way for the user's next messages",
                ],
                "route `v2`: the service did not answer within …s: make it faster (http://127.0.0.1:80/)",
                "service_slow",
                "raise the route's `timeout`",
            ),
            (
                &[
                    "route `r`: the service answered 503 Service Unavailable: a proxy",
                    "route `r`: the service answered 503 Service Unavailable: a proxy",
                ],
                "route `r`: the service answered 503 Service Unavailable: a proxy",
                "service_failed",
                "whose own log",
            ),
            (
                &[
                    "3 workers died while they handled it: a-1, b-2, c-3",
                    "3 workers died while they handled it: d-4, e-5, f-6",
                ],
                "… workers died while they handled it",
                "workers_died",
                "for want of memory",
            ),
            (
                &[
                    "no such order 4711 of oFakeOpenId_0123456789abcdef",
                    "no such order 12 of oOther_012345678901234567",
                ],
                "no such order … of …",
                "other",
                "mend what the reason says",
            ),
        ] {
            for reason in reasons {
                let cause = DeathCause::of(reason);
                assert_eq!((cause.text.as_str(), cause.kind), (text, kind), "{reason}");
                assert!(cause.remedy.contains(remedy), "{reason}: {}", cause.remedy);
            }
        }
    }

    #[test]
    fn every_code_has_something_to_do() {
        for code in huixin_wechat::POLICY.iter().flat_map(|rule| rule.codes.iter().cloned().flatten()) {
            let cause = DeathCause::of(&format!("WeChat refused with {code}: words"));
            assert!(cause.code == Some(code) && !cause.remedy.is_empty(), "{code}");
        }
    }
}
