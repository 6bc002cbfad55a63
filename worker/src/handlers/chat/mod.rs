//! A language model that talks with each user, at any endpoint that takes OpenAI's `chat/completions`.
//!
//! A question goes there with the turns before it (`history`), which are the route's memory of the user: a lane has one message
//! at a time, and the answer and its turn are recorded in one step. So whatever happens to a worker, each user's conversation
//! is exactly their own, in order, and a failed attempt leaves it as it was.
//!
//! `response` reads what endpoints do differently; `error` decides what their errors mean. There is no client crate,
//! because those insist on OpenAI's types: an answer that lacks a field or has one more is an error there. We need only
//! a small part of the protocol.
//!
//! Streaming is used only where an endpoint wants it: WeChat shows a message whole. Redirects are not followed, since the key would go with them, and
//! neither a key nor anything that the endpoint says in words gets into an error.

mod error;
mod history;
mod request;
mod response;
mod settings;
mod sticker;
mod visible_text;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use huixin_wechat::{Message, Outgoing};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Value;
use url::Url;

use self::history::{History, Turn};
use self::response::ChatResponse;
use super::transport::Transport;
use crate::condition;
use crate::handler::{Context, Handler, Outcome};
use crate::template::{Template, TemplateError};

pub use settings::ChatSettings;

/// Answers by a language model.
///
/// It answers what has words: texts, and voice messages that WeChat has recognised. Other messages get
/// [`ChatSettings::unreadable`], events nothing.
pub struct ChatHandler {
    settings: ChatSettings,
    headers: HeaderMap,
    system: Option<Template>,
    forget: BTreeSet<String>,
    transport: Transport,
    /// Whether the endpoint has said that it answers with a stream only.
    streams: AtomicBool,
}

/// A handler that can't be made.
#[derive(Debug, thiserror::Error)]
pub enum ChatHandlerError {
    /// The system prompt is no template.
    #[error("the system prompt can't be used: {0}")]
    System(#[from] TemplateError),
    /// The key can't be sent.
    #[error("the key has characters that no API key has")]
    Key,
    /// The address can't have a path.
    #[error("the base URL must be http:// or https://")]
    BaseUrl,
}

impl ChatHandler {
    /// A handler with these settings. `client` must not follow redirects: see [`huixin_wechat::http_client`].
    ///
    /// # Errors
    /// When the system prompt, the key or the URL can't be used.
    pub fn new(settings: ChatSettings, client: reqwest::Client) -> Result<Self, ChatHandlerError> {
        let url = endpoint(&settings.base_url)?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(key) = &settings.key {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose()))
                .map_err(|_| ChatHandlerError::Key)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let system = settings.system.as_deref().map(Template::compile).transpose()?;
        let words = settings.forget.iter().map(|word| normalised(word));
        let forget = words.filter(|word| !word.is_empty()).collect();
        let names = ("the model's endpoint", "base_url");
        let transport = Transport::new(url, client, settings.timeout, names);
        Ok(Self { settings, headers, system, forget, transport, streams: AtomicBool::default() })
    }

    /// The turns that go with a question.
    fn history(&self, context: &Context) -> History {
        let mut history = match &context.memory {
            None => History::default(),
            Some(memory) => History::read(memory).unwrap_or_else(|| {
                tracing::warn!(
                    route = context.route,
                    "the stored conversation can't be used: starting a new one"
                );
                History::default()
            }),
        };
        history.forget(&context.id);
        history.keep(self.settings.turns, self.settings.context_tokens);
        history
    }

    /// Asks; with fewer turns if they are too many for the model, and without any if it refuses them.
    async fn converse(
        &self,
        system: Option<&str>,
        mut history: History,
        question: &str,
        id: &str,
    ) -> Outcome {
        loop {
            let stream = self.streams.load(Ordering::Relaxed);
            let body = request::body(&self.settings, system, &history.turns, question, stream);
            let response = match self.transport.post(self.headers.clone(), body.to_string()).await {
                Ok(answer) => response::read(answer.status, &answer.headers, &answer.body),
                Err(failed) => return failed,
            };
            // What was said before may be what the endpoint refuses.
            let is_refused = matches!(response, ChatResponse::Refused | ChatResponse::Unfit { .. });
            if is_refused && history.clear() {
                tracing::info!("the model refused: asking again without the earlier turns");
                continue;
            }
            match response {
                ChatResponse::Answer(answer) => {
                    let replies = vec![Outgoing::text(answer.as_str())];
                    if self.settings.turns == 0 {
                        return Outcome::Reply(replies);
                    }
                    history.turns.push(Turn { id: id.to_owned(), question: question.to_owned(), answer });
                    history.keep(self.settings.turns, self.settings.context_tokens);
                    return Outcome::Remember { replies, memory: history.memory() };
                }
                ChatResponse::Refused => return Outcome::text(self.settings.refused.as_str()),
                ChatResponse::TooLong { reason } => {
                    if !history.halve() {
                        return Outcome::Fail { reason };
                    }
                    tracing::info!(
                        turns = history.turns.len(),
                        "the conversation is too long for the model: asking again with fewer turns"
                    );
                }
                ChatResponse::StreamOnly { reason } => {
                    if stream {
                        return Outcome::Fail { reason };
                    }
                    self.streams.store(true, Ordering::Relaxed);
                }
                ChatResponse::Again { after, reason } => return Outcome::Retry { after, reason },
                ChatResponse::Unfit { reason } | ChatResponse::Never { reason } => {
                    return Outcome::Fail { reason };
                }
            }
        }
    }
}

