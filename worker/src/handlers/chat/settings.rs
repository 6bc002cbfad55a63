//! The settings of a chat route.

use std::fmt;
use std::time::Duration;

use huixin_wechat::Secret;
use serde_json::{Map, Value};
use url::Url;

/// Which model answers, and how a conversation with it goes.
#[derive(Clone)]
pub struct ChatSettings {
    /// Where the endpoint is, without `/chat/completions`: `https://api.deepseek.com/v1`.
    pub base_url: Url,
    /// The model's name there.
    pub model: String,
    /// The key, sent as a bearer token; none for a model on a machine of one's own.
    pub key: Option<Secret>,
    /// What the model gets first, with every question: a template.
    pub system: Option<String>,
    /// How freely it answers; `None` leaves that to the endpoint.
    pub temperature: Option<f64>,
    /// The most tokens of an answer; `None` leaves that to the endpoint.
    pub max_tokens: Option<u32>,
    /// How many earlier turns (a question and its answer) go with a question at most. With 0 nothing is remembered.
    pub turns: usize,
    /// How many tokens they may have together, estimated.
    pub context_tokens: usize,
    /// Words that, said alone, end the conversation and begin a new one.
    pub forget: Vec<String>,
    /// What the user gets then.
    pub forgotten: String,
    /// What they get when the model or its content filter won't answer.
    pub refused: String,
    /// What they get when their message has no words, such as a picture; `None`: nothing.
    pub unreadable: Option<String>,
    /// How long one request may take.
    pub timeout: Duration,
    /// More of the request's body, such as `{"enable_thinking": false}`; it can replace anything but [`ChatSettings::OWN`].
    pub extra: Map<String, Value>,
}

impl ChatSettings {
    /// The fields of the request's body that only the handler sets.
    pub const OWN: [&'static str; 3] = ["messages", "model", "stream"];
    /// The default of [`ChatSettings::turns`].
    pub const TURNS: usize = 10;
    /// The default of [`ChatSettings::context_tokens`].
    pub const CONTEXT_TOKENS: usize = 4000;
    /// The default of [`ChatSettings::forget`].
    pub const FORGET: [&'static str; 2] = ["重新开始", "reset"];
    /// The default of [`ChatSettings::forgotten`].
    pub const FORGOTTEN: &'static str = "好的，我们重新开始。";
    /// The default of [`ChatSettings::refused`].
    pub const REFUSED: &'static str = "抱歉，这个问题我不便回答。";
    /// The default of [`ChatSettings::unreadable`].
    pub const UNREADABLE: &'static str = "抱歉，我只看得懂文字和能听清的语音。";
    /// The default of [`ChatSettings::timeout`].
    pub const TIMEOUT: Duration = Duration::from_secs(120);

    /// This model, with everything else by default.
    pub fn new(base_url: Url, model: impl Into<String>) -> Self {
        Self {
            base_url,
            model: model.into(),
            key: None,
            system: None,
            temperature: None,
            max_tokens: None,
            turns: Self::TURNS,
            context_tokens: Self::CONTEXT_TOKENS,
            forget: Self::FORGET.map(str::to_owned).to_vec(),
            forgotten: Self::FORGOTTEN.to_owned(),
            refused: Self::REFUSED.to_owned(),
            unreadable: Some(Self::UNREADABLE.to_owned()),
            timeout: Self::TIMEOUT,
            extra: Map::new(),
        }
    }
}

impl fmt::Debug for ChatSettings {
    /// Without the URL, which may hold a key, and without the prompt.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatSettings")
            .field("host", &self.base_url.host_str())
            .field("model", &self.model)
            .field("key", &self.key)
            .field("turns", &self.turns)
            .field("context_tokens", &self.context_tokens)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
