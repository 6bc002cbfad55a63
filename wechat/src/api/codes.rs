//! What WeChat's error codes mean for a sender: one table.
//!
//! The meanings are WeChat's (全局返回码 and the tables of the calls used here), the classes are ours. Codes that can't
//! come from the calls made here are left out; they, and codes that WeChat adds, are worth a few tries and then a
//! person's look at `errmsg` and `rid`.

/// What to do about an error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodeClass {
    /// Try again later, a few times, with growing pauses.
    Retry,
    /// The access token isn't valid: fetch it again, and try once more.
    Token,
    /// A limit of the account: hold the whole account until the next minute or day.
    Rate,
    /// The right to send to this user is used up or over, until they write again.
    Window,
    /// This content, or this recipient, will never be taken.
    Permanent,
    /// The request is wrong in itself: a fault of the sender's program.
    OurBug,
    /// The account's settings or rights are wrong: no message of it will pass until a person acts.
    Config,
    /// It was done already.
    Duplicate,
}

/// The class of an `errcode` other than 0, from a call that sends. An unknown one is [`CodeClass::Retry`].
pub fn classify(code: i64) -> CodeClass {
    match code {
        // System busy; media still being transcoded; customer-service system error; remote service unavailable.
        -1 | 46007 | 61450 | 9_001_002 => CodeClass::Retry,

        // Invalid or not the latest; invalid; expired.
        40001 | 40014 | 42001 => CodeClass::Token,

        // Daily limit; per-minute limit; API blocked for a time.
        45009 | 45011 | 45102 | 45501 => CodeClass::Rate,

        // Window over or unfollowed; temporary sessions; messages used up; typing without an exchange; no quota to
        // send; the web console's three for no contact.
        45015 | 45037 | 45038 | 45047 | 45080 | 45093 | 10700 | 10703 | 10706 => CodeClass::Window,

        // Already typing; repeated message id.
        44007 | 45081 => CodeClass::Duplicate,

        // The recipient: not a follower of this account; must follow; friends only; black list; refused; no such user;
        // receives nothing; of another AppID; doesn't follow; black-listed; in no session; with another agent; a minor.
        40003 | 43004 | 43005 | 43019 | 43101 | 46004 | 48002 | 49003 | 50005 | 62751 | 65413 | 65414 | 70000
        // The material: invalid or expired id; sizes of image, voice, video, cover; format; too big; too long; gone.
        | 40007 | 40009..=40012 | 40137 | 45001 | 45007 | 46001
        // The content: malicious link; another account's home page; mini program's path or AppID.
        | 40068 | 40155 | 40165 | 40166
        // No meaning is known; they come with customer-service codes that are final.
        | 61458 | 61459 => CodeClass::Permanent,

        // Grant type; AppID; AppSecret; caller's address not allowed; account type; secret frozen.
        40002 | 40013 | 40125 | 40164 | 40200 | 40243
        // AppID or secret missing; authorisation dead; address not registered; unlinked mini program.
        | 41002 | 41004 | 42007 | 45035 | 45064
        // Customer messages blocked; barred; API withdrawn; not authorised; agreement; banned; no resets; type; expired.
        | 45087 | 45094 | 45103 | 48001 | 48003 | 48004 | 48006 | 48008 | 48009
        // Not authorised; account limited; token API forbidden; account frozen; third-party rights; agent's account.
        | 50001 | 50002 | 50004 | 50007 | 61003 | 61004 | 61007 | 61452 | 65400..=65412
        // The caller's address waits for the administrator, or was refused.
        | 89501 | 89503 | 89506 | 89507 => CodeClass::Config,

        // Media and message types; \u escapes; parameters; format; lengths; URLs; material's id.
        40004..=40006 | 40008 | 40033 | 40035 | 40038 | 40039 | 40048 | 40066 | 40097 | 40118 | 40121
        // Lists, tickets, ids; callback check; links in a text.
        | 40130..=40132 | 40201..=40203 | 40213 | 40214
        // Something missing; wrong HTTP method; something empty.
        | 41001 | 41005 | 41006 | 41009 | 43001..=43003 | 44001..=44004
        // Too long; too many articles; typing command; mini program's AppID; menu list.
        | 45002..=45006 | 45008 | 45072 | 45086 | 45098 | 45099
        // JSON; escapes; template; parameter; quota calls; POST data.
        | 47001..=47003 | 61451 | 76001..=76004 | 76021 | 76022 | 9_001_001 => CodeClass::OurBug,

        _ => CodeClass::Retry,
    }
}

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
            (40007, CodeClass::Permanent),
            (40033, CodeClass::OurBug),
            (40125, CodeClass::Config),
            (40164, CodeClass::Config),
            (44007, CodeClass::Duplicate),
            (45002, CodeClass::OurBug),
            (45009, CodeClass::Rate),
            (45011, CodeClass::Rate),
            (45015, CodeClass::Window),
            (45047, CodeClass::Window),
            (47002, CodeClass::OurBug),
            (48001, CodeClass::Config),
            (48002, CodeClass::Permanent),
            (61459, CodeClass::Permanent),
            (65412, CodeClass::Config),
            (65413, CodeClass::Permanent),
            (70000, CodeClass::Permanent),
            (123_456, CodeClass::Retry),
        ] {
            assert_eq!(classify(code), class, "{code}");
        }
    }
}
