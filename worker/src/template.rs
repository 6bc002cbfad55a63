//! Templates of replies: minijinja, strict.
//!
//! What a template names and the message doesn't have is an error and not an empty place: a reply with a hole in it
//! must not reach a user. The few names that every message could have (`content`, `event`, `key`) are empty texts where
//! it has none. Templates are compiled when the worker starts, so that a typing error stops it there.

use std::sync::Arc;

use huixin_wechat::Message;
use minijinja::value::merge_maps;
use minijinja::{Environment, UndefinedBehavior, context};
use serde_json::{Map, Value};

use crate::handler::Context;

/// Steps a template may take: a loop over a pushed list is fine, an endless one is not.
const FUEL: u64 = 200_000;
const NAME: &str = "template";

/// A compiled template.
#[derive(Clone, Debug)]
pub struct Template(Arc<Environment<'static>>);

/// A template that can't be compiled or filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(String);

impl Template {
    /// Compiles a template.
    ///
    /// # Errors
    /// When its syntax is wrong, with the line.
    pub fn compile(source: &str) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.add_template_owned(NAME, source.to_owned()).map_err(|error| describe(&error))?;
        Ok(Self(Arc::new(environment)))
    }

    /// Fills it in. The names are `content`, `user`, `account`, `type`, `event`, `key`, `id`, `attempt`, `captures` and
    /// `fields`, as in the request to an HTTP service.
    ///
    /// # Errors
    /// When it names something that this message doesn't have.
    pub fn render(&self, message: &Message, context: &Context) -> Result<String, TemplateError> {
        self.render_with(message, context, &Map::new())
    }

    /// The same with names of the handler's own, which stand before those of the message.
    pub(crate) fn render_with(
        &self,
        message: &Message,
        context: &Context,
        names: &Map<String, Value>,
    ) -> Result<String, TemplateError> {
        let template = self.0.get_template(NAME).map_err(|error| describe(&error))?;
        let values = context! {
            content => message.content().or_else(|| message.recognition()).unwrap_or_default(),
            user => message.from.as_str(),
            account => context.account.as_str(),
            type => message.msg_type(),
            event => message.event().unwrap_or_default(),
            key => message.event_key().unwrap_or_default(),
            id => context.id.as_str(),
            attempt => context.attempt,
            captures => context.captures.clone(),
            fields => minijinja::value::Serde(message.tree.to_json()),
        };
        // The first that has a name gives it.
        let values = merge_maps([minijinja::Value::from(minijinja::value::Serde(names)), values]);
        template.render(values).map_err(|error| describe(&error))
    }
}

fn describe(error: &minijinja::Error) -> TemplateError {
    let line = error.line().map(|line| format!(" in line {line}")).unwrap_or_default();
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    TemplateError(format!("{}{detail}{line}", error.kind()))
}
