//! The effective configuration as TOML: what `huixin check --print` shows.
//!
//! The text can be loaded again, but for its secrets. A comment says where a value came from when it wasn't the file.

use std::fmt::Write;

use huixin_worker::{AiLabel, Condition};
use ipnet::IpNet;
use regex::Regex;
use toml::Value;
use url::Url;

use super::node::ValueOrigin;
use super::value::print_duration;
use super::{AccountConfig, Config, DatabaseConfig, Durability, RouteConfig};

pub(super) const MASK: &str = "***";

pub(super) fn effective(config: &Config) -> String {
    let Config {
        queue,
        receiver,
        worker,
        delivery,
        media,
        callback,
        admin,
        accounts,
        databases,
        routes,
        doubts: _,
        origins: _,
        file: _,
    } = config;
    let mut page = ConfigPrinter { config, text: String::new(), section: String::new() };
    page.section("queue");
    page.key("url", queue.url.to_string());
    page.key("prefix", queue.prefix.as_str());
    page.key(
        "durability",
        match queue.durability {
            Durability::Local => "local",
        },
    );
    page.key("accept_risk", queue.accept_risk.iter().map(|risk| risk.name().to_owned()).collect::<Vec<_>>());
    page.key("dedup_window", print_duration(queue.dedup_window));
    page.section("queue.dead");
    page.key("max_age", print_duration(queue.dead.max_age));
    page.key("max", i64::try_from(queue.dead.max).unwrap_or(i64::MAX));
    if let Some(archive) = &queue.dead.archive {
        page.key("archive", archive.display().to_string());
    }
    page.section("receiver");
    page.key("listen", receiver.listen.to_string());
    page.key("max_body", receiver.max_body.to_string());
    page.key("ack_budget", print_duration(receiver.ack_budget));
    match receiver.max_skew.plain {
        Some(max_skew) => page.key("max_skew", print_duration(max_skew)),
        None => page.key("max_skew", false),
    }
    page.key("allow_from", texts(&receiver.allow_from));
    page.key("trusted_proxies", texts(&receiver.trusted_proxies));
    match &receiver.spool {
        None => page.key("spool", false),
        Some(spool) => {
            page.section("receiver.spool");
            page.key("dir", spool.dir.display().to_string());
            page.key("max_size", spool.max_size.to_string());
            page.key("max_age", print_duration(spool.max_age));
            page.key("reserve", spool.reserve.to_string());
        }
    }
    page.section("worker");
    page.key("concurrency", i64::try_from(worker.concurrency).unwrap_or(i64::MAX));
    page.key("lease", print_duration(worker.lease));
    page.key("grace", print_duration(worker.grace));
    page.section("delivery");
    page.url("proxy", delivery.proxy.as_ref().map(|proxy| &proxy.0));
    let rights = &delivery.rights;
    for (name, right) in [
        ("message", rights.message),
        ("click", rights.click),
        ("scan", rights.scan),
        ("subscribe", rights.subscribe),
    ] {
        page.section(&format!("delivery.{name}"));
        page.key("sends", i64::from(right.sends));
        page.key("window", print_duration(right.window));
    }
    page.section("media");
    if let Some(folder) = &media.folder {
        page.key("folder", folder.display().to_string());
    }
    page.key("allow_private", texts(&media.allow_private));
    page.key("timeout", print_duration(media.timeout));
    page.key("at_once", i64::try_from(media.at_once).unwrap_or(i64::MAX));
    page.url("proxy", media.proxy.as_ref().map(|proxy| &proxy.0));
    page.section("callback");
    match callback.listen {
        Some(address) => page.key("listen", address.to_string()),
        None => page.key("listen", false),
    }
    page.url("base_url", callback.base_url.as_ref());
    page.section("admin");
    page.key("listen", admin.listen.to_string());
    page.secret("token", admin.token.is_some());
    for (name, account) in accounts {
        page.account(name, account);
    }
    for (name, database) in databases {
        page.database(name, database);
    }
    for route in routes {
        page.route(route);
    }
    page.text
}

fn texts(networks: &[IpNet]) -> Vec<String> {
    networks.iter().map(ToString::to_string).collect()
}

/// The URL with `***` in the place of its password, or of a user who has none, since that may be one, and of its query, where
/// services take keys.
pub(super) fn masked(url: &Url) -> Url {
    let mut url = url.clone();
    if url.query().is_some() {
        url.set_query(Some(MASK));
    }
    url.set_fragment(None);
    // Only URLs without a host refuse, and those have neither.
    let _ = match (url.password().is_some(), url.username().is_empty()) {
        (true, _) => url.set_password(Some(MASK)),
        (false, false) => url.set_username(MASK),
        (false, true) => Ok(()),
    };
    url
}

struct ConfigPrinter<'a> {
    config: &'a Config,
    text: String,
    section: String,
}

