//! `huixin check`: what is wrong before anything is started, a line for each fact.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use huixin_queue::prelude::*;
use huixin_queue::redis::{Finding, Gravity, Inspector};
use huixin_queue::spool::free_bytes;
use huixin_queue::{Counts, JournalSize, QueueError};
use huixin_wechat::{ApiError, rule};
use huixin_worker::call_back::CALL_BACK_PATH;
use huixin_worker::{AnswerBy, CLOCKS_APART_S};

use crate::admin::clocks_apart;
use crate::cli::{CheckFlags, Cli};
use crate::config::{AccountConfig, AnswerRules, Config, HandlerConfig, MaskedUrl, QueueUrl, Role};
use crate::one_line::{is_unresolved, one_line};
use crate::report::Failure;
use crate::safety;
use crate::traces::Traces;
use crate::wiring;

const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);
const DATABASE_TIMEOUT: Duration = Duration::from_secs(5);
/// What Redis needs to know an id: key, value and expiry, as measured.
const SEEN_BYTES: u64 = 152;

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
    let known_ids = queue(&config, &mut facts).await;
    if let QueueUrl::Redis(_) = config.queue.url {
        duplicates(&config, known_ids, &mut facts);
        spool(&config, &mut facts);
    }
    if let Some(archive) = &config.queue.dead.archive {
        match writable(archive) {
            Ok(_) => {
                facts
                    .good(format!("dead letters: those beyond the limits are written to `{}`", archive.display()));
            }
            Err(error) => facts.bad(
                format!("dead letters: `{}` can't be written: {}", archive.display(), one_line(&error)),
                Some("correct `queue.dead.archive`, or leave it out: then letters beyond the limits are removed for good"),
            ),
        }
    }
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

/// How the queue is; for one on Redis, also how many ids it remembers.
async fn queue(config: &Config, facts: &mut Facts) -> Option<u64> {
    match &config.queue.url {
        QueueUrl::Redis(MaskedUrl(url)) => return redis(config, url, facts).await,
        // A check makes nothing.
        QueueUrl::Sqlite(path) if !path.exists() => {
            match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                Some(folder) if !folder.is_dir() => {
                    facts.bad(
                        format!("queue: the folder `{}` does not exist", folder.display()),
                        Some("create it, or correct `queue.url`"),
                    );
                }
                _ => facts.good(format!("queue: `sqlite:{}`, created by the first start", path.display())),
            }
        }
        QueueUrl::Sqlite(path) => match wiring::sqlite(path, config.queue.dedup_window) {
            Ok(queue) => {
                counted(config, queue.place(), queue.counts().await, facts);
                journal(config, queue.trim_journal(u64::MAX, Duration::MAX).await, facts);
            }
            Err(QueueError::InUse { owner, .. }) => {
                facts.good(format!("queue: `sqlite:{}`, in use: {owner}", path.display()));
            }
            Err(error) => facts.bad(format!("queue: {}", one_line(&error)), error.hint()),
        },
    }
    None
}

/// How far back `huixin trace` reaches. Asked without limits, so that nothing is taken away.
fn journal(config: &Config, size: Result<JournalSize, QueueError>, facts: &mut Facts) {
    let Some(limits) = &config.queue.journal else {
        return facts.good("journal: none is kept, so `huixin trace` knows nothing".to_owned());
    };
    // What is wrong with the queue is said already.
    let Ok(JournalSize { records, bytes, oldest_ms }) = size else { return };
    let most = limits.max_size;
    let Some(oldest) = oldest_ms.map(|ms| UNIX_EPOCH + Duration::from_millis(ms)).filter(|_| bytes > 0)
    else {
        return facts.good(format!(
            "journal: empty; it keeps {most}, and {} at most",
            humantime::format_duration(limits.keep)
        ));
    };
    let since = oldest.elapsed().unwrap_or_default();
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    let reach = since.as_secs_f64().max(1.0) * most.bytes() as f64 / bytes as f64;
    let reach = limits.keep.min(Duration::try_from_secs_f64(reach).unwrap_or(limits.keep));
    let reach = humantime::format_duration(Duration::from_secs(reach.as_secs() / 60 * 60));
    facts.good(format!("journal: {records} messages; at the rate so far {most} reach {reach} back"));
}

fn counted(config: &Config, place: &str, counts: Result<Counts, QueueError>, facts: &mut Facts) {
    match counts {
        Ok(counts) => {
            let (open, dead) = (counts.open_total(), counts.dead);
            facts.good(format!("queue: `{place}`, {open} open (not finished yet), {dead} dead"));
            if let Some(too_many) = safety::dead_too_many(dead, &config.queue.dead) {
                facts.doubtful(format!("dead letters: {too_many}"), None);
            }
        }
        Err(error) => facts.bad(format!("queue: {}", one_line(&error)), error.hint()),
    }
}

