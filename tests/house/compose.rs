//! docker-compose.yml, Dockerfile and docker/huixin.toml fit each other and the program. No Docker is needed for it:
//! command lines and variables are read by the very code that reads them in a container.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Parser as _;
use huixin::cli::{Cli, Command};
use huixin::config::{Config, ConfigSource, HandlerConfig, MaskedUrl, QueueUrl, Role};
use huixin_sandbox::SandboxAccount;
use regex::{Captures, Regex};
use serde::Deserialize;
use serde_json::Value as Json;
use url::Url;

use crate::repository::{read, root};

/// Where the configuration is in a container.
const CONFIG: &str = "/etc/huixin/huixin.toml";

/// Who runs in a container of our image.
const USER: &str = "10001:10001";

#[derive(Deserialize)]
struct Compose {
    services: BTreeMap<String, Service>,
    volumes: BTreeMap<String, Option<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Service {
    build: Option<Json>,
    cap_add: Vec<String>,
    cap_drop: Vec<String>,
    command: Vec<String>,
    container_name: Option<String>,
    depends_on: BTreeMap<String, Dependency>,
    environment: BTreeMap<String, String>,
    healthcheck: Option<HealthCheck>,
    image: String,
    init: bool,
    ports: Vec<String>,
    profiles: Vec<String>,
    read_only: bool,
    restart: String,
    security_opt: Vec<String>,
    stop_grace_period: Option<String>,
    tmpfs: Vec<String>,
    user: Option<String>,
    volumes: Vec<Volume>,
}

#[derive(Deserialize)]
struct Dependency {
    condition: String,
}

#[derive(Deserialize)]
struct HealthCheck {
    test: Vec<String>,
    timeout: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Volume {
    Named(String),
    File { source: String, target: String, read_only: bool },
}

#[test]
fn nothing_stands_in_the_way_of_more_workers() {
    let compose = compose();
    for (name, service) in &compose.services {
        assert_eq!(service.container_name, None, "{name} has a fixed name");
    }
    assert!(compose.services["worker"].ports.is_empty(), "a second worker couldn't have the same port");
}

#[test]
fn redis_keeps_what_was_acked() {
    let compose = compose();
    let redis = &compose.services["redis"];
    let command = redis.command.join(" ");
    for setting in ["--appendonly yes", "--appendfsync everysec", "--maxmemory-policy noeviction"] {
        assert!(command.contains(setting), "{command}");
    }
    let [Volume::Named(volume)] = &redis.volumes[..] else { panic!("redis has not one volume") };
    let (name, target) = volume.split_once(':').unwrap();
    assert_eq!(target, "/data");
    assert!(compose.volumes.contains_key(name), "the volume {name} isn't declared");
    assert!(redis.ports.is_empty(), "redis has no password, so it must not be reached from outside");
}

#[test]
fn what_a_receiver_acks_while_redis_is_away_outlives_its_container() {
    let compose = compose();
    let receiver = &compose.services["receiver"];
    let named = receiver.volumes.iter().find_map(|volume| match volume {
        Volume::Named(volume) => volume.split_once(':'),
        Volume::File { .. } => None,
    });
    let (volume, target) = named.expect("the receiver has a volume");
    assert!(compose.volumes.contains_key(volume), "the volume {volume} isn't declared");
    let spool = load(Role::Receiver, &receiver.environment).receiver.spool.expect("it has a spool");
    assert_eq!(spool.dir.to_str(), Some(target));
    // A volume gets its owner from the folder of the image that it is mounted on.
    let file = read("Dockerfile");
    let (parent, name) = target.rsplit_once('/').unwrap();
    assert!(file.contains(&format!(" /data/{name} ")));
    assert!(file.contains(&format!("\nCOPY --from=builder --chown={USER} /data {parent}\n")));
}

#[test]
fn every_command_line_and_variable_is_known() {
    for (name, service) in roles(&compose_with("set")) {
        let command = command(&service.command).unwrap_or_else(|error| panic!("{name}:\n{error}"));
        let (role, _) = role_of(&command);
        let config = load(role, &service.environment);
        if role != Role::Sandbox {
            let QueueUrl::Redis(MaskedUrl(url)) = &config.queue.url else { panic!("{name} has no redis") };
            assert_eq!((url.host_str(), url.port()), (Some("redis"), Some(6379)), "{name}");
            assert!(config.admin.listen.ip().is_unspecified(), "{name} is well only to itself");
        }
        if role == Role::Receiver {
            assert!(config.receiver.listen.ip().is_unspecified(), "{name} can't be reached");
            assert_eq!(service.ports, [format!("8080:{}", config.receiver.listen.port())]);
            let callback = config.callback;
            let (listen, base) =
                (callback.listen.expect("it listens"), callback.base_url.expect("it has one"));
            assert!(listen.ip().is_unspecified(), "{name} can't be reached by services");
            assert_eq!((base.host_str(), base.port()), (Some(name), Some(listen.port())));
        } else if role == Role::Worker {
            assert!(!config.callback.is_served(), "answers come to the receiver");
        }
    }
}

#[test]
fn an_unknown_variable_would_be_found() {
    let variables = BTreeMap::from([("HUIXIN_QUEUE__ULR".to_owned(), "redis://redis:6379/0".to_owned())]);
    assert!(try_load(Role::Worker, &variables).unwrap_err().contains("HUIXIN_QUEUE__ULR"));
}

#[test]
fn the_configuration_is_where_the_command_lines_look_for_it_and_mounted_files_exist() {
    for (name, service) in &compose().services {
        let mut targets = Vec::new();
        for volume in &service.volumes {
            let Volume::File { source, target, read_only } = volume else { continue };
            assert!(root().join(source).is_file(), "{name} mounts {source}, which isn't there");
            assert!(read_only, "{name} could write {source}");
            targets.push(target.as_str());
        }
        if service.build.is_some() {
            assert_eq!(targets, [CONFIG], "{name}");
        } else if let Some(script) = service.command.iter().find(|argument| argument.starts_with('/')) {
            assert_eq!(targets, [script], "{name}");
        }
    }
}

#[test]
fn a_role_has_time_to_stop() {
    let compose = compose();
    for (name, role) in [("receiver", Role::Receiver), ("worker", Role::Worker)] {
        let given = compose.services[name].stop_grace_period.as_deref().map(duration);
        assert_eq!(given, Some(Duration::from_secs(40)), "{name}");
        let config = load(role, &compose.services[name].environment);
        assert!(config.worker.grace + Duration::from_secs(10) <= Duration::from_secs(40));
    }
}

#[test]
fn a_health_check_asks_the_port_that_the_service_listens_on() {
    let compose = compose();
    for (name, service) in roles(&compose) {
        let (role, listens) = role_of(&command(&service.command).unwrap());
        let port = listens.unwrap_or_else(|| load(role, &service.environment).admin.listen.port());
        let check = service.healthcheck.as_ref().unwrap_or_else(|| panic!("{name} has no health check"));
        assert_eq!(check.test[..2], ["CMD", "huixin"]);
        let Command::Health(flags) = command(&check.test[2..]).unwrap() else { panic!("{:?}", check.test) };
        assert_eq!((flags.url.host_str(), flags.url.port()), (Some("127.0.0.1"), Some(port)), "{name}");
        assert!(
            duration(&check.timeout) > Duration::from_secs(4),
            "Docker gives up before `huixin health` does"
        );
    }
    for (name, service) in &compose.services {
        for (other, dependency) in &service.depends_on {
            assert_eq!(dependency.condition, "service_healthy", "{name} waits for {other}");
            assert!(
                compose.services[other].healthcheck.is_some(),
                "{other} is waited for and has no health check"
            );
        }
    }
}

#[test]
fn the_profile_adds_the_sandbox_and_what_it_answers_with() {
    let compose = compose();
    for (name, service) in &compose.services {
        let of_the_sandbox = ["sandbox", "lookup"].contains(&name.as_str());
        assert_eq!(service.profiles.contains(&"sandbox".to_owned()), of_the_sandbox, "{name}");
    }
    let sandbox = &compose.services["sandbox"];
    let Ok(Command::Sandbox(flags)) = command(&sandbox.command) else { panic!("{:?}", sandbox.command) };
    assert!(flags.listen.ip().is_unspecified());
    assert_eq!(sandbox.ports, [format!("8088:{}", flags.listen.port())]);
    assert_eq!(flags.receiver.host_str(), Some("receiver"));
    let receiver = load(Role::Receiver, &compose.services["receiver"].environment).receiver;
    assert_eq!(flags.receiver.port(), Some(receiver.listen.port()));

    let config = load(Role::Worker, &compose.services["worker"].environment);
    let (account, pretend) = (&config.accounts["main"], SandboxAccount::named("main"));
    assert_eq!(config.accounts.len(), 1);
    assert_eq!(address(&account.api_base), ("sandbox", flags.listen.port()));
    assert_eq!(account.app_id, pretend.app_id);
    assert_eq!(account.app_secret.as_ref().unwrap().expose(), pretend.app_secret);
    assert_eq!(account.token.expose(), pretend.token);

    let services = config.routes.iter().filter_map(|route| match &route.handler {
        HandlerConfig::Http(http) => Some(address(&http.url.0)),
        HandlerConfig::Reply(_) | HandlerConfig::Sql(_) | HandlerConfig::Chat(_) => None,
    });
    let lookup = &compose.services["lookup"].environment;
    assert_eq!(services.collect::<Vec<_>>(), [("lookup", lookup["PORT"].parse().unwrap())]);
    assert_eq!(lookup["HOST"], "0.0.0.0");
}

#[test]
fn all_roles_are_one_image_which_runs_huixin_without_the_rights_of_root() {
    let compose = compose();
    let built: Vec<_> = roles(&compose).map(|(name, service)| (name, service.image.as_str())).collect();
    assert_eq!(built, [("receiver", "huixin"), ("sandbox", "huixin"), ("worker", "huixin")]);
    let file = read("Dockerfile");
    let (_, image) = file.rsplit_once("\nFROM ").unwrap();
    assert!(image.contains(&format!("\nUSER {USER}\n")));
    assert!(image.contains("\nENTRYPOINT [\"huixin\"]\n"));
    for argument in compose.services["worker"].build.as_ref().unwrap()["args"].as_object().unwrap().keys() {
        assert!(file.contains(&format!("\nARG {argument}=")), "Dockerfile has no argument {argument}");
    }
}

#[test]
fn containers_are_confined() {
    let compose = compose();
    for (name, service) in &compose.services {
        assert!(service.read_only, "{name} can write its image");
        assert!(service.tmpfs.contains(&"/tmp".to_owned()), "{name} has no place for temporary files");
        assert_eq!(service.security_opt, ["no-new-privileges:true"], "{name}");
        assert_eq!(service.cap_drop, ["ALL"], "{name}");
        let rights: &[&str] = if name == "tls" { &["NET_BIND_SERVICE"] } else { &[] };
        assert_eq!(service.cap_add, rights, "{name}");
        assert!(service.build.is_some() || service.user.is_some() || name == "tls", "{name} is root");
        assert_eq!(service.restart, "unless-stopped", "{name}");
    }
}

#[test]
fn the_proxy_leads_to_where_the_receiver_listens() {
    let compose = compose();
    let proxy = &compose.services["tls"];
    assert_eq!(proxy.profiles, ["tls"]);
    assert_eq!(proxy.ports, ["80:80", "443:443"]);
    let receiver = load(Role::Receiver, &compose.services["receiver"].environment);
    let call_backs = receiver.callback.listen.expect("it listens");
    let file = read("docker/Caddyfile");
    for (path, port) in [("/wechat", receiver.receiver.listen.port()), ("/v1/answers", call_backs.port())] {
        let block = format!("\thandle {path}/* {{\n\t\treverse_proxy receiver:{port}\n\t}}\n");
        assert!(file.contains(&block), "no {block}in\n{file}");
    }
}

/// The services that are a role of huixin.
fn roles(compose: &Compose) -> impl Iterator<Item = (&str, &Service)> {
    compose
        .services
        .iter()
        .filter(|(_, service)| service.build.is_some())
        .map(|(name, service)| (name.as_str(), service))
}

fn compose() -> Compose {
    compose_with("")
}

/// The file as Compose reads it where the shell sets no variable, or only those whose default is nothing.
fn compose_with(value: &str) -> Compose {
    let mut tree = serde_saphyr::from_str(&read("docker-compose.yml")).unwrap();
    fill_in(&mut tree, &Regex::new(r"\$\{[A-Z_]+:-([^}]*)\}").unwrap(), value);
    serde_json::from_value(tree).unwrap()
}

/// Puts the defaults of variables in their places, after parsing, as Compose does: an empty one stays a text.
fn fill_in(tree: &mut Json, variable: &Regex, empty: &str) {
    match tree {
        Json::String(text) => {
            let filled = variable.replace_all(text, |found: &Captures<'_>| match &found[1] {
                "" => empty.to_owned(),
                default => default.to_owned(),
            });
            assert!(!filled.contains('$'), "{filled}: a variable without a default");
            *text = filled.into_owned();
        }
        Json::Array(items) => items.iter_mut().for_each(|item| fill_in(item, variable, empty)),
        Json::Object(fields) => fields.values_mut().for_each(|field| fill_in(field, variable, empty)),
        _ => {}
    }
}

fn command(arguments: &[String]) -> Result<Command, clap::Error> {
    let cli = Cli::try_parse_from(std::iter::once("huixin").chain(arguments.iter().map(String::as_str)))?;
    if !matches!(cli.command, Command::Health(_)) {
        assert_eq!(cli.global.config.unwrap().to_str(), Some(CONFIG));
    }
    Ok(cli.command)
}

/// The role, and the port of its health check if the command line says it.
fn role_of(command: &Command) -> (Role, Option<u16>) {
    match command {
        Command::Receiver(_) => (Role::Receiver, None),
        Command::Worker(_) => (Role::Worker, None),
        Command::Sandbox(flags) => (Role::Sandbox, Some(flags.listen.port())),
        other => panic!("no service should run {other:?}"),
    }
}

fn load(role: Role, variables: &BTreeMap<String, String>) -> Config {
    try_load(role, variables).unwrap_or_else(|errors| panic!("{role:?}:\n{errors}"))
}

fn try_load(role: Role, variables: &BTreeMap<String, String>) -> Result<Config, String> {
    let variables = variables.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let source = ConfigSource { variables, ..ConfigSource::from_text(CONFIG, read("docker/huixin.toml")) };
    Config::load(&source, role).map_err(|errors| errors.to_string())
}

fn address(url: &Url) -> (&str, u16) {
    (url.host_str().unwrap(), url.port_or_known_default().unwrap())
}

fn duration(text: &str) -> Duration {
    humantime::parse_duration(text).unwrap()
}
