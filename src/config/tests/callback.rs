//! `[callback]`: who listens, and who needs the AppSecrets for it.

use insta::assert_snapshot;

use super::*;

const NO_SECRET: &str = "[account.main]\napp_id = 'wx1'\ntoken = 't0ken'\n";
const BASE: &str = "[callback]\nbase_url = 'https://bot.example.com/huixin'\n";

#[test]
fn answers_are_taken_in_where_there_is_a_public_address_and_a_place_to_listen() {
    let callback = |text: &str| load(&source(&format!("{text}{MINIMAL}"))).callback;
    assert!(!callback("").is_served());
    assert!(!callback("[callback]\nlisten = '127.0.0.1:9701'\n").is_served());
    assert!(callback(BASE).is_served());
    assert_eq!(callback(BASE).listen, Some("127.0.0.1:9700".parse().unwrap()));
    let off = callback(&format!("{BASE}listen = false\n"));
    assert!(off.listen.is_none() && off.base_url.is_some() && !off.is_served());
    let variables = [("HUIXIN_CALLBACK__LISTEN", "false")];
    assert!(!load(&with_variables(&format!("{BASE}{MINIMAL}"), &variables)).callback.is_served());
}

#[test]
fn a_receiver_reads_app_secrets_only_to_take_answers_in() {
    let secret =
        |text: String| load_as(&source(&text), Role::Receiver).unwrap().accounts["main"].app_secret.clone();
    assert!(secret(MINIMAL.to_owned()).is_none());
    assert!(secret(format!("{BASE}listen = false\n{NO_SECRET}")).is_none());
    assert!(secret(format!("{BASE}{MINIMAL}")).is_some());
    assert_snapshot!(problems(&source(&format!("{BASE}{NO_SECRET}")), Role::Receiver), @"
    huixin.toml:3: `account.main.app_secret` is missing
        set it here or in HUIXIN_ACCOUNT__MAIN__APP_SECRET, or name a file that holds it as `app_secret_file`; a receiver needs it for [callback], unless `callback.listen` is false
    ");
}

#[test]
fn what_services_could_not_reach_is_a_mistake() {
    let mistakes = |value: &str| problems(&source(&format!("[callback]\n{value}\n{MINIMAL}")), Role::Run);
    assert_snapshot!(mistakes("base_url = 'bot.example.com'"), @r#"
    huixin.toml:2: `callback.base_url` has no scheme
        add http:// or https:// in front; write it like "https://bot.example.com"
    "#);
    assert_snapshot!(mistakes("base_url = 'https://bot.example.com/?a=b'"), @r#"
    huixin.toml:2: `callback.base_url` can't be used: the public address must be an http:// or https:// URL without query and fragment
        write it like "https://bot.example.com"
    "#);
    assert_snapshot!(mistakes("listen = true"), @"
    huixin.toml:2: `callback.listen` is true
        write an address, or leave the key out for 127.0.0.1:9700
    ");
}
