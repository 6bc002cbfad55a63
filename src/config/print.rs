//! The effective configuration as TOML: what `huixin check --print` shows.
//!
//! The text can be loaded again, but for its secrets. A comment says where a value came from when it wasn't the file.

mod page;

use huixin_worker::{AiLabel, Condition};
use ipnet::IpNet;
use regex::Regex;
use toml::Value;
use url::Url;

use self::page::Page;
use super::mask::masked;
use super::value::print_duration;
use super::{
    AccountConfig, AdminConfig, CallbackConfig, Config, DatabaseConfig, DeliveryConfig, Durability,
    MediaConfig, QueueConfig, ReceiverConfig, RouteConfig, WorkerConfig,
};

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
        origins,
        file: _,
    } = config;
    let mut page = Page::new(origins);
    page.queue(queue);
    page.receiver(receiver);
    page.worker(worker);
    page.delivery(delivery);
    page.media(media);
    page.callback(callback);
    page.admin(admin);
    for (name, account) in accounts {
        page.account(name, account);
    }
    for (name, database) in databases {
        page.database(name, database);
    }
    for route in routes {
        page.route(route);
    }
    page.into_text()
}

fn texts(networks: &[IpNet]) -> Vec<String> {
    networks.iter().map(ToString::to_string).collect()
}

impl Page<'_> {
    fn queue(&mut self, queue: &QueueConfig) {
        self.section("queue");
        self.key("url", queue.url.to_string());
        self.key("prefix", queue.prefix.as_str());
        self.key(
            "durability",
            match queue.durability {
                Durability::Local => "local",
            },
        );
        self.key(
            "accept_risk",
            queue.accept_risk.iter().map(|risk| risk.name().to_owned()).collect::<Vec<_>>(),
        );
        self.key("dedup_window", print_duration(queue.dedup_window));
        self.section("queue.dead");
        self.key("max_age", print_duration(queue.dead.max_age));
        self.key("max", i64::try_from(queue.dead.max).unwrap_or(i64::MAX));
        if let Some(archive) = &queue.dead.archive {
            self.key("archive", archive.display().to_string());
        }
    }

    fn receiver(&mut self, receiver: &ReceiverConfig) {
        self.section("receiver");
        self.key("listen", receiver.listen.to_string());
        self.key("max_body", receiver.max_body.to_string());
        self.key("ack_budget", print_duration(receiver.ack_budget));
        match receiver.max_skew.plain {
            Some(max_skew) => self.key("max_skew", print_duration(max_skew)),
            None => self.key("max_skew", false),
        }
        self.key("allow_from", texts(&receiver.allow_from));
        self.key("trusted_proxies", texts(&receiver.trusted_proxies));
        match &receiver.spool {
            None => self.key("spool", false),
            Some(spool) => {
                self.section("receiver.spool");
                self.key("dir", spool.dir.display().to_string());
                self.key("max_size", spool.max_size.to_string());
                self.key("max_age", print_duration(spool.max_age));
                self.key("reserve", spool.reserve.to_string());
            }
        }
    }

    fn worker(&mut self, worker: &WorkerConfig) {
        self.section("worker");
        self.key("concurrency", i64::try_from(worker.concurrency).unwrap_or(i64::MAX));
        self.key("lease", print_duration(worker.lease));
        self.key("grace", print_duration(worker.grace));
    }

    fn delivery(&mut self, delivery: &DeliveryConfig) {
        self.section("delivery");
        self.url("proxy", delivery.proxy.as_ref().map(|proxy| &proxy.0));
        let rights = &delivery.rights;
        for (name, right) in [
            ("message", rights.message),
            ("click", rights.click),
            ("scan", rights.scan),
            ("subscribe", rights.subscribe),
        ] {
            self.section(&format!("delivery.{name}"));
            self.key("sends", i64::from(right.sends));
            self.key("window", print_duration(right.window));
        }
    }

    fn media(&mut self, media: &MediaConfig) {
        self.section("media");
        if let Some(folder) = &media.folder {
            self.key("folder", folder.display().to_string());
        }
        self.key("allow_private", texts(&media.allow_private));
        self.key("timeout", print_duration(media.timeout));
        self.key("at_once", i64::try_from(media.at_once).unwrap_or(i64::MAX));
        self.url("proxy", media.proxy.as_ref().map(|proxy| &proxy.0));
    }

    fn callback(&mut self, callback: &CallbackConfig) {
        self.section("callback");
        match callback.listen {
            Some(address) => self.key("listen", address.to_string()),
            None => self.key("listen", false),
        }
        self.url("base_url", callback.base_url.as_ref());
    }

    fn admin(&mut self, admin: &AdminConfig) {
        self.section("admin");
        self.key("listen", admin.listen.to_string());
        self.secret("token", admin.token.is_some());
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
            let given = |key: &str| self.origin(&format!("database.{name}.{key}"));
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
