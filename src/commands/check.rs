//! `huixin check`: what is wrong before anything is started, a line for each fact.

mod facts;
mod storage;

use std::collections::BTreeSet;
use std::time::Duration;

use huixin_wechat::{ApiError, rule};
use huixin_worker::call_back::CALL_BACK_PATH;
use huixin_worker::{AnswerBy, CLOCKS_APART_S};

use self::facts::{Facts, many, unresolved};
use crate::admin::clocks_apart;
use crate::cli::{CheckFlags, Cli};
use crate::config::{AccountConfig, AnswerRules, Config, HandlerConfig, Role};
use crate::one_line::{is_unresolved, one_line};
use crate::report::Failure;
use crate::traces::Traces;
use crate::wiring;

const DATABASE_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn check(cli: &Cli, flags: &CheckFlags) -> Result<(), Failure> {
    let config = wiring::config(cli, Role::Check)?;
    if flags.print {
        print!("{}", config.print_effective());
        return Ok(());
    }
    let mut facts = Facts::default();
    facts.good(format!(
        "configuration: {}, {}",
        many(config.accounts.len(), "account"),
        many(config.routes.len(), "route")
    ));
    if config.routes.is_empty() {
        facts.doubtful(
            "no route is configured: every message ends without a reply".to_owned(),
            Some("add a `[[route]]`; `huixin init` writes two"),
        );
    }
    for doubt in &config.doubts {
        facts.doubtful(doubt.to_string(), doubt.hint.as_deref());
    }
    // Making the handlers is a check of its own.
    storage::check(&config, &mut facts).await;
    databases(&config, &mut facts).await?;
    if let Some(base) = wiring::call_backs(&config)?.map(|call_backs| call_backs.base().clone()) {
        let listen = config.callback.listen.map_or("not by this process".to_owned(), |at| format!("at {at}"));
        facts.good(format!("answers by call back: to {base}{CALL_BACK_PATH}…, received {listen}"));
    }
    traces(&config, &mut facts).await;
    listeners(&config, &mut facts);
    modes(&config, &facts);
    accounts(&config, &mut facts).await?;
    facts.conclude()
}

/// Connects to every database, and lets it prepare what the routes ask of it.
async fn databases(config: &Config, facts: &mut Facts) -> Result<(), Failure> {
    let databases = wiring::databases(config)?;
    let mut reached = BTreeSet::new();
    for (name, database) in &databases {
        let url = config.databases[name].url.as_ref().map(ToString::to_string).unwrap_or_default();
        match tokio::time::timeout(DATABASE_TIMEOUT, database.check()).await {
            Ok(Ok(())) => {
                reached.insert(name);
                facts.good(format!("database `{name}`: `{url}` answers"));
            }
            Ok(Err(trouble)) if is_unresolved(&trouble.reason) => facts.bad(
                format!("database `{name}`: `{url}`: {}", unresolved(None)),
                Some("check the spelling of its url, and that this machine has DNS"),
            ),
            Ok(Err(trouble)) => facts.bad(format!("database `{name}`: `{url}`: {trouble}"), trouble.hint),
            Err(_) => facts.bad(
                format!("database `{name}`: `{url}` does not answer within {DATABASE_TIMEOUT:?}"),
                Some("see whether this machine can reach it"),
            ),
        }
    }
    for route in &config.routes {
        let (HandlerConfig::Sql(sql), name) = (&route.handler, &route.name) else { continue };
        if !reached.contains(&sql.database) {
            continue;
        }
        match wiring::look_up(sql, &databases)?.check().await {
            Ok(()) => facts.good(format!("route `{name}`: database `{}` accepts its query", sql.database)),
            Err(trouble) => facts.bad(format!("route `{name}`: {trouble}"), trouble.hint),
        }
    }
    Ok(())
}

/// Where traces go, and whether they are taken there. Messages are handled all the same.
async fn traces(config: &Config, facts: &mut Facts) {
    let Some(endpoint) = &config.traces.endpoint else { return };
    let share = match config.traces.sample {
        1.0 => "of every message".to_owned(),
        share => format!("of {} % of the messages", share * 100.0),
    };
    match Traces::probe(&config.traces).await {
        Ok(()) => facts.good(format!("traces: `{endpoint:?}` takes them, {share}")),
        Err(problem) => facts.doubtful(
            format!("traces: `{endpoint:?}` doesn't take them: {problem}"),
            Some("see whether the collector runs, and correct [traces], or leave out its `endpoint`"),
        ),
    }
}