#[async_trait]
impl Handler for ChatHandler {
    async fn handle(&self, message: &Message, context: &Context) -> Outcome {
        let question = message.content().or_else(|| message.recognition()).unwrap_or_default().trim();
        if question.is_empty() || sticker::is_one(question) {
            return match &self.settings.unreadable {
                Some(text) if !message.is_event() => Outcome::text(text.as_str()),
                _ => Outcome::NoReply,
            };
        }
        if self.forget.contains(&normalised(question)) {
            let replies = vec![Outgoing::text(self.settings.forgotten.as_str())];
            return Outcome::Remember { replies, memory: Value::Null };
        }
        let system = self.system.as_ref().map(|system| system.render(message, context)).transpose();
        match system {
            Ok(system) => {
                let history = self.history(context);
                let outcome = self.converse(system.as_deref(), history, question, &context.id).await;
                self.transport.at_its_url(outcome)
            }
            Err(error) => Outcome::Fail { reason: format!("the system prompt can't be filled in: {error}") },
        }
    }

    fn takes_at_most(&self) -> Option<Duration> {
        Some(self.settings.timeout)
    }
}

impl std::fmt::Debug for ChatHandler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatHandler").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Where the model is asked: the path goes behind that of the base URL.
fn endpoint(base: &Url) -> Result<Url, ChatHandlerError> {
    let mut url = base.clone();
    let mut path = url.path_segments_mut().map_err(|()| ChatHandlerError::BaseUrl)?;
    path.pop_if_empty().extend(["chat", "completions"]);
    drop(path);
    Ok(url)
}

/// A word as it is compared: without full-width letters, capitals, and the full stop of a recognised voice message.
fn normalised(text: &str) -> String {
    let text = condition::normalised(text).to_lowercase();
    text.trim().trim_end_matches(['.', '。', '!']).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use huixin_wechat::Secret;

    use super::*;

    fn handler(settings: ChatSettings) -> Result<ChatHandler, ChatHandlerError> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        ChatHandler::new(settings, huixin_wechat::http_client().unwrap())
    }

    #[test]
    fn the_path_goes_behind_that_of_the_base_url() {
        for (base, expected) in [
            ("https://api.example.com/v1", "https://api.example.com/v1/chat/completions"),
            ("https://api.example.com/v1/", "https://api.example.com/v1/chat/completions"),
            ("https://api.example.com", "https://api.example.com/chat/completions"),
            ("http://h:1/a/b/?api-version=1", "http://h:1/a/b/chat/completions?api-version=1"),
        ] {
            assert_eq!(endpoint(&base.parse().unwrap()).unwrap().as_str(), expected, "{base}");
        }
    }

    #[test]
    fn neither_key_nor_url_is_shown() {
        let mut settings = ChatSettings::new("https://u:hunter2@h/hunter2?k=hunter2".parse().unwrap(), "m");
        settings.key = Some(Secret::from("hunter2"));
        let made = handler(settings.clone()).unwrap();
        assert!(!format!("{settings:?} {made:?} {:?}", made.headers).contains("hunter2"));
        settings.key = Some(Secret::from("hunter2\n"));
        let error = handler(settings).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn a_word_that_forgets_is_known_however_it_is_typed_or_heard() {
        let settings = ChatSettings::new("http://h/".parse().unwrap(), "m");
        let handler = handler(settings).unwrap();
        for word in [
            "重新开始",
            " reset ",
            "Reset",
            "ＲＥＳＥＴ",
            "re\u{200b}set\u{feff}",
            "重新开始。",
            "重新开始！",
            "reset.",
        ] {
            assert!(handler.forget.contains(&normalised(word)), "{word}");
        }
        for other in ["重新开始吧", "how do I reset it", "。", ""] {
            assert!(!handler.forget.contains(&normalised(other)), "{other}");
        }
    }
}
