//! How the answers of an account get to its users: `answer_by`, and the keys that only some ways have.

use std::ops::RangeInclusive;
use std::time::Duration;

use huixin_wechat::passive::{Reply, fetch_link};
use huixin_worker::AnswerBy;

use crate::config::node::{Node, Value};
use crate::config::problem::Mistake;
use crate::config::rate::{self, Rate};
use crate::config::reader::join;
use crate::config::section::Section;
use crate::config::shown::{Shown, shown};
use crate::config::value;

/// What holds for answers in the responses to pushes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerRules {
    /// How long a push is kept open for an answer that may also go out by the API.
    pub push_wait: Duration,
    /// How many pushes may be left unanswered, so that WeChat tries them again; none: not one.
    pub unanswered: Option<Rate>,
    /// What the user gets when the answer comes later, without the link.
    pub later_notice: String,
    /// The texts that fetch what waits for a user; never empty. The first is that of the link.
    pub fetch_words: Vec<String>,
}

const PUSH_WAITS: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(4);
const RATE_EXAMPLE: &str = "20/5m";
/// At how many unanswered pushes in five minutes WeChat warns an account's owner.
const ALARM_AT: u64 = 30;
const ALARM_WITHIN_S: u64 = 300;
/// A word is in its link twice, once with three bytes for each: the link must leave room for a text.
const WORD_MAX_CHARS: usize = 20;

shown! {
    AnswerBy: |by| <&str>::from(by);
}

impl Default for AnswerRules {
    fn default() -> Self {
        Self {
            push_wait: Duration::from_secs(2),
            unanswered: Some(Rate { count: 20, per: Duration::from_secs(300) }),
            later_notice: "正在处理，请稍候点击：".to_owned(),
            fetch_words: ["查看回复", "继续"].map(str::to_owned).to_vec(),
        }
    }
}

impl AnswerRules {
    /// The link by which users fetch what waits for them.
    pub fn link(&self) -> String {
        self.fetch_words.first().map(|word| fetch_link(word)).unwrap_or_default()
    }

    /// What the user gets when the answer comes later.
    pub fn notice(&self) -> String {
        format!("{}{}", self.later_notice, self.link())
    }
}

/// How an account answers, and whether a key has an effect then.
#[derive(Clone, Copy)]
pub(super) struct KeyEffect {
    pub(super) by: AnswerBy,
    pub(super) has_effect: bool,
}

/// `answer_by`, which is shown by [`read`].
pub(super) fn read_way(section: &mut Section<'_>) -> AnswerBy {
    section.hidden("answer_by", answer_by).unwrap_or_default()
}

/// Everything else. Keys that have no effect are doubted and not shown.
pub(super) fn read(section: &mut Section<'_>, by: AnswerBy) -> AnswerRules {
    section.show("answer_by", &by);
    let default = AnswerRules::default();
    let is_push = by == AnswerBy::Push;
    let (by_api, by_push) = (KeyEffect { by, has_effect: !is_push }, KeyEffect { by, has_effect: is_push });
    let rules = AnswerRules {
        // With the API alone, for hand-overs to a person, which only a response can make.
        push_wait: effective(section, by_api, "push_wait", default.push_wait, push_wait),
        unanswered: effective(section, by_push, "unanswered", default.unanswered, unanswered),
        later_notice: effective(section, by_push, "later_notice", default.later_notice, words),
        fetch_words: effective(section, by_push, "fetch_words", default.fetch_words, fetch_words),
    };
    let origin = |key| section.reader.origin(&join(&section.path, key));
    let (bytes, limit) = (rules.notice().len(), Reply::MOST_TEXT_BYTES);
    if bytes > limit {
        let mistake = Mistake::new(format!("has {bytes} bytes with its link, but WeChat takes {limit}"));
        section.mistake("later_notice", origin("later_notice").as_ref(), mistake.hint("make it shorter"));
    }
    let most = rules.unanswered.map_or(0, most_in_five_minutes);
    if is_push && most >= ALARM_AT {
        let mistake = Mistake::new(format!(
            "allows {most} unanswered pushes in five minutes: WeChat warns at {ALARM_AT}, and stops all pushes for a minute after many more"
        ));
        let hint = format!("write fewer, like \"{RATE_EXAMPLE}\"");
        section.doubt("unanswered", origin("unanswered").as_ref(), mistake.hint(hint));
    }
    rules
}

fn most_in_five_minutes(rate: Rate) -> u64 {
    u64::from(rate.count) * ALARM_WITHIN_S.div_ceil(rate.per.as_secs())
}

/// The value of a key. One without an effect is not shown.
pub(super) fn effective<T: Shown>(
    section: &mut Section<'_>,
    effect: KeyEffect,
    key: &'static str,
    default: T,
    parse: impl FnOnce(&Node) -> Result<T, Mistake>,
) -> T {
    doubt_without_effect(section, key, effect);
    let value = section.hidden(key, parse).unwrap_or(default);
    if effect.has_effect {
        section.show(key, &value);
    }
    value
}

pub(super) fn doubt_without_effect(section: &Section<'_>, key: &str, effect: KeyEffect) {
    let Some(origin) = section.origin_of(key).filter(|_| !effect.has_effect) else { return };
    let mistake = Mistake::new(format!("has no effect with `answer_by = \"{}\"`", <&str>::from(effect.by)));
    let or = if effect.by == AnswerBy::Push { "" } else { ", or set `answer_by = \"push\"`" };
    section.doubt(key, Some(&origin), mistake.hint(format!("leave it out{or}")));
}

fn answer_by(node: &Node) -> Result<AnswerBy, Mistake> {
    let text = value::text(node)?;
    let hint = "write \"api\", \"either\" or \"push\"";
    text.parse().map_err(|_| Mistake::new(format!("is unknown: `{text}`")).hint(hint))
}

fn push_wait(node: &Node) -> Result<Duration, Mistake> {
    value::duration(node, AnswerRules::default().push_wait, &PUSH_WAITS).map_err(|mistake| {
        let why = "WeChat hangs up on a push after five seconds, and the response needs its part of them";
        if mistake.hint.is_none() { mistake.hint(why) } else { mistake }
    })
}

/// A rate, or `false`.
fn unanswered(node: &Node) -> Result<Option<Rate>, Mistake> {
    match node.typed().value {
        Value::Boolean(false) => Ok(None),
        Value::Boolean(true) => Err(Mistake::new("is true")
            .hint(format!("write how many, like \"{RATE_EXAMPLE}\", or leave the key out"))),
        _ => rate::read(node, RATE_EXAMPLE).map(Some),
    }
}

/// A text that isn't blank.
fn words(node: &Node) -> Result<String, Mistake> {
    let text = value::text(node)?;
    if text.trim().is_empty() { Err(Mistake::new("is blank")) } else { Ok(text) }
}

fn fetch_words(node: &Node) -> Result<Vec<String>, Mistake> {
    let words: Vec<String> = value::texts(node)?.iter().map(|word| word.trim().to_owned()).collect();
    if words.is_empty() {
        return Err(Mistake::new("is empty").hint("users need a text that fetches their answers"));
    }
    for word in &words {
        let chars = word.chars().count();
        if !(1..=WORD_MAX_CHARS).contains(&chars)
            || word.contains(|c: char| "<>".contains(c) || c.is_control())
        {
            let mistake = Mistake::new(format!("has `{word}`, which can't be the text of a link"));
            return Err(mistake.hint(format!("write 1 to {WORD_MAX_CHARS} characters without < and >")));
        }
    }
    Ok(words)
}
