//! `[account.<name>]`: the official accounts, with the credentials that WeChat's console shows.

mod answers;

use std::collections::BTreeMap;

use huixin_wechat::{AesKey, Secret};
use huixin_worker::{AnswerBy, SendRate};
use url::Url;

pub use self::answers::AnswerRules;
use self::answers::{KeyEffect, doubt_without_effect, effective};

use super::node::{Node, Value};
use super::problem::{Mistake, nearest};
use super::section::Section;
use super::{named, rate, secrets, value};

/// One official account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountConfig {
    /// The AppID, `wx…`.
    pub app_id: String,
    /// The AppSecret; none for an account that never calls WeChat, and for a receiver, unless it takes in answers by call back.
    pub app_secret: Option<Secret>,
    /// The token that signs pushes.
    pub token: Secret,
    /// The token that was valid before, still accepted while it is being changed.
    pub previous_token: Option<Secret>,
    /// The key that opens encrypted pushes. None: plain mode.
    pub aes_key: Option<AesKey>,
    /// The key that was valid before, still accepted while it is being changed.
    pub previous_aes_key: Option<AesKey>,
    /// With a key: whether plain pushes are taken too, while the account changes its mode.
    pub accept_plain: bool,
    /// Where WeChat's API is, without a path of a call.
    pub api_base: Url,
    /// Where else it is, while `api_base` can't be reached.
    pub api_fallback: Vec<Url>,
    /// How fast all workers together may send; none: as fast as they can.
    pub send_rate: Option<SendRate>,
    /// How answers get to users.
    pub answer_by: AnswerBy,
    /// What holds for answers in the responses to pushes.
    pub answers: AnswerRules,
}

impl AccountConfig {
    /// Whether it is the account of this name that the pretend WeChat makes up, which no real one can be.
    pub fn is_pretend(&self, name: &str) -> bool {
        self.app_secret == pretend(name).app_secret
    }
}

const SECRET_FOR_CALLBACKS: &str = "a receiver needs it for [callback], unless `callback.listen` is false";
const SEND_RATE_EXAMPLE: &str = "600/m";
const API_BASE: &str = "https://api.weixin.qq.com";

/// All accounts, with their AppSecrets or without.
pub(super) fn read_all(root: &mut Section<'_>, app_secrets: bool) -> BTreeMap<String, AccountConfig> {
    let reader = root.reader;
    let absent = !root.has("account");
    let mut section = root.section("account");
    let is_empty = section.is_empty();
    let tables = named::tables(&mut section, "account");
    let in_the_file: Vec<String> = tables.iter().map(|(name, _)| name.clone()).collect();
    let mut accounts = BTreeMap::new();
    for (name, mut below) in tables {
        if let Some(mistake) = mistake_in_name(&name) {
            section.mistake(&name, below.origin.as_ref(), mistake);
            below.take_named();
            continue;
        }
        let account = read(below, &name, &in_the_file, app_secrets);
        accounts.insert(name, account);
    }
    if is_empty && reader.role.needs_account() && (absent || section.origin.is_some()) {
        let mistake = Mistake::new("is missing: no official account is configured");
        section.mistake("", None, mistake.hint("begin one with `[account.main]`"));
    }
    if in_the_file.is_empty() {
        accounts.insert("main".to_owned(), pretend("main"));
    }
    accounts
}

fn read(mut section: Section<'_>, name: &str, names: &[String], app_secrets: bool) -> AccountConfig {
    let role = section.reader.role;
    let variables = section.variables_only();
    let answer_by = answers::read_way(&mut section);
    let by_api = KeyEffect { by: answer_by, has_effect: answer_by != AnswerBy::Push };
    let app_secrets = app_secrets && answer_by != AnswerBy::Push;
    let mut missing = vec!["app_id", "app_secret", "token"];
    missing.retain(|key| match *key {
        "app_id" => !section.has(key),
        _ => !secrets::is_given(&section, key) && (app_secrets || *key != "app_secret"),
    });
    let pretend = pretend(name);
    let config = AccountConfig {
        app_id: section.parsed("app_id", app_id).unwrap_or(pretend.app_id),
        app_secret: if app_secrets {
            secrets::read(&mut section, "app_secret").or(pretend.app_secret)
        } else {
            secrets::ignore(&mut section, "app_secret")
        },
        token: secrets::token(&mut section).unwrap_or(pretend.token),
        previous_token: secrets::read(&mut section, "previous_token"),
        aes_key: aes_key(&mut section, "aes_key"),
        previous_aes_key: aes_key(&mut section, "previous_aes_key"),
        accept_plain: section.parsed_or("accept_plain", false, value::boolean),
        answer_by,
        answers: answers::read(&mut section, answer_by),
        api_base: effective(&mut section, by_api, "api_base", pretend.api_base, api_base),
        api_fallback: effective(&mut section, by_api, "api_fallback", Vec::new(), api_fallback),
        send_rate: send_rate(&mut section, by_api),
    };
    if config.previous_aes_key.is_some() && config.aes_key.is_none() {
        let mistake = Mistake::new("is given without `aes_key`");
        let mistake = mistake.hint("name the key that is valid now as `aes_key`");
        section.mistake("previous_aes_key", None, mistake);
    }
    if role.needs_credentials() {
        note_missing(&section, name, names, &variables, &missing);
    }
    config
}

