//! The worker's routes, each with its handler.

use anyhow::Context as _;
use huixin_wechat::http_client;
use huixin_worker::handlers::{ChatHandler, HttpHandler, ReplyHandler};
use huixin_worker::{Condition, Route};

use crate::config::{self, Config, HandlerConfig, HttpConfig, RouteConfig};
use crate::report::Failure;

/// All routes in their order.
///
/// # Errors
/// When a handler can't be made.
pub(super) fn all(config: &Config) -> Result<Vec<Route>, Failure> {
    let handlers = Handlers { http: http_client().context("the HTTP client can't be made")? };
    let (permits, routes) = (config.worker.concurrency, config.routes.len());
    let made = config.routes.iter().map(|route| {
        let handled =
            handlers.route(route).with_context(|| format!("route `{}` can't be used", route.name))?;
        let places = route.at_once(permits, routes);
        Ok(with_keys(places.into_iter().fold(handled, Route::at_once), route))
    });
    made.collect()
}

/// What a message must be for each route, in their order.
pub fn conditions(config: &Config) -> Vec<Condition> {
    config.routes.iter().map(|route| condition(&route.condition)).collect()
}

/// What handlers share.
struct Handlers {
    http: reqwest::Client,
}

impl Handlers {
    /// The route with its handler only.
    fn route(&self, config: &RouteConfig) -> anyhow::Result<Route> {
        let name = &config.name;
        Ok(match &config.handler {
            HandlerConfig::Reply(reply) => Route::new(name, ReplyHandler::new(reply)?),
            HandlerConfig::Http(HttpConfig { url, timeout, secret }) => {
                let handler = HttpHandler::new(url.clone(), *timeout, secret.as_ref(), self.http.clone())?;
                Route::new(name, handler)
            }
            HandlerConfig::Chat(settings) => {
                Route::new(name, ChatHandler::new((**settings).clone(), self.http.clone())?)
            }
        })
    }
}

fn with_keys(route: Route, config: &RouteConfig) -> Route {
    let route = route.when(condition(&config.condition)).attempts(config.attempts);
    let route = route.unsure(config.unsure).typing(config.typing).markdown(config.markdown);
    let memory = config.memory.as_ref().unwrap_or(&config.name);
    let mut route = route.answer_within(config.answer_within).memory(memory, config.memory_for);
    if let Some(text) = &config.failure_reply {
        route = route.failure_reply(text);
    }
    if let Some(hold_for) = config.hold_for {
        route = route.hold_for(hold_for);
    }
    if let Some((after, text)) = &config.notice {
        route = route.notice(*after, text);
    }
    route
}

fn condition(config: &config::Condition) -> Condition {
    let config::Condition {
        account,
        type_,
        event,
        event_key,
        event_key_prefix,
        event_key_pattern,
        text,
        speech,
    } = config.clone();
    Condition { account, kind: type_, event, event_key, event_key_prefix, event_key_pattern, text, speech }
}
