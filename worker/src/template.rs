//! Templates of replies: minijinja, strict.
//!
//! If a template names something that the message doesn't have, that is an error and not an empty place: a reply with a
//! hole in it must not reach a user. The few names that every message could have (`content`, `event`, `key`) are empty
//! texts where it has none. Templates are compiled when the worker starts, so that a typing error stops it there.

use std::collections::BTreeSet;
use std::sync::Arc;

use huixin_wechat::Message;
use minijinja::value::{Enumerator, Object, merge_maps};
use minijinja::{Environment, UndefinedBehavior, context};
use regex::Regex;
use serde_json::{Map, Value};

use crate::condition::Captures;
use crate::handler::Context;

/// Steps a template may take: a loop over a pushed list is fine, an endless one is not.
const FUEL: u64 = 200_000;
const NAME: &str = "template";

/// What every template may name.
pub const TEMPLATE_NAMES: [&str; 10] =
    ["content", "user", "account", "type", "event", "key", "id", "attempt", "captures", "fields"];

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

    /// The names that it needs from outside, each with what it takes of it: `content`, `captures.code`. So code that knows
    /// the values can say before the first message which will be missing. A name whose absence the template handles, by
    /// `default` or `is defined`, isn't needed.
    pub fn names(&self) -> BTreeSet<String> {
        let Ok(template) = self.0.get_template(NAME) else { return BTreeSet::new() };
        let source = template.source();
        let own = |name: &str| sets(source, name) || self.0.globals().any(|(global, _)| global == name);
        let mut names: BTreeSet<String> = template.undeclared_variables(true).into_iter().collect();
        names.retain(|name| !own(name.split('.').next().unwrap_or(name)) && !guards(source, name));
        names
    }

    /// Fills it in. The names are [`TEMPLATE_NAMES`], as in the request to an HTTP service.
    ///
    /// # Errors
    /// When it names something that this message doesn't have.
    pub fn render(&self, message: &Message, context: &Context) -> Result<String, TemplateError> {
        self.render_with(message, context, &Map::new())
    }

    /// The same with names of the handler's own, which win over those of the message.
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
            captures => minijinja::Value::from_object(Groups(context.captures.clone())),
            fields => minijinja::value::Serde(message.tree.to_json()),
        };
        // The first that has a name gives it.
        let values = merge_maps([minijinja::Value::from(minijinja::value::Serde(names)), values]);
        template.render(values).map_err(|error| describe(&error))
    }
}

/// Whether a `{% set … %}` anywhere in the template makes this name: a name made in a branch is known after it too.
fn sets(source: &str, name: &str) -> bool {
    has(source, &format!(r"\{{%[-+]*\s*set\s[^=%|]*\b{}\b", regex::escape(name)))
}

/// Whether the template handles this name's absence anywhere.
fn guards(source: &str, name: &str) -> bool {
    has(source, &format!(r"(^|[^\w.]){}\s*(\|\s*default|is\s+(not\s+)*defined)", regex::escape(name)))
}

fn has(source: &str, pattern: &str) -> bool {
    Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(source))
}

/// What a pattern captured. `captures.2` is a group too, though to templates a number is another key than its text.
#[derive(Debug)]
struct Groups(Captures);

impl Object for Groups {
    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        let group = match key.as_str() {
            Some(name) => self.0.get(name),
            None => self.0.get(&key.to_string()),
        };
        group.map(|text| minijinja::Value::from(text.as_str()))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.keys().map(|name| minijinja::Value::from(name.as_str())).collect())
    }
}

fn describe(error: &minijinja::Error) -> TemplateError {
    let line = error.line().map(|line| format!(" in line {line}")).unwrap_or_default();
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    TemplateError(format!("{}{detail}{line}", error.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_tells_what_it_needs_from_outside_and_not_what_it_makes_itself() {
        for (source, names) in [
            (
                "{{ content }} {{ captures.code }} {{ fields.Info.Count }}",
                "captures.code content fields.Info.Count",
            ),
            ("{% for row in rows %}{{ loop.index }} {{ row.place }}{% endfor %}", "rows"),
            ("{% if count > 1 %}{% set s = 's' %}{% else %}{%- set s = '' %}{% endif %}{{ s }}", "count"),
            ("{% set a, b = [1, 2] %}{{ a }}{{ b }}{% for i in range(3) %}{{ i }}{% endfor %}", ""),
            ("{{ nothing | default('') }}{% raw %}{{ shown }}{% endraw %}", ""),
            (
                "{% if captures.code is defined %}{{ captures.code }}{% endif %}{{ captures.codes }}",
                "captures.codes",
            ),
            ("{{ nickname|default('you') }} {{ name is not defined }} {{ defaults }}", "defaults"),
        ] {
            let found: Vec<_> = Template::compile(source).unwrap().names().into_iter().collect();
            assert_eq!(found.join(" "), names, "{source}");
        }
    }

    #[test]
    fn a_group_is_named_by_its_name_or_its_number_and_one_that_is_not_there_is_an_error() {
        let captured = [("1", "18-546"), ("code", "18-546"), ("2", "x")];
        let captured: Captures = captured.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let filled = |source| {
            let captures = minijinja::Value::from_object(Groups(captured.clone()));
            environment.render_str(source, context! { captures }).ok()
        };
        let all = "{{ captures.code }} {{ captures.2 }} {{ captures['1'] }} {{ captures | length }}";
        assert_eq!(filled(all).as_deref(), Some("18-546 x 18-546 3"));
        assert_eq!((filled("{{ captures.3 }}"), filled("{{ captures.cod }}")), (None, None));
    }
}
