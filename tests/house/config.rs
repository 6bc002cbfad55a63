//! `huixin.example.toml` is the documentation of the configuration, so it must be whole and true.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use huixin::config::{AccountConfig, Config, ConfigSource, Role, known_keys};
use huixin_queue::redis::{Gravity, Risk};

const MINIMAL: &str = "[account.main]\napp_id = 'wx1'\napp_secret = 's'\ntoken = 't'";

#[test]
fn the_example_configuration_loads_in_every_role() {
    for role in
        [Role::Dev, Role::Run, Role::Receiver, Role::Worker, Role::Sandbox, Role::Check, Role::RouteTest]
    {
        if let Err(errors) = Config::load(&example(), role) {
            panic!("{role:?}:\n{errors}");
        }
    }
}

#[test]
fn every_value_in_the_example_is_the_built_in_default() {
    let load = |source| Config::load(&source, Role::Check).unwrap();
    let shown = load(example());
    let built_in = load(ConfigSource::from_text(example_path(), MINIMAL));
    assert_eq!(shown.queue, built_in.queue);
    assert_eq!(shown.receiver, built_in.receiver);
    assert_eq!(shown.worker, built_in.worker);
    assert_eq!(shown.callback, built_in.callback);
    assert_eq!(shown.admin, built_in.admin);
    assert_eq!(shown.traces, built_in.traces);
    let of_account = |config: &Config| {
        let AccountConfig { api_base, api_fallback, answer_by, answers, .. } =
            config.accounts["main"].clone();
        (api_base, api_fallback, answer_by, answers)
    };
    assert_eq!(of_account(&shown), of_account(&built_in));
    assert!(shown.accounts["main"].previous_token.is_none());
    // Those that have no effect with the default stand in a comment.
    let by_push = format!("{MINIMAL}\nanswer_by = 'push'");
    let printed = load(ConfigSource::from_text(example_path(), by_push)).print_effective();
    let text = example().file.expect("the example has a file").text;
    for key in ["unanswered", "later_notice", "fetch_words"] {
        let line = printed.lines().find(|line| line.starts_with(key)).expect("it is printed");
        let value = line.trim_end_matches("  # default");
        assert!(text.contains(&format!("\n# {value}\n")), "{value}");
    }

    let bare = "[[route]]\nhttp = { url = 'http://127.0.0.1:9000/lookup' }\n";
    let bare = load(ConfigSource::from_text(example_path(), format!("{bare}{MINIMAL}")));
    assert_eq!(format!("{:?}", bare.routes[0].handler), format!("{:?}", shown.routes[0].handler));
    assert_eq!(bare.routes[0].attempts, shown.routes[0].attempts);
}

#[test]
fn every_known_key_is_in_the_example() {
    let known = known_keys(&example(), Role::Check).unwrap();
    assert!(known.len() > 25, "{known:?}");
    let shown = keys_shown();
    let absent: Vec<&String> = known.iter().filter(|key| !shown.contains(*key)).collect();
    assert!(absent.is_empty(), "huixin.example.toml doesn't show {absent:?}");
}

#[test]
fn every_risk_of_a_redis_is_explained() {
    let page = crate::repository::read("docs/redis.md");
    let rows: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | ")).collect();
    for risk in Risk::ALL {
        let (_, row) =
            rows.iter().find(|(name, _)| *name == risk.name()).unwrap_or_else(|| panic!("{risk:?}"));
        let does = match risk.gravity() {
            Gravity::Unusable => "| refuses always |",
            Gravity::Unsafe => "| refuses, unless accepted |",
            Gravity::Alarm => "| an error in the log",
            Gravity::Warning => "| warns",
        };
        assert!(row.contains(does), "{risk:?}: {row}");
        assert!(row.contains(risk.setting().unwrap_or_default()), "{risk:?}: {row}");
    }
    assert_eq!(rows.len(), Risk::ALL.len());
}

/// The keys that the text shows, commented or not, below their section; also those of inline tables.
fn keys_shown() -> BTreeSet<String> {
    let mut keys = BTreeSet::from(["route".to_owned()]);
    let mut section = String::new();
    for line in example().file.expect("the example has a file").text.lines() {
        if line.starts_with('[') {
            let path = line.trim_matches(['[', ']']);
            section = path.strip_suffix(".main").unwrap_or(path).to_owned();
        }
        let code = line.trim_start_matches(['#', ' ']);
        let Some((key, value)) = code.split_once(" = ") else { continue };
        keys.insert(format!("{section}.{key}"));
        for (inner, _) in value.match_indices(" = ").map(|(at, _)| value.split_at(at)) {
            let inner = inner.rsplit([' ', '{', ',']).next().unwrap_or_default();
            keys.insert(format!("{section}.{key}.{inner}"));
        }
    }
    keys
}

fn example() -> ConfigSource {
    let text = std::fs::read_to_string(example_path()).expect("the example is in the repository");
    ConfigSource::from_text(example_path(), text)
}

fn example_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("huixin.example.toml")
}