impl ConfigPrinter<'_> {
    fn section(&mut self, path: &str) {
        let gap = if self.text.is_empty() { "" } else { "\n" };
        self.line(format_args!("{gap}[{path}]"));
        path.clone_into(&mut self.section);
    }

    fn key(&mut self, key: &str, value: impl Into<Value>) {
        let path = format!("{}.{key}", self.section);
        let origin = match self.config.origins.get(&path) {
            Some(ValueOrigin::File(_)) => String::new(),
            Some(ValueOrigin::Variable(name)) => format!("  # {name}"),
            Some(ValueOrigin::Flag(name)) => format!("  # {name}"),
            None => "  # default".to_owned(),
        };
        self.line(format_args!("{key} = {}{origin}", value.into()));
    }

    fn url(&mut self, key: &str, url: Option<&Url>) {
        if let Some(url) = url {
            self.key(key, masked(url).as_str().trim_end_matches('/'));
        }
    }

    fn secret(&mut self, key: &str, is_given: bool) {
        if is_given {
            let file = format!("{key}_file");
            let given = |key: &str| self.config.origins.get(&format!("{}.{key}", self.section));
            // Without either the value was made up, as `dev` does.
            let from_file = given(&file) > given(key);
            if from_file {
                self.line(format_args!("{key} = \"{MASK}\"  # {file}"));
            } else {
                self.key(key, MASK);
            }
        }
    }

    fn account(&mut self, name: &str, account: &AccountConfig) {
        self.section(&format!("account.{name}"));
        self.key("app_id", account.app_id.as_str());
        self.secret("app_secret", account.app_secret.is_some());
        self.secret("token", true);
        self.secret("previous_token", account.previous_token.is_some());
        self.secret("aes_key", account.aes_key.is_some());
        self.secret("previous_aes_key", account.previous_aes_key.is_some());
        self.key("accept_plain", account.accept_plain);
        self.url("api_base", Some(&account.api_base));
        let fallback = |url: &Url| masked(url).as_str().trim_end_matches('/').to_owned();
        self.key("api_fallback", account.api_fallback.iter().map(fallback).collect::<Vec<_>>());
        if let Some(rate) = account.send_rate {
            let per = match rate.per.as_secs() {
                1 => "s",
                60 => "m",
                _ => "h",
            };
            self.key("send_rate", format!("{}/{per}", rate.sends));
        }
    }

    fn database(&mut self, name: &str, database: &DatabaseConfig) {
        self.section(&format!("database.{name}"));
        if let Some(url) = &database.url {
            let given = |key: &str| self.config.origins.get(&format!("database.{name}.{key}"));
            if given("url_file") > given("url") {
                self.line(format_args!("url = {}  # url_file", Value::from(url.to_string())));
            } else {
                self.key("url", url.to_string());
            }
        }
        self.key("pool", i64::from(database.pool));
        self.key("writes", database.writes);
    }

    fn route(&mut self, route: &RouteConfig) {
        let RouteConfig { name, condition, handler, attempts, failure_reply, .. } = route;
        self.line(format_args!("\n[[route]]"));
        self.line(format_args!("name = {}", Value::from(name.as_str())));
        self.line(format_args!("match = {}", condition_table(condition)));
        let (key, value) = handler.printed();
        self.line(format_args!("{key} = {value}"));
        self.line(format_args!("attempts = {attempts}"));
        if let Some(text) = failure_reply {
            self.line(format_args!("failure_reply = {}", Value::from(text.as_str())));
        }
        self.line(format_args!("unsure = \"{}\"", route.unsure.as_str()));
        self.line(format_args!("patience = \"{}\"", print_duration(route.patience)));
        if let Some(hold_for) = route.hold_for {
            self.line(format_args!("hold_for = \"{}\"", print_duration(hold_for)));
        }
        self.line(format_args!("typing = {}", route.typing));
        if let Some((after, text)) = &route.notice {
            self.line(format_args!("notice = {}", Value::from(text.as_str())));
            self.line(format_args!("notice_after = \"{}\"", print_duration(*after)));
        }
        self.line(format_args!("markdown = {}", route.markdown));
        let ai_label = match &route.ai_label {
            AiLabel::None => Value::from(false),
            AiLabel::WeChat => Value::from(true),
            AiLabel::Text(text) => Value::from(text.as_str()),
        };
        self.line(format_args!("ai_label = {ai_label}"));
        if let Some(at_once) = route.at_once {
            self.line(format_args!("at_once = {at_once}"));
        }
        self.line(format_args!("answer_within = \"{}\"", print_duration(route.answer_within)));
        if let Some(memory) = &route.memory {
            self.line(format_args!("memory = {}", Value::from(memory.as_str())));
        }
        self.line(format_args!("memory_for = \"{}\"", print_duration(route.memory_for)));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{line}").expect("writing into a string never fails");
    }
}

fn condition_table(condition: &Condition) -> Value {
    let Condition { account, kind, event, event_key, event_key_prefix, event_key_pattern, text, speech } =
        condition;
    let written = |pattern: &Option<Regex>| pattern.as_ref().map(|pattern| pattern.as_str().to_owned());
    let given = [
        ("account", account.clone()),
        ("type", kind.clone()),
        ("event", event.clone()),
        ("event_key", event_key.clone()),
        ("event_key_prefix", event_key_prefix.clone()),
        ("event_key_pattern", written(event_key_pattern)),
        ("text", written(text)),
        ("speech", written(speech)),
    ];
    let entry = |(key, value): (&str, Option<String>)| Some((key.to_owned(), Value::from(value?)));
    Value::Table(given.into_iter().filter_map(entry).collect())
}
