//! A fixed reply, or a template of one.

use async_trait::async_trait;
use huixin_wechat::{Content, Message, Outgoing};
use serde_json::{Map, Value};

use crate::handler::{Context, Handler, Outcome};
use crate::reply::{self, ReplyError, ReplyOrigin};
use crate::template::{Template, TemplateError};

/// Answers with what the configuration says. The texts and addresses in it are templates.
#[derive(Clone, Debug)]
pub struct ReplyHandler {
    parts: Vec<FilledPart>,
}

#[derive(Clone, Debug)]
struct FilledPart {
    message: Outgoing,
    /// One for each of [`reply::templates`], in its order.
    templates: Vec<Template>,
}

/// A configured reply that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyHandlerError {
    /// It isn't as the reply schema says.
    #[error(transparent)]
    Reply(#[from] ReplyError),
    /// One of its texts is no template.
    #[error("the template can't be used: {0}")]
    Template(#[from] TemplateError),
    /// There is nothing in it to send.
    #[error("the reply is empty")]
    Empty,
}

impl ReplyHandler {
    /// Takes a reply of the schema in [`crate::reply`], and compiles its texts.
    ///
    /// # Errors
    /// When the reply or one of its templates can't be used.
    pub fn new(reply: &Value) -> Result<Self, ReplyHandlerError> {
        let parts: Vec<_> = reply::parse(reply, ReplyOrigin::Config)?
            .into_iter()
            .map(|mut message| {
                let texts = reply::templates(&mut message);
                let templates =
                    texts.into_iter().map(|(_, text)| Template::compile(text)).collect::<Result<_, _>>()?;
                Ok(FilledPart { message, templates })
            })
            .collect::<Result<_, TemplateError>>()?;
        if parts.is_empty() {
            return Err(ReplyHandlerError::Empty);
        }
        Ok(Self { parts })
    }

    /// The reply with the names that its handler has beside the message's.
    pub(super) fn outcome(
        &self,
        message: &Message,
        context: &Context,
        names: &Map<String, Value>,
    ) -> Outcome {
        let parts: Result<Vec<_>, _> =
            self.parts.iter().map(|part| part.render(message, context, names)).collect();
        // What was filled in may have left a title empty, or made no address.
        let checked = parts.and_then(|parts| match reply::check(&parts) {
            Ok(()) => Ok(parts),
            Err(error) => Err(format!("the filled-in reply can't be sent: {error}")),
        });
        match checked {
            Ok(parts) => Outcome::Reply(parts),
            Err(reason) => Outcome::Fail { reason },
        }
    }
}

#[async_trait]
impl Handler for ReplyHandler {
    async fn handle(&self, message: &Message, context: &Context) -> Outcome {
        self.outcome(message, context, &Map::new())
    }

    fn is_cheap(&self) -> bool {
        true
    }

    fn may_transfer(&self) -> bool {
        self.parts.iter().any(|part| part.message.content == Content::Transfer)
    }
}

impl FilledPart {
    fn render(
        &self,
        message: &Message,
        context: &Context,
        names: &Map<String, Value>,
    ) -> Result<Outgoing, String> {
        let mut filled = self.message.clone();
        for ((name, text), template) in reply::templates(&mut filled).into_iter().zip(&self.templates) {
            *text = template
                .render_with(message, context, names)
                .map_err(|error| format!("the reply's template of `{name}`: {error}"))?;
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use serde_json::json;

    use super::*;

    async fn answer(reply: Value, content: &str) -> Outcome {
        let body = format!(
            "<xml><ToUserName>gh_1</ToUserName><FromUserName>oUser</FromUserName><CreateTime>1</CreateTime>\
             <MsgType>text</MsgType><Content>{content}</Content><MsgId>1</MsgId></xml>"
        );
        let context = Context {
            id: "abc".into(),
            account: "main".into(),
            route: "r".into(),
            attempt: 1,
            accepted_at: SystemTime::UNIX_EPOCH,
            reply_until: None,
            sends_left: 5,
            captures: [("code".to_owned(), content.to_owned())].into(),
            memory: None,
            callback_url: None,
        };
        let message = Message::parse(body.as_bytes()).unwrap();
        ReplyHandler::new(&reply).unwrap().handle(&message, &context).await
    }

    #[tokio::test]
    async fn texts_and_addresses_of_every_part_are_filled_in() {
        let reply = json!([
            "您好 {{ content }}",
            {
                "type": "news", "title": "{{ content }}", "url": "https://x/?q={{ content | urlencode }}",
                "kf_account": "a@b"
            },
            {"type": "image", "url": "https://x/{{ captures.code | urlencode }}.png"},
            {"type": "msgmenu", "list": [{"id": "1", "content": "more of {{ content }}"}]},
        ]);
        let Outcome::Reply(parts) = answer(reply, "12 3").await else { panic!("a reply") };
        assert_eq!(
            parts.iter().map(|part| json!(part)).collect::<Vec<_>>(),
            [
                json!({"type": "text", "content": "您好 12 3"}),
                json!({
                    "type": "news", "kf_account": "a@b",
                    "articles": [{"title": "12 3", "description": "", "url": "https://x/?q=12%203", "picurl": ""}]
                }),
                json!({"type": "image", "url": "https://x/12%203.png"}),
                json!({"type": "msgmenu", "list": [{"id": "1", "content": "more of 12 3"}]}),
            ]
        );
    }

    #[tokio::test]
    async fn what_can_not_be_sent_once_it_is_filled_in_is_a_failure_that_names_the_field() {
        let reply = json!(["a", {"type": "news", "title": "t", "url": "{{ content }}"}]);
        let Outcome::Fail { reason } = answer(reply, "javascript:x").await else { panic!("a failure") };
        assert_eq!(
            reason,
            "the filled-in reply can't be sent: reply 2: `url` is not an http or https address; give a full one, with \
             spaces as %20"
        );
        let Outcome::Fail { reason } = answer(json!({"type": "image", "url": "{{ nothing }}"}), "x").await
        else {
            panic!("a failure")
        };
        assert!(reason.starts_with("the reply's template of `url`: "), "{reason}");
    }

    #[test]
    fn a_part_without_anything_to_fill_in_stays_as_it_is() {
        let handler = ReplyHandler::new(&json!({"type": "wxcard", "card_id": "c"})).unwrap();
        let [FilledPart { message, templates }] = &handler.parts[..] else { panic!("one part") };
        assert_eq!(message.content, Content::WxCard { card_id: "c".into() });
        assert!(templates.is_empty());
    }
}
