//! What WeChat's error codes mean for a sender: one table, [`POLICY`], and what is done about each.
//!
//! The meanings are WeChat's (全局返回码 and the tables of the calls used here), the actions are ours. Codes that can't come from
//! the calls made here are left out. Such a code, or one that WeChat adds, gets a few tries, and then a person should look at
//! `errmsg` and `rid`. `docs/errors.md` shows the table to people, and a test compares the two.
//!
//! Each class says whose trouble it is ([`Whose`]), since that decides who else has to wait. A code that one reply can
//! cause by what it names, say an agent that doesn't exist, proves nothing about the account: see [`Whose::Unclear`].
//!
//! Rejected: a long `match`, which nobody can print, and deciding by the text of `errmsg`, which changes.

use std::ops::RangeInclusive;

/// What to do about an error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodeClass {
    /// Try again later, a few times, with growing pauses.
    Retry,
    /// The access token isn't valid: fetch it again, and try once more.
    Token,
    /// A limit of the interface that was called: hold all calls of it for so long.
    Rate(Limit),
    /// The right to send to this user is used up or over, until they write again.
    Window,
    /// The material is gone: upload it again if that can be done, and try once more.
    Media,
    /// The customer-service agent that the message names can't be used: send it once more without an agent.
    Agent,
    /// This content, or this recipient, will never be taken.
    Permanent,
    /// The request is wrong in itself: a fault of the sender's program, or of what it was given to send.
    OurBug,
    /// The account's settings or rights are wrong: no message of it will pass until a person acts.
    Config,
    /// The account's settings may be wrong, or what this one message names: see [`Whose::Unclear`].
    Doubtful,
    /// Not in the table: try again a few times. See [`Whose::Unclear`].
    Unknown,
    /// It was done already.
    Duplicate,
}

/// Who has to wait, or to act, because of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whose {
    /// The account's, or its token's: no message of it will pass. One refusal proves it.
    Account,
    /// One interface's of the account, for a time; the others can still be called.
    Interface,
    /// The account's or this message's. Proved to be the account's when two users got the same code and nothing passed
    /// between; until then it is this message's.
    Unclear,
    /// This message's, or its user's.
    Message,
    /// Nobody's: it passes by itself, or there was none.
    Nobody,
}

/// How long a limit of an interface lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Until the next minute.
    Minute,
    /// Until the next day, by Beijing's clock.
    Day,
    /// Not known: looked at again after an hour.
    Long,
}

/// A row of [`POLICY`].
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The codes it is about.
    pub codes: &'static [RangeInclusive<i64>],
    /// What WeChat means by them.
    pub meaning: &'static str,
    /// What is done.
    pub class: CodeClass,
    /// What a person can do; empty if there is nothing to do.
    pub remedy: &'static str,
}

/// The rule for an `errcode`, if there is one.
pub fn rule(code: i64) -> Option<&'static Rule> {
    POLICY.iter().find(|rule| rule.codes.iter().any(|codes| codes.contains(&code)))
}

/// What is done about a code that isn't in the table.
pub const UNKNOWN: Rule = Rule {
    codes: &[],
    meaning: "the code is unknown to Huixin",
    class: CodeClass::Unknown,
    remedy: "look up its `rid` in WeChat's console (微信开发者平台)",
};

/// The class of an `errcode` other than 0, from a call that sends.
pub fn classify(code: i64) -> CodeClass {
    rule(code).unwrap_or(&UNKNOWN).class
}

impl CodeClass {
    /// Whose trouble it is.
    pub fn whose(self) -> Whose {
        match self {
            // A token that is still refused after it was fetched anew: see `action`.
            Self::Token | Self::Config => Whose::Account,
            Self::Rate(_) => Whose::Interface,
            Self::Doubtful | Self::Unknown => Whose::Unclear,
            Self::Window | Self::Media | Self::Agent | Self::Permanent | Self::OurBug => Whose::Message,
            Self::Retry | Self::Duplicate => Whose::Nobody,
        }
    }

    /// What is done, in a few words.
    pub fn action(self) -> &'static str {
        match self {
            Self::Retry => "sent again with growing waits, as often as the route's `attempts`; then dead",
            Self::Token => {
                "the token is fetched again and the send repeated; once more a while later; then the account is paused"
            }
            Self::Rate(Limit::Minute) => "this interface is not called for a minute",
            Self::Rate(Limit::Day) => "this interface is not called until midnight in Beijing",
            Self::Rate(Limit::Long) => "this interface is not called for an hour",
            Self::Window => "held until the user writes again, at most `hold_for`",
            Self::Media => "uploaded again if it has a source, and sent once more; then dead",
            Self::Agent => "sent once more without `kf_account`; then dead",
            Self::Permanent | Self::OurBug => "dead",
            Self::Config => "the account is paused, and tried again after 1, 2, 4 … 15 minutes",
            Self::Doubtful => "dead; the account is paused if two users in a row get it",
            Self::Unknown => "as for -1; the account is paused if two users in a row get it",
            Self::Duplicate => "counts as sent",
        }
    }
}

