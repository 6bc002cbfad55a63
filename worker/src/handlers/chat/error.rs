//! What an endpoint's error means: shorten, refuse, try again, or give up.
//!
//! The status decides most. Where it can't, the vendor's own codes do, and phrases where a vendor has no code.
//! `docs/chat-handler.md` shows the table to people, and a test compares the two.
//!
//! The endpoint's words are read and never repeated: they may quote the user, or a part of the key.

use serde_json::Value;

/// An endpoint's error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct EndpointError {
    /// The status, or a code in the body that is one.
    pub(super) status: u16,
    /// Its codes and types, in lower case.
    codes: Vec<String>,
    /// What it says, in lower case.
    words: String,
    /// The field of the request that it is about, if it says so.
    field: Option<&'static str>,
    /// Whether it has the form of Alibaba's endpoint, which says `insufficient_quota` for a rate too.
    has_request_id: bool,
}

/// What follows from an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The model or a content filter won't answer this.
    Refused,
    /// The conversation is longer than the model takes.
    TooLong,
    /// It must be asked for a stream.
    StreamOnly,
    /// It may work later.
    Again,
    /// It will never work, until the operator has done this.
    Never(&'static str),
}

const REFUSED: &str = "\
    content_filter content_policy_violation data_inspection_failed datainspectionfailed \
    inputtextsensitivecontentdetected invalid_messages outputtextsensitivecontentdetected \
    responsibleaipolicyviolation sensitive_check_error sensitive_words_detected \
    sensitivecontentdetected 1026 1027 1301";
const REFUSED_WORDS: &str = "datainspectionfailed|considered high risk|content management policy";

const TOO_LONG: &str = "\
    context_length_exceeded exceed_context_size_error outofcontexterror tokens_too_long 1039 1261";
const TOO_LONG_WORDS: &str = "\
    context length|context size|context window|exceeded model token limit|prompt exceeds max length|\
    prompt is too long|range of input length|reduce the length|token length too long";

const NO_MONEY: &str = "\
    accountoverdueerror arrearage billing_hard_limit_reached billing_not_active \
    exceeded_current_quota_error insufficient_balance insufficient_user_quota 1008 1113";
const NO_MONEY_WORDS: &str = "insufficient balance|余额不足";
/// At OpenAI the money; at Alibaba the rate too.
const QUOTA: &str = "insufficient_quota";

const STREAM_ONLY_WORDS: &str = "\
    only support stream|only supports stream|non-streaming|non-stream|stream must be true|\
    stream must be set to true|stream=true|please enable the stream";

/// What a route asks for by keys of its own; the rest is in `extra`.
const KEYS: &str = "max_tokens temperature model";
/// Other parameters that vendors complain about.
const PARAMETERS: &str = "\
    max_completion_tokens enable_thinking thinking reasoning_effort response_format top_p tools \
    presence_penalty frequency_penalty";

/// The longest code that is shown.
const CODE_MAX_BYTES: usize = 64;

impl EndpointError {
    /// Reads the error in a body; `None` if there is none.
    ///
    /// Known forms: `{"error": {"code", "type", "message"}}`, `{"error": "…"}`, `{"code", "message"}`,
    /// `{"object": "error", …}`, `{"base_resp": {"status_code", "status_msg"}}`, `{"detail": …}`.
    pub(super) fn read(status: u16, body: &Value) -> Option<Self> {
        let is_there = |value: &&Value| match value {
            Value::Null | Value::Bool(false) => false,
            Value::Object(fields) => !fields.is_empty(),
            Value::String(text) => !text.is_empty(),
            _ => true,
        };
        let given = body.get("error").filter(is_there);
        let base =
            body.get("base_resp").filter(|base| code_of(base, "status_code").is_some_and(|c| c != "0"));
        let has_answer = body.get("choices").is_some_and(Value::is_array);
        let is_bad = |code: String| !["0", "200", "success", "ok"].contains(&code.as_str());
        // Beside an answer, only a code shows that there is an error; `message` of a choice is the answer.
        let bare = if has_answer {
            code_of(body, "code").is_some_and(is_bad)
        } else {
            !body.get("message").is_some_and(Value::is_object)
                && ["code", "message", "detail"].iter().any(|name| body.get(name).is_some())
        };
        let error = match given.or(base) {
            Some(error) => error,
            None if bare => body,
            None => return None,
        };
        let inner = error.get("innererror").unwrap_or(&Value::Null);
        let codes = [
            code_of(error, "code"),
            code_of(error, "type"),
            code_of(error, "status_code"),
            code_of(inner, "code"),
            code_of(body, "code"),
        ];
        let codes: Vec<String> = codes.into_iter().flatten().collect();
        let words = ["message", "status_msg", "detail"].map(|name| error.get(name).and_then(Value::as_str));
        let words = error.as_str().into_iter().chain(words.into_iter().flatten());
        let words = words.collect::<Vec<_>>().join(" ").to_lowercase();
        let parameter = error.get("param").and_then(Value::as_str).unwrap_or_default();
        let named = |field: &&str| *field == parameter || has_word(&words, field);
        let field = KEYS.split(' ').chain(PARAMETERS.split(' ')).find(named);
        let as_status = |code: &String| code.parse().ok().filter(|code| (400..600).contains(code));
        Some(Self {
            status: if status >= 300 { status } else { codes.iter().find_map(as_status).unwrap_or(status) },
            codes,
            words,
            field,
            has_request_id: body.get("request_id").is_some(),
        })
    }

