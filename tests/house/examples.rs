//! The complete set-ups in examples/ and docker/ load, and say the same.

use huixin::config::{Config, ConfigSource, HandlerConfig, HttpConfig, Role};
use huixin_sandbox::SandboxAccount;

use crate::repository::{read, root};

const EXAMPLE: &str = "examples/workstation-lookup/huixin.toml";
const CHAT: &str = "examples/llm-chat/huixin.toml";

#[test]
fn every_example_has_a_command_a_transcript_and_a_test() {
    let tests = read("tests/e2e/examples/mod.rs");
    let list = read("docs/handlers.md");
    let mut seen = 0;
    for folder in std::fs::read_dir(root().join("examples")).unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        let readme = read(&format!("examples/{name}/README.md"));
        assert!(readme.contains(&format!("```sh\nexamples/{name}/run")), "{name} is started by one command");
        assert!(readme.contains("\n```transcript\n"), "{name} shows what is said");
        assert!(tests.contains(&format!("\"{name}\"")), "{name} is run by tests/e2e/examples/mod.rs");
        assert!(
            list.contains(&format!("(../examples/{name}/README.md)")),
            "docs/handlers.md leads to {name}"
        );
        seen += 1;
    }
    assert!(seen >= 3, "there are only {seen} examples");
}

#[test]
fn the_workstation_lookup_is_ready_for_the_sandbox() {
    let config = load(EXAMPLE, Role::Run);
    load(EXAMPLE, Role::Sandbox);
    let (account, pretend) = (&config.accounts["main"], SandboxAccount::named("main"));
    assert_eq!(account.app_id, pretend.app_id);
    assert_eq!(account.app_secret.as_ref().unwrap().expose(), pretend.app_secret);
    assert_eq!(account.token.expose(), pretend.token);
    assert_eq!(account.api_base.as_str(), "http://127.0.0.1:8088/");
    let lookup = &config.routes[0];
    let HandlerConfig::Http(HttpConfig { url, .. }) = &lookup.handler else { panic!("{lookup:?}") };
    assert_eq!(url.0.as_str(), "http://127.0.0.1:9000/lookup");
    let found = lookup.condition.text.as_ref().unwrap().captures("?18-546").unwrap();
    assert_eq!(&found["code"], "18-546");
}

#[test]
fn the_lookups_without_a_service_differ_in_their_database_only() {
    let shown = |path| {
        let config = load(path, Role::Run);
        let routes: Vec<_> = config.routes.iter().map(|route| format!("{route:?}")).collect();
        let urls: Vec<_> = config.databases.values().map(|database| format!("{:?}", database.url)).collect();
        (routes, urls)
    };
    let (routes, sqlite) = shown("examples/workstation-lookup/huixin-sqlite.toml");
    let (same, mariadb) = shown("examples/workstation-lookup/huixin-mariadb.toml");
    assert_eq!(routes, same);
    assert_eq!((sqlite.len(), mariadb.len()), (1, 1));
    assert_ne!(sqlite, mariadb);
}

#[test]
fn the_model_of_the_example_is_on_this_machine_and_its_account_the_sandboxs() {
    let config = load(CHAT, Role::Run);
    load(CHAT, Role::Dev);
    let (account, pretend) = (&config.accounts["main"], SandboxAccount::named("main"));
    assert_eq!(account.app_secret.as_ref().unwrap().expose(), pretend.app_secret);
    assert_eq!(account.token.expose(), pretend.token);
    let [welcome, chat] = &config.routes[..] else { panic!("{:?}", config.routes) };
    assert_eq!(welcome.condition.event.as_deref(), Some("subscribe"));
    let HandlerConfig::Chat(settings) = &chat.handler else { panic!("{chat:?}") };
    assert_eq!(settings.base_url.as_str(), "http://127.0.0.1:11434/v1");
    assert!(settings.key.is_none() && chat.markdown);
}

#[test]
fn the_handlers_of_one_line_in_the_readme_load() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("deepseek-key"), "sk-example").unwrap();
    let around = "[account.main]\napp_id = 'wx1'\napp_secret = 's'\ntoken = 't'\n[database.shop]\nurl = 'sqlite:a.db'\n[[route]]\n";
    for key in ["chat", "sql"] {
        let readme = read("README.md");
        let line = readme.lines().find(|line| line.starts_with(&format!("{key} = {{"))).unwrap();
        let source = ConfigSource::from_text(folder.path().join("huixin.toml"), format!("{around}{line}\n"));
        load_from(&source, Role::Worker);
    }
}

#[test]
fn in_containers_the_same_routes_are_tried() {
    let routes = |path| {
        let config = load(path, Role::Worker);
        let routes = config.routes.iter().map(|route| {
            let handler = format!("{:?}", route.handler).replace("127.0.0.1", "lookup");
            (route.name.clone(), format!("{:?}", route.condition), handler, route.failure_reply.clone())
        });
        routes.collect::<Vec<_>>()
    };
    assert_eq!(routes(EXAMPLE), routes("docker/huixin.toml"));
}

fn load(path: &str, role: Role) -> Config {
    load_from(&ConfigSource::from_text(root().join(path), read(path)), role)
}

fn load_from(source: &ConfigSource, role: Role) -> Config {
    Config::load(source, role).unwrap_or_else(|errors| panic!("as {role:?}:\n{errors}"))
}
