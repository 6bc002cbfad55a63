//! The part of a model's text that is for the user: not its thoughts, and none of the signs with which models and their
//! templates separate thoughts, channels and turns.
//!
//! Every vendor has signs of its own, and when a server doesn't know those of a model, they stand in the text. What a
//! text says *about* such signs, in backticks, stays.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// What stands around thoughts, in lower case.
const THOUGHTS: [(&str, &str); 12] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("[think]", "[/think]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|start_thinking|>", "<|end_thinking|>"),
    ("<unused94>", "<unused95>"),
    ("<|channel>", "<channel|>"),
    ("<tool_call>", "</tool_call>"),
];
/// Where an answer is over, whatever comes behind it.
static ENDS: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"<\|(?:im_end|eot_id|end_of_text|endoftext|end|return|eom_id|user)\|>|<end_of_turn>|<｜end▁of▁sentence｜>";
    Regex::new(pattern).expect("the pattern is a constant")
});
/// Signs of templates, and the role that may stand behind one. Their insides have no blanks but those of the role.
static SIGNS: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"<\|(?:im_start|start|start_header_id)\|>\s*(?:assistant|model)?\s*(?:<\|end_header_id\|>)?|<[|｜][\w▁:/.-]{1,40}[|｜]>|<start_of_turn>\s*(?:model)?|<end_of_turn>|</?(?:eos|bos|pad)>|\[/?INST\]|<</?SYS>>";
    Regex::new(pattern).expect("the pattern is a constant")
});
/// In the channels of gpt-oss: where the one for the user begins.
static FINAL: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"<\|channel\|>\s*final\b[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>";
    Regex::new(pattern).expect("the pattern is a constant")
});
const CHANNEL: &str = "<|channel|>";
/// The same when a server has taken the signs away and left the names.
const NAMES: (&str, &str) = ("analysis", "assistantfinal");

/// The answer alone. Empty if there is none.
pub(super) fn answer(text: &str) -> String {
    let text = without_thoughts(final_channel(text.trim()));
    let text = text.trim();
    // An end with nothing before it closes what came before the answer.
    let mut ends = ENDS.find_iter(text).map(|end| end.start());
    let end = ends.find(|at| !in_code(text, *at) && !without_signs(&text[..*at]).is_empty());
    let text = without_signs(&text[..end.unwrap_or(text.len())]);
    match text.strip_suffix("</s>") {
        Some(answer) if !text.contains("<s>") => answer.trim().to_owned(),
        _ => text.strip_prefix("<s>").filter(|_| !text.contains("</s>")).unwrap_or(&text).trim().to_owned(),
    }
}

fn final_channel(text: &str) -> &str {
    if let Some(last) = FINAL.find_iter(text).filter(|found| !in_code(text, found.start())).last() {
        return &text[last.end()..];
    }
    // Only other channels than the user's.
    if text.starts_with(CHANNEL) || text.starts_with("<|start|>") {
        return "";
    }
    match text.strip_prefix(NAMES.0).and_then(|rest| rest.rsplit_once(NAMES.1)) {
        Some((_, answer)) => answer,
        None => text,
    }
}

/// The text without thoughts. Their beginning may be missing, if it was given to the model as a part of the prompt; and
/// their end, if the tokens were used up.
fn without_thoughts(text: &str) -> String {
    let mut out = text.to_owned();
    for (begin, end) in THOUGHTS {
        loop {
            // Of the same length, byte for byte.
            let lower = out.to_ascii_lowercase();
            let outside = |sign: &'static str| {
                let lower = &lower;
                lower.match_indices(sign).map(|(at, _)| at).filter(move |at| !in_code(lower, *at))
            };
            let from = outside(begin).next();
            let to = outside(end).next();
            let cut = match (from, to) {
                (Some(from), Some(to)) if from < to => from..to + end.len(),
                // The thoughts began before the text.
                (_, Some(to)) if !is_mentioned(&lower, to, end.len()) => 0..to + end.len(),
                (Some(from), None)
                    if lower[..from].trim_end_matches([' ', '\t']).is_empty()
                        || lower[..from].ends_with('\n') =>
                {
                    from..lower.len()
                }
                _ => break,
            };
            out.replace_range(cut, "");
        }
    }
    out
}

