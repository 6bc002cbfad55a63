//! A fixed reply, or a template of one.

use async_trait::async_trait;
use huixin_wechat::{Content, Message, Outgoing};
use serde_json::Value;

use crate::handler::{Context, Handler, Outcome};
use crate::reply::{self, ReplyError};
use crate::template::{Template, TemplateError};

/// Answers with what the configuration says. The texts in it are templates.
#[derive(Clone, Debug)]
pub struct ReplyHandler {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(Template),
    /// Image or news: fixed.
    Other(Outgoing),
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
        let parts: Vec<_> = reply::parse(reply)?
            .into_iter()
            .map(|part| match part {
                Outgoing { content: Content::Text { content }, .. } => {
                    Template::compile(&content).map(Part::Text)
                }
                other => Ok(Part::Other(other)),
            })
            .collect::<Result<_, _>>()?;
        if parts.is_empty() {
            return Err(ReplyHandlerError::Empty);
        }
        Ok(Self { parts })
    }
}

#[async_trait]
impl Handler for ReplyHandler {
    async fn handle(&self, message: &Message, context: &Context) -> Outcome {
        let mut parts = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            match part {
                Part::Other(other) => parts.push(other.clone()),
                Part::Text(template) => match template.render(message, context) {
                    Ok(content) => parts.push(Outgoing::text(content)),
                    Err(error) => return Outcome::Fail { reason: format!("the reply's template: {error}") },
                },
            }
        }
        Outcome::Reply(parts)
    }
    fn is_cheap(&self) -> bool {
        true
    }
}
