//! The file itself, and what comes next.

use std::path::Path;

use huixin_sandbox::SandboxAccount;
use rand::RngExt as _;
use rand::distr::Alphanumeric;
use toml::Value;

use super::questions::InitAnswers;
use crate::cli::{HandlerKind, PushMode};

/// The variable that has the AppSecret.
pub(super) const APP_SECRET: &str = "HUIXIN_ACCOUNT__MAIN__APP_SECRET";
/// The longest that WeChat takes.
const TOKEN_CHARS: usize = 32;
const AES_KEY_CHARS: usize = 43;

/// The configuration, with the reasons in it.
pub(super) fn of(answers: &InitAnswers) -> String {
    let InitAnswers { app_id, mode, handler, address, model, store } = answers;
    let account = app_id.as_ref().map_or_else(pretend_account, |app_id| real_account(app_id, *mode));
    let route = match handler {
        HandlerKind::Reply => reply(address),
        HandlerKind::Http => http(address),
        HandlerKind::Chat => chat(address, model),
        HandlerKind::Sql => sql(address),
    };
    format!(
        "# Written by `huixin init`. huixin.example.toml has every key, and `huixin check` says what is wrong with this file.\n\
         \n\
         # Where messages wait. A file serves one process (`huixin run`); with a Redis there can be many receivers and workers.\n\
         # A URL with a password is better kept in HUIXIN_QUEUE__URL than here.\n\
         [queue]\n\
         url = {store}\n\
         \n\
         {account}\
         \n\
         # Routes, in order: the first whose conditions hold answers. `huixin route test --text hello` says which that is.\n\
         [[route]]\n\
         name = \"welcome\"\n\
         match = {{ event = \"subscribe\" }}\n\
         reply = \"欢迎关注！\"\n\
         \n\
         {route}",
        store = quoted(store),
    )
}

fn pretend_account() -> String {
    let SandboxAccount { app_id, app_secret, token, .. } = SandboxAccount::named("main");
    format!(
        "# The account of the pretend WeChat (`huixin dev`, `huixin sandbox`): nothing here is a secret. For a real one, or WeChat's\n\
         # free test account (测试号), put its AppID and a token of your own here, delete the other two lines, and give the AppSecret by\n\
         # {APP_SECRET}.\n\
         [account.main]\n\
         app_id = {}\n\
         app_secret = {}\n\
         token = {}\n\
         # Without this line, answers go to the real WeChat.\n\
         api_base = \"http://127.0.0.1:8088\"\n",
        quoted(&app_id),
        quoted(&app_secret),
        quoted(&token),
    )
}

fn real_account(app_id: &str, mode: PushMode) -> String {
    let aes_key = match mode {
        PushMode::Safe => format!("aes_key = {}\n", quoted(&random(AES_KEY_CHARS))),
        PushMode::Plain => {
            "# Anyone who has seen a plain push can forge others. For safe mode give the console's \
                EncodingAESKey.\n# aes_key = \"…\"\n"
                .to_owned()
        }
    };
    format!(
        "# The account. WeChat pushes to /wechat/main at the address of this machine's proxy.\n\
         [account.main]\n\
         app_id = {}\n\
         # The AppSecret is not in this file: it comes from the variable {APP_SECRET}, or from a file:\n\
         # app_secret_file = \"app-secret\"\n\
         # Made by `huixin init`; enter the same in WeChat's console, under 基础信息 › 域名与消息推送配置. They are secrets: to keep them\n\
         # out of this file too, move them to HUIXIN_ACCOUNT__MAIN__TOKEN and HUIXIN_ACCOUNT__MAIN__AES_KEY.\n\
         token = {}\n\
         {aes_key}",
        quoted(app_id),
        quoted(&random(TOKEN_CHARS)),
    )
}

/// Without conditions: every message, but no other event.
const HEAD: &str =
    "# Without conditions: every other message, but no other event.\n[[route]]\nname = \"answer\"\n";

fn reply(text: &str) -> String {
    format!("{HEAD}# A template: {{{{ content }}}} is what the user wrote.\nreply = {}\n", quoted(text))
}

fn http(url: &str) -> String {
    let url = quoted(url);
    format!(
        "{HEAD}\
         # Your service: JSON in, text or JSON out, in up to two minutes. `huixin handler test URL` tries it.\n\
         http = {{ url = {url}, timeout = \"2m\" }}\n\
         # With a secret in a file (echo whsec_$(openssl rand -base64 32) > webhook-secret), the calls are signed:\n\
         # http = {{ url = {url}, timeout = \"2m\", secret_file = \"webhook-secret\" }}\n\
         failure_reply = \"服务暂时不可用，请稍后再试\"\n"
    )
}

fn chat(base_url: &str, model: &str) -> String {
    format!(
        "{HEAD}\
         failure_reply = \"抱歉，我现在答不上来，请稍后再试。\"\n\
         \n\
         [route.chat]\n\
         base_url = {}\n\
         model = {}\n\
         # The key is read from a file of its own, if the endpoint wants one:\n\
         # key_file = \"model-key\"\n\
         system = \"你是公众号的助手，用用户的语言回答，不超过两百字。\"\n",
        quoted(base_url),
        quoted(model),
    )
}

fn sql(database: &str) -> String {
    format!(
        "# A URL with a password is better kept in HUIXIN_DATABASE__MAIN__URL than here.\n\
         [database.main]\n\
         url = {}\n\
         \n\
         {HEAD}\
         # Put your own query here. `:content` is what the user wrote: it is bound to the statement, and never part of it.\n\
         sql = {{ database = \"main\", query = \"SELECT :content AS asked\", one = \"您问的是：{{{{ asked }}}}\", none = \"没有找到\" }}\n",
        quoted(database),
    )
}

/// What the owner of the file does now.
pub(super) fn next_steps(answers: &InitAnswers, path: &Path) -> String {
    let file = path.display();
    let dev = format!("  huixin dev --config {file}      try it in a chat page, without WeChat\n");
    let begin = format!("Written: {file}, which only you can read. Next:\n{dev}");
    if answers.app_id.is_none() {
        return begin;
    }
    let (mode, test_account) = match answers.mode {
        PushMode::Safe => (
            "aes_key of the file as EncodingAESKey, mode 安全模式",
            "  WeChat's test account (测试号) has no safe mode: write the file again with `--mode plain --force`.\n",
        ),
        PushMode::Plain => ("mode 明文模式", ""),
    };
    format!(
        "{begin}  \
         export {APP_SECRET}=…      from WeChat's console (微信开发者平台), under 开发密钥\n  \
         huixin check --config {file}    see what is missing\n  \
         huixin run --config {file}      receiver and worker\n  \
         In the console, under 基础信息 › 域名与消息推送配置: URL https://YOUR.DOMAIN/wechat/main, the token of the file, {mode}.\n\
         {test_account}"
    )
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Letters and digits, which is what WeChat takes.
fn random(chars: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(chars).map(char::from).collect()
}