/// The rows of the table: codes and ranges of them `=>` what is done, what WeChat means, and what a person can do.
macro_rules! rules {
    ($($($from:literal $(..= $to:literal)?),+ => $class:ident $(($limit:ident))?, $meaning:literal, $remedy:expr;)+) => {
        &[$(Rule {
            codes: &[$(range(&[$from $(, $to)?])),+],
            meaning: $meaning,
            class: CodeClass::$class $((Limit::$limit))?,
            remedy: $remedy,
        }),+]
    };
}

/// From the first to the last, which may be the same.
const fn range(ends: &[i64]) -> RangeInclusive<i64> {
    RangeInclusive::new(ends[0], ends[ends.len() - 1])
}

const CERTIFY: &str = "certify the account, and check in WeChat's console (微信开发者平台) under 开放能力 which interfaces it has; or set `answer_by = \"push\"` for it, which needs no right; or use a test account (测试号)";
const ALLOW: &str = "add the address in the text to the IP allow list (API IP 白名单) in WeChat's console (微信开发者平台) under 开发密钥";
const APPEAL: &str = "read the notice in WeChat's console (微信开发者平台)";

/// Every code that a sender can meet.
pub const POLICY: &[Rule] = rules! {
    -1 => Retry, "the system is busy", "";
    46007 => Retry, "the media is still being transcoded", "";
    61450, 9_001_002 => Retry, "an error in the customer-service system, or behind it", "";
    40001, 40014, 42001 => Token, "the access token is invalid, not the latest, or expired", "";
    45011 => Rate(Minute), "too many calls in this minute",
        "set `send_rate` of the account to what WeChat allows";
    45009 => Rate(Day), "the daily limit of calls is reached",
        "raise the limit or clear the quota in WeChat's console (微信开发者平台)";
    45102, 45501 => Rate(Long), "the interface is blocked for a time", APPEAL;
    45015 => Window, "the time to answer is over, or the user has left", "answer sooner";
    45047 => Window, "all messages that the user's last action allows have been sent", "answer in fewer parts";
    45037..=45038, 45093, 10700, 10703, 10706 => Window, "no right to write to this user now", "";
    45080 => Window, "typing: no exchange in the last 30 seconds", "";
    45081 => Duplicate, "typing: already shown", "";
    44007 => Duplicate, "the message was accepted before", "";
    40007, 46001 => Media, "the media id is invalid or expired, or its data is gone",
        "give the media as `url`, `file` or `base64`: then it can be uploaded again";
    61452 => Agent, "the agent `kf_account` is invalid", "correct `kf_account`";
    40003, 46004, 49003 => Permanent, "no such user, or one of another account",
        "check that the push came through the right account";
    43004..=43005, 50005 => Permanent, "the user does not follow the account", "";
    43019, 43101, 48002, 62751, 70000 => Permanent,
        "the user is on the blacklist, refuses messages, or is protected as a minor", "";
    65413..=65414 => Permanent, "the user has no session, or is with another agent", "";
    40009..=40012, 40137, 45001, 45007 => Permanent, "the file is too big, too long, or of a wrong format",
        "see the limits in docs/delivery.md";
    40068, 40155, 40165..=40166 => Permanent,
        "a link is malicious or not allowed, or the mini program is wrong or not linked", "correct the content";
    61458..=61459 => Permanent, "the meaning is not known", "";
    40164, 45035, 61004 => Config, "the caller's address is not in the allow list", ALLOW;
    89501, 89503, 89506..=89507 => Config, "the caller's address waits for the administrator, or was refused",
        "ask the administrator to confirm it on their phone";
    40002, 41002 => Config, "the AppID is wrong or missing",
        "correct `app_id`: it begins with `wx`, and is in WeChat's console (微信开发者平台) under 基础信息";
    40013 => Doubtful, "an AppID is wrong: the account's, or that of a mini program in the message",
        "correct `app_id`, which begins with `wx`, or the `appid` in the reply";
    40125, 41004 => Config, "the AppSecret is wrong or missing",
        "correct `app_secret`; if it is lost, reset it in WeChat's console (微信开发者平台) under 开发密钥";
    40243 => Config, "the AppSecret is frozen", "unfreeze it in WeChat's console (微信开发者平台) under 开发密钥";
    48001, 40200 => Config, "the account has no right to this interface", CERTIFY;
    48004, 45087, 45094, 50002, 50004, 50007 => Config,
        "the account or the interface is banned, frozen or limited", APPEAL;
    45103, 48009 => Config, "WeChat has withdrawn the interface",
        "check for a newer version of Huixin";
    42007, 61003, 61007 => Config, "the authorisation of a third-party platform is no longer valid",
        "authorise the account again";
    45064 => Doubtful, "a menu names a mini program that is not linked", "link it, or correct the reply";
    65400..=65412 => Doubtful,
        "the customer-service function is off, or the agent in the message is wrong", "check in WeChat's console (微信开发者平台) under 开放能力 that the account has 客服消息, or correct `kf_account`";
    48003, 48006, 50001 => Doubtful, "an agreement, a quota reset or a user's consent is missing", APPEAL;
    48008 => Permanent, "the account may not send messages of this type", "answer with another type";
    45002 => OurBug, "the text is too long", "please report it: texts are cut to 2,000 bytes";
    45003..=45006 => OurBug, "a title, description or link is too long", "shorten it";
    45008 => OurBug, "more than one article", "send one";
    45098..=45099 => OurBug, "the menu or one of its items is too long", "shorten it";
    45072 => OurBug, "typing: no such command", "";
    40213..=40214, 45086 => OurBug, "a link in a text is wrong",
        "write links as <a href=\"…\">text</a>; a mini program must be linked with the account";
    40004..=40006, 40008, 40118, 40121, 41005..=41006, 41009, 44001..=44004 => OurBug,
        "a type, an id or a content is missing, empty or wrong", "`huixin dead show` says which part; correct the reply";
    40033, 47001..=47003 => OurBug, "the JSON is not what WeChat expects", "please report it";
    40035, 40038..=40039, 40048, 40066, 40097, 40130..=40132, 40201..=40203 => OurBug,
        "a parameter, a URL or a format is wrong", "`huixin dead show` says which part; correct the reply";
    41001, 43001..=43003, 61451, 76001..=76004, 76021..=76022, 9_001_001 => OurBug,
        "the call is not what WeChat expects", "please report it";
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_class_that_their_meaning_asks_for() {
        for (code, class) in [
            (-1, CodeClass::Retry),
            (40001, CodeClass::Token),
            (40014, CodeClass::Token),
            (42001, CodeClass::Token),
            (41001, CodeClass::OurBug),
            (40003, CodeClass::Permanent),
            (40007, CodeClass::Media),
            (40033, CodeClass::OurBug),
            (40125, CodeClass::Config),
            (40164, CodeClass::Config),
            (44007, CodeClass::Duplicate),
            (45002, CodeClass::OurBug),
            (45009, CodeClass::Rate(Limit::Day)),
            (45011, CodeClass::Rate(Limit::Minute)),
            (45501, CodeClass::Rate(Limit::Long)),
            (45015, CodeClass::Window),
            (45047, CodeClass::Window),
            (47002, CodeClass::OurBug),
            (48001, CodeClass::Config),
            (48002, CodeClass::Permanent),
            (48008, CodeClass::Permanent),
            (61452, CodeClass::Agent),
            (61459, CodeClass::Permanent),
            (65401, CodeClass::Doubtful),
            (65412, CodeClass::Doubtful),
            (65413, CodeClass::Permanent),
            (70000, CodeClass::Permanent),
            (123_456, CodeClass::Unknown),
        ] {
            assert_eq!(classify(code), class, "{code}");
        }
    }

    #[test]
    fn no_code_has_two_rules() {
        let mut seen = std::collections::HashSet::new();
        for code in POLICY.iter().flat_map(|rule| rule.codes.iter().cloned().flatten()) {
            assert!(seen.insert(code), "{code} stands in two rows");
        }
        assert!(!seen.contains(&0), "0 is no error");
    }

    #[test]
    fn whoever_must_act_is_told_what_to_do() {
        for rule in POLICY {
            let acts = !matches!(rule.class.whose(), Whose::Message | Whose::Nobody)
                && rule.class != CodeClass::Token
                || rule.class == CodeClass::Agent;
            assert!(!acts || !rule.remedy.is_empty(), "{}", rule.meaning);
        }
    }

    /// Every code of the table, by whom it stops. What isn't named here stops one message at most.
    #[test]
    fn only_codes_that_wechat_gives_to_the_account_stop_all_of_it() {
        let account = [
            40001, 40014, 42001, 40002, 41002, 40125, 41004, 40243, 40164, 45035, 61004, 89501, 89503, 89506,
            89507, 48001, 40200, 48004, 45087, 45094, 50002, 50004, 50007, 45103, 48009, 42007, 61003, 61007,
        ];
        let interface = [45009, 45011, 45102, 45501];
        let unclear: Vec<i64> = [40013, 45064, 48003, 48006, 50001]
            .into_iter()
            .chain(65400..=65412)
            .chain([123_456, -7])
            .collect();
        let all = POLICY.iter().flat_map(|rule| rule.codes.iter().cloned().flatten());
        for code in all.chain(unclear.iter().copied()) {
            let is_in = |list: &[i64]| list.contains(&code);
            let wanted = match classify(code).whose() {
                Whose::Account => is_in(&account),
                Whose::Interface => is_in(&interface),
                Whose::Unclear => is_in(&unclear),
                Whose::Message | Whose::Nobody => !is_in(&account) && !is_in(&interface) && !is_in(&unclear),
            };
            assert!(wanted, "{code} is {:?}", classify(code).whose());
        }
    }
}