/// Whether a sign stands in a sentence, between blanks.
fn is_mentioned(text: &str, at: usize, bytes: usize) -> bool {
    text[..at].ends_with(' ') && text[at + bytes..].starts_with(' ')
}

fn without_signs(text: &str) -> String {
    let kept = |found: &Captures<'_>| {
        let sign = found.get_match();
        if in_code(text, sign.start()) { sign.as_str().to_owned() } else { String::new() }
    };
    SIGNS.replace_all(text, kept).trim().to_owned()
}

/// Whether this place is inside backticks.
fn in_code(text: &str, at: usize) -> bool {
    text.as_bytes()[..at].iter().filter(|byte| **byte == b'`').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_never_reach_a_user_and_what_is_said_about_them_does() {
        let rows = [
            ("<think>a</think>b", "b"),
            (" <think>\na\n</think>\n\nb\n", "b"),
            ("<Think></Think><think>a</think> b", "b"),
            ("<think>never done", ""),
            ("b\n<think>never done", "b"),
            ("hm, let me see\n</think>\n\nb", "b"),
            ("hm, let me see.</think>b", "b"),
            ("</think>\nb", "b"),
            ("b <think>\nwait\n</think> c", "b  c"),
            ("<thinking>a</thinking>b", "b"),
            ("<seed:think>a</seed:think>b", "b"),
            ("[THINK]a[/THINK]b", "b"),
            ("◁think▷a◁/think▷b", "b"),
            ("<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>b<|END_RESPONSE|>", "b"),
            ("<|begin_of_thought|>a<|end_of_thought|>\n<|begin_of_solution|>b<|end_of_solution|>", "b"),
            ("<unused94>thought\na<unused95>b", "b"),
            ("<|channel>thought\na<channel|>b", "b"),
            ("write </think> to end", "write </think> to end"),
            ("use `<think>a\n</think>` so", "use `<think>a\n</think>` so"),
            ("the tag <think> begins thoughts", "the tag <think> begins thoughts"),
            ("b", "b"),
            ("", ""),
        ];
        for (text, expected) in rows {
            assert_eq!(answer(text), expected, "{text:?}");
        }
    }

    #[test]
    fn of_several_channels_the_last_one_for_the_user_counts() {
        let rows = [
            (
                "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>",
                "b",
            ),
            ("<|start|>assistant<|channel|>final <|constrain|>json<|message|>b", "b"),
            ("<|channel|>analysis<|message|>a", ""),
            ("<|channel|>commentary to=functions.x<|message|>{}<|call|>", ""),
            ("analysisThe user greets.assistantfinalb", "b"),
            ("analysis of data", "analysis of data"),
        ];
        for (text, expected) in rows {
            assert_eq!(answer(text), expected, "{text:?}");
        }
    }

    #[test]
    fn signs_of_templates_are_dropped_and_an_answer_ends_at_its_end() {
        let rows = [
            ("<|begin_of_box|>42<|end_of_box|>", "42"),
            ("b<|im_end|>", "b"),
            ("b<|im_end|>\n<|im_start|>user\nc", "b"),
            ("<|im_start|>assistant\nb<|im_end|>", "b"),
            ("<|start_header_id|>assistant<|end_header_id|>\n\nb<|eot_id|>", "b"),
            ("b</s>", "b"),
            ("<s>b</s> c", "<s>b</s> c"),
            ("<s> b", "b"),
            ("b<|endoftext|>c", "b"),
            ("<end_of_turn>\nb<end_of_turn>\n<start_of_turn>user", "b"),
            ("b<｜end▁of▁sentence｜>", "b"),
            ("[INST] b [/INST]", "b"),
            ("a ends with `<|im_end|>` there", "a ends with `<|im_end|>` there"),
            ("1 <| 2 |> 3, a || b", "1 <| 2 |> 3, a || b"),
            ("<|im_end|>", ""),
        ];
        for (text, expected) in rows {
            assert_eq!(answer(text), expected, "{text:?}");
        }
    }
}