/// One problem for each missing key. For an account that the file doesn't have, one for the variable that has made it,
/// since its name is probably misspelt.
fn note_missing(section: &Section<'_>, name: &str, names: &[String], variables: &[String], missing: &[&str]) {
    let others = names.iter().map(String::as_str).filter(|other| *other != name);
    match (variables, nearest(name, others, 0.5), missing) {
        (_, _, []) => {}
        ([variable, ..], Some(near), _) => {
            let message = format!("sets a value of the account `{name}`, which isn't in the file");
            let mistake = Mistake::new(message).hint(format!("did you mean the account `{near}`?"));
            section.reader.note(variable.clone(), None, mistake);
        }
        _ => {
            for key in missing {
                let mut mistake = secrets::missing(section, key, *key != "app_id");
                if *key == "app_secret" && !section.reader.role.needs_app_secret() {
                    mistake.hint = mistake.hint.map(|hint| format!("{hint}; {SECRET_FOR_CALLBACKS}"));
                }
                section.mistake(key, None, mistake);
            }
        }
    }
}

/// An account of the pretend WeChat, which also stands in for what a wrong configuration lacks.
fn pretend(name: &str) -> AccountConfig {
    let account = huixin_sandbox::SandboxAccount::named(name);
    AccountConfig {
        app_id: account.app_id,
        app_secret: Some(Secret::from(account.app_secret)),
        token: Secret::from(account.token),
        previous_token: None,
        aes_key: None,
        previous_aes_key: None,
        accept_plain: false,
        api_base: Url::parse(API_BASE).expect("the default base is a URL"),
        api_fallback: Vec::new(),
        send_rate: None,
        answer_by: AnswerBy::default(),
        answers: AnswerRules::default(),
    }
}

/// The EncodingAESKey as WeChat's console shows it.
fn aes_key(section: &mut Section<'_>, key: &'static str) -> Option<AesKey> {
    secrets::read_as(section, key, |text| {
        let mistake = |error| Mistake::new(format!("can't be used: {error}"));
        AesKey::decode(&text)
            .map_err(|error| mistake(error).hint("copy the EncodingAESKey from WeChat's console (微信开发者平台) under 基础信息 › 域名与消息推送配置"))
    })
}

fn api_base(node: &Node) -> Result<Url, Mistake> {
    let url = value::http_url(node, API_BASE)?;
    if url.username().is_empty() && url.password().is_none() && url.query().is_none() {
        return Ok(url);
    }
    Err(Mistake::new("must have no user, password or query").hint(format!("write it like \"{API_BASE}\"")))
}

fn api_fallback(node: &Node) -> Result<Vec<Url>, Mistake> {
    match &node.value {
        Value::Array(items) => items.iter().map(api_base).collect(),
        _ => Ok(vec![api_base(node)?]),
    }
}

fn send_rate(section: &mut Section<'_>, effect: KeyEffect) -> Option<SendRate> {
    doubt_without_effect(section, "send_rate", effect);
    let rate = section.parsed("send_rate", |node| rate::read(node, SEND_RATE_EXAMPLE))?;
    Some(SendRate { sends: rate.count, per: rate.per })
}

fn app_id(node: &Node) -> Result<String, Mistake> {
    let text = value::text(node)?;
    if text.starts_with("gh_") {
        let mistake = Mistake::new(format!("is `{text}`, the account's original id"));
        return Err(mistake
            .hint("the AppID begins with `wx`, and is in WeChat's console (微信开发者平台) under 基础信息"));
    }
    Ok(text)
}

fn mistake_in_name(name: &str) -> Option<Mistake> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if (1..=32).contains(&name.len()) && name.chars().all(good) {
        return None;
    }
    let mistake = Mistake::new("is not a name for an account");
    Some(
        mistake.hint(
            "write 1 to 32 of the characters a-z 0-9 - _; it becomes part of the URL that WeChat calls",
        ),
    )
}