/// Whether this machine's processes could listen where they should. A port that is taken may be theirs.
fn listeners(config: &Config, facts: &mut Facts) {
    let answers = config.callback.listen.filter(|_| config.callback.is_served());
    let all = [
        (wiring::PUSHES, Some(config.receiver.listen)),
        (wiring::OPERATORS, Some(config.admin.listen)),
        (wiring::ANSWERS, answers),
    ];
    for (purpose, address) in all.into_iter().filter_map(|(purpose, address)| Some((purpose, address?))) {
        match purpose.probe(address) {
            Ok(()) => {}
            Err((problem, hint, true)) => {
                facts.doubtful(problem, Some(&format!("if it isn't Huixin's own, {hint}")));
            }
            Err((problem, hint, false)) => facts.bad(problem, Some(&hint)),
        }
    }
}

/// The risk of accounts whose pushes come unencrypted.
fn modes(config: &Config, facts: &Facts) {
    let bound = config
        .receiver
        .max_skew
        .plain
        .map_or_else(|| "forever".to_owned(), |skew| format!("within {}", humantime::format_duration(skew)));
    for (name, _) in config.accounts.iter().filter(|(_, a)| a.aes_key.is_none() || a.accept_plain) {
        facts.doubtful(
            format!(
                "account `{name}`: it accepts plain pushes, whose signature doesn't cover the body: anyone who sees \
                    one request can send messages in any user's name with its signature, {bound}"
            ),
            Some("choose safe mode in WeChat's console (微信开发者平台) under 基础信息 › 域名与消息推送配置 and set `aes_key`, or name WeChat's addresses in `allow_from`"),
        );
    }
}

async fn accounts(config: &Config, facts: &mut Facts) -> Result<(), Failure> {
    let http = wiring::wechat_http(config)?;
    for (name, account) in &config.accounts {
        facts.good(format!("account `{name}`: {}", way(account)));
        let host = account.api_base.host_str().unwrap_or_default();
        let Some(client) = wiring::client(config, name, &http) else { continue };
        let token = client.token().await;
        if let Some(ahead_s) =
            client.clock_ahead_s().filter(|ahead_s| ahead_s.unsigned_abs() > CLOCKS_APART_S)
        {
            facts.doubtful(clocks_apart(name, ahead_s), Some("set the clock, and keep it right with NTP"));
        }
        let through =
            config.delivery.proxy.as_ref().map_or(account.api_base.host_str(), |proxy| proxy.0.host_str());
        let why = |error: &ApiError| Some(one_line(error)).filter(|problem| !is_unresolved(problem));
        let why = |error: &ApiError| why(error).unwrap_or_else(|| unresolved(through));
        match token {
            Ok(_) => facts.good(format!("account `{name}`: {host} issues an access token")),
            Err(error) if error.code().is_none() && account.is_pretend(name) => facts.doubtful(
                format!(
                    "account `{name}`: it is the pretend WeChat's, which doesn't answer: {}",
                    why(&error)
                ),
                Some("`huixin dev` brings its own; with `huixin run`, start `huixin sandbox` too"),
            ),
            Err(error) => {
                facts.bad(format!("account `{name}`: {}", why(&error)), remedy(&error));
            }
        }
    }
    Ok(())
}

/// What its `answer_by` means.
fn way(account: &AccountConfig) -> String {
    let AnswerRules { push_wait, unanswered, fetch_words, .. } = &account.answers;
    match account.answer_by {
        AnswerBy::Api => {
            "answers go out by WeChat's API, which needs the customer-service right (客服消息)".to_owned()
        }
        AnswerBy::Either => format!(
            "answers that are ready within {} go out in the response to the push, later ones by WeChat's API, which \
             needs the customer-service right (客服消息)",
            humantime::format_duration(*push_wait)
        ),
        AnswerBy::Push => {
            let left = unanswered.map_or("none".to_owned(), |rate| format!("at most {rate}"));
            format!(
                "answers go out in the responses to pushes, never by WeChat's API; a late one waits until the user \
                 sends {}; pushes left unanswered, so that WeChat tries them again: {left}",
                fetch_words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ")
            )
        }
    }
}

/// What to do when the token endpoint answers with this error, or not at all.
fn remedy(error: &ApiError) -> Option<&'static str> {
    match error.code() {
        // Here it means a wrong secret.
        Some(40001) => Some("correct app_secret: it is in WeChat's console (微信开发者平台) under 开发密钥"),
        Some(code) => rule(code).map(|rule| rule.remedy).filter(|remedy| !remedy.is_empty()),
        None if is_unresolved(&one_line(error)) => Some(
            "check the spelling of `api_base` and of the proxy, if there is one, and that this machine has DNS",
        ),
        None => Some("see whether this machine can reach the API, and whether api_base is right"),
    }
}