async fn redis(config: &Config, url: &url::Url, facts: &mut Facts) -> Option<u64> {
    let queue = match wiring::redis_queue(&config.queue, url) {
        Ok(queue) => queue,
        Err(error) => {
            facts.bad(format!("queue: {}", one_line(&error)), error.hint());
            return None;
        }
    };
    let mut known_ids = None;
    let asked = async {
        let inspector = Inspector::open(url.as_str())?;
        // The server first: what is wrong with it may be why the queue can't be asked.
        let findings = inspector.inspect().await?;
        let counts = async {
            queue.probe().await?;
            known_ids = Some(queue.known_ids().await?);
            queue.counts().await
        };
        let counts = counts.await;
        let size = queue.trim_journal(u64::MAX, Duration::MAX).await;
        Ok::<_, QueueError>((inspector, findings, counts, size))
    };
    match tokio::time::timeout(QUEUE_TIMEOUT, asked).await {
        Ok(Ok((inspector, findings, counts, size))) => {
            counted(config, queue.place(), counts, facts);
            journal(config, size, facts);
            inspected(config, &inspector, findings, facts);
        }
        Ok(Err(error)) if is_unresolved(&one_line(&error)) => {
            let problem = format!("queue: {}", unresolved(url.host_str()));
            facts.bad(problem, Some("check the spelling of `queue.url`, and that this machine has DNS"));
        }
        Ok(Err(error)) => {
            let hint = error.hint().unwrap_or("start Redis, or correct `queue.url`").to_owned();
            facts.bad(format!("queue: {}", one_line(&error)), Some(&hint));
        }
        Err(_) => {
            facts.bad(format!("queue: `{}` does not answer within {QUEUE_TIMEOUT:?}", queue.place()), None);
        }
    }
    known_ids
}

/// What is wrong with a Redis, by how bad it is.
fn inspected(config: &Config, inspector: &Inspector, findings: Vec<Finding>, facts: &mut Facts) {
    for Finding { risk, problem } in findings {
        let (text, hint) = (format!("queue: {problem}"), risk.remedy(inspector.cli()));
        match risk.gravity() {
            Gravity::Alarm | Gravity::Warning => facts.doubtful(text, Some(&hint)),
            _ if config.queue.accept_risk.contains(&risk) => {
                facts.doubtful(format!("{text} (accepted)"), None);
            }
            _ => facts.bad(text, Some(&hint)),
        }
    }
}

/// What the memory of duplicates costs Redis: now, which is at the rate of the last hours, and at a high rate.
fn duplicates(config: &Config, known_ids: Option<u64>, facts: &mut Facts) {
    let window = config.queue.dedup_window;
    let now = known_ids.map_or(String::new(), |ids| {
        #[allow(clippy::cast_precision_loss, reason = "it is rounded anyway")]
        let rate = ids as f64 / window.as_secs_f64();
        format!(" {ids} ids now ({rate:.2} messages a second) take about {};", about(ids * SEEN_BYTES))
    });
    facts.good(format!(
        "duplicates: known for {};{now} at 100 messages a second it is {} of Redis's memory",
        humantime::format_duration(window),
        about(window.as_secs() * 100 * SEEN_BYTES)
    ));
}

/// Whether a folder can be written to, and how much is free there. A check makes nothing: for a folder that isn't there yet it
/// looks at the one that will hold it.
fn writable(folder: &Path) -> std::io::Result<u64> {
    // The last ancestor of a relative path is empty and means here.
    let here =
        |folder: &Path| if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() };
    let there = folder.ancestors().map(here).find(|folder| folder.is_dir());
    let there = there.unwrap_or_else(|| folder.to_owned());
    tempfile::tempfile_in(&there).and_then(|_| free_bytes(&there))
}

/// What stands in for Redis while it is away.
fn spool(config: &Config, facts: &mut Facts) {
    let Some(spool) = &config.receiver.spool else {
        return facts.good("spool: none, so pushes are refused while Redis is unavailable".to_owned());
    };
    let dir = spool.dir.display();
    match writable(&spool.dir) {
        Ok(free) if free < spool.reserve.bytes() => facts.bad(
            format!("spool: the disk of `{dir}` has {} free, less than the reserve", about(free)),
            Some("free space on it, or give `receiver.spool` another `dir` or a smaller `reserve`"),
        ),
        Ok(free) => facts.good(format!(
            "spool: `{dir}` can be written, and takes up to {}; the disk has {} free",
            spool.max_size,
            about(free)
        )),
        Err(error) => facts.bad(
            format!("spool: `{dir}` can't be written: {}", one_line(&error)),
            Some("correct `receiver.spool.dir`, or set `spool = false` under [receiver]"),
        ),
    }
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

/// What is said of a name without an address, in place of the words of three libraries.
fn unresolved(host: Option<&str>) -> String {
    let host = host.map(|host| format!("the host `{host}`"));
    format!("{} can't be resolved to an address", host.as_deref().unwrap_or("its host"))
}

/// What was found, printed as it comes.
#[derive(Default)]
struct Facts {
    bad: usize,
}

impl Facts {
    #[allow(clippy::needless_pass_by_value, reason = "every caller makes the text for this")]
    fn good(&mut self, fact: String) {
        println!("ok   {fact}");
    }

    #[allow(clippy::needless_pass_by_value, reason = "every caller makes the text for this")]
    fn doubtful(&self, fact: String, hint: Option<&str>) {
        println!("WARN {fact}");
        if let Some(hint) = hint {
            println!("     hint: {hint}");
        }
    }

    #[allow(clippy::needless_pass_by_value, reason = "every caller makes the text for this")]
    fn bad(&mut self, fact: String, hint: Option<&str>) {
        self.bad += 1;
        println!("BAD  {fact}");
        if let Some(hint) = hint {
            println!("     hint: {hint}");
        }
    }

    fn conclude(self) -> Result<(), Failure> {
        match self.bad {
            0 => Ok(()),
            bad => Err(Failure::failed(
                format!("{} found", many(bad, "problem")),
                "fix what is marked BAD above",
            )),
        }
    }
}

/// Bytes as people say them.
fn about(bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "it is rounded anyway")]
    let mib = bytes as f64 / f64::from(1 << 20);
    if mib < 1024.0 { format!("{mib:.0} MiB") } else { format!("{:.1} GiB", mib / 1024.0) }
}

fn many(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