    /// An error known by its status only.
    pub(super) fn of_status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub(super) fn meaning(&self) -> Meaning {
        let has = |codes: &str| codes.split(' ').any(|known| self.codes.iter().any(|code| code == known));
        let says = |phrases: &str| phrases.split('|').any(|phrase| self.words.contains(phrase));
        // A gateway that is down may say anything.
        if self.status < 500 {
            if has(REFUSED) || says(REFUSED_WORDS) {
                return Meaning::Refused;
            }
            if self.status != 429 && says(STREAM_ONLY_WORDS) {
                return Meaning::StreamOnly;
            }
            if self.status != 429 && (self.status == 413 || has(TOO_LONG) || says(TOO_LONG_WORDS)) {
                return Meaning::TooLong;
            }
        }
        let quota_is_money = !self.has_request_id && has(QUOTA);
        if self.status == 402 || quota_is_money || has(NO_MONEY) || says(NO_MONEY_WORDS) {
            return Meaning::Never("top up the balance, or raise the quota");
        }
        match self.status {
            401 | 403 => Meaning::Never("check `key`"),
            404 => Meaning::Never("check `base_url` and `model`"),
            408 | 425 | 429 | 500..=599 => Meaning::Again,
            300..=399 => Meaning::Never("redirects are not followed: check `base_url`"),
            400..=499 => Meaning::Never("check `model` and the route's other settings"),
            // An unknown error that calls itself a success.
            _ => Meaning::Again,
        }
    }

    /// Whether the request may be at fault as a whole, so that another one may be taken.
    pub(super) fn is_about_the_request(&self) -> bool {
        matches!(self.status, 400 | 422) && self.field.is_none()
    }

    /// What to do, by the field that the endpoint names.
    pub(super) fn remedy(&self, remedy: &'static str) -> String {
        match self.field.filter(|_| matches!(self.status, 200 | 400 | 422)) {
            Some("max_tokens") => {
                "it refuses `max_tokens`: change it, or leave it out and set what the vendor wants in \
                 `extra`, as { max_completion_tokens = 1000 }"
                    .to_owned()
            }
            Some(field) if KEYS.split(' ').any(|key| key == field) => {
                format!("it refuses `{field}`: change that key of the route")
            }
            Some(field) => format!("it refuses `{field}`: change it in `extra`"),
            None => remedy.to_owned(),
        }
    }

    /// Which error it is, for people: the status and, if it is one, the code.
    pub(super) fn name(&self) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let is_code =
            |code: &&String| !code.is_empty() && code.len() <= CODE_MAX_BYTES && code.chars().all(plain);
        let code = self.codes.iter().find(is_code).map(|code| format!(" ({code})")).unwrap_or_default();
        format!("{}{code}", self.status)
    }
}

/// Whether a text has this word, not as a part of another.
fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part))
}

/// A code, which may be a number.
fn code_of(error: &Value, name: &str) -> Option<String> {
    match error.get(name)? {
        Value::String(code) if !code.is_empty() => Some(code.to_lowercase()),
        Value::Number(code) => Some(code.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
