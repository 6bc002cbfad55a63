//! The worker's routes, each with its handler.

use std::collections::BTreeMap;

use anyhow::Context as _;
use huixin_wechat::http_client;
use huixin_worker::Route;
use huixin_worker::handlers::sql::{Database, SqlAnswers, SqlHandler, Statement};
use huixin_worker::handlers::{ChatHandler, HttpHandler, ReplyHandler};

use crate::config::{Config, HandlerConfig, HttpConfig, RouteConfig, SqlConfig};
use crate::report::Failure;

/// All routes in their order.
///
/// # Errors
/// When a handler can't be made.
pub(super) fn all(config: &Config) -> Result<Vec<Route>, Failure> {
    let http = http_client().context("the HTTP client can't be made")?;
    let handlers = Handlers { http, databases: databases(config)? };
    let made = config.routes.iter().map(|route| {
        let handled =
            handlers.route(route).with_context(|| format!("route `{}` can't be used", route.name))?;
        let places = route.at_once(config);
        Ok(with_keys(places.into_iter().fold(handled, Route::at_once), route))
    });
    made.collect()
}

/// The databases by their names, none of them connected yet.
///
/// # Errors
/// When a URL can't be used.
pub fn databases(config: &Config) -> Result<BTreeMap<String, Database>, Failure> {
    let made = config.databases.iter().filter_map(|(name, database)| {
        let place = database.url.as_ref()?.place();
        let made = Database::new(name, &place, database.pool as usize, database.writes);
        Some(made.map(|made| (name.clone(), made)))
    });
    Ok(made.collect::<Result<_, _>>().map_err(anyhow::Error::from)?)
}

/// The handler of a look-up.
///
/// # Errors
/// When the statement or a reply can't be used.
pub fn look_up(config: &SqlConfig, databases: &BTreeMap<String, Database>) -> anyhow::Result<SqlHandler> {
    let SqlConfig { database, query, timeout, max_rows, one, many, none } = config;
    let database = databases.get(database).context("the database has no url")?.clone();
    Ok(SqlHandler {
        statement: Statement::parse(query, database.dialect()).context("the query can't be used")?,
        database,
        timeout: *timeout,
        max_rows: *max_rows as usize,
        answers: SqlAnswers::new(one.as_ref(), many.as_ref(), none.as_ref())?,
    })
}

/// What handlers share.
struct Handlers {
    http: reqwest::Client,
    databases: BTreeMap<String, Database>,
}

impl Handlers {
    /// The route with its handler only.
    fn route(&self, config: &RouteConfig) -> anyhow::Result<Route> {
        let name = &config.name;
        Ok(match &config.handler {
            HandlerConfig::Reply(reply) => Route::new(name, ReplyHandler::new(reply)?),
            HandlerConfig::Http(HttpConfig { url, timeout, secret }) => {
                let handler = HttpHandler::new(url.0.clone(), *timeout, secret.as_ref(), self.http.clone())?;
                Route::new(name, handler)
            }
            HandlerConfig::Sql(sql) => Route::new(name, look_up(sql, &self.databases)?),
            HandlerConfig::Chat(settings) => {
                Route::new(name, ChatHandler::new((**settings).clone(), self.http.clone())?)
            }
        })
    }
}

fn with_keys(route: Route, config: &RouteConfig) -> Route {
    let route = route.when(config.condition.clone()).attempts(config.attempts);
    let route =
        route.unsure(config.unsure).patience(config.patience).typing(config.typing).markdown(config.markdown);
    let route = route.ai_label(config.ai_label.clone()).transfers(config.may_transfer);
    let memory = config.memory.as_ref().unwrap_or(&config.name);
    let route = route.answer_within(config.answer_within).memory(memory, config.memory_for);
    let route = match &config.failure_reply {
        Some(text) => route.failure_reply(text),
        None => route,
    };
    let route = match config.hold_for {
        Some(hold_for) => route.hold_for(hold_for),
        None => route,
    };
    match &config.notice {
        Some((after, text)) => route.notice(*after, text),
        None => route,
    }
}
