//! docs/metrics.md, docs/alerts.md and what is in `monitoring/` fit each other. That the page has what processes show is
//! tried in `tests/e2e/metrics.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use regex::Regex;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::repository::{anchors, headings, read, root, texts};

const RULES: &str = "monitoring/huixin.rules.yml";
const RULES_TEST: &str = "monitoring/huixin.rules.test.yml";
const DASHBOARD: &str = "monitoring/grafana-dashboard.json";

#[derive(Deserialize)]
struct RulesFile {
    groups: Vec<RuleGroup>,
}

#[derive(Deserialize)]
struct RuleGroup {
    rules: Vec<AlertRule>,
}

#[derive(Deserialize)]
struct AlertRule {
    alert: String,
    expr: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

#[test]
fn every_metric_of_the_document_is_moved_by_a_test() {
    let mut tests = String::new();
    for (file, text) in texts().into_iter().filter(|(file, _)| file.ends_with(".rs")) {
        let is_test = file.contains("tests/") || file.ends_with("tests.rs");
        let within = text.split_once("#[cfg(test)]\nmod tests {").map_or("", |(_, tests)| tests);
        tests.push_str(if is_test { &text } else { within });
    }
    let names = names_in(&tests);
    let unmoved = documented().into_keys().filter(|name| {
        // Of a histogram a test asks for the number of its samples.
        !names.contains(name) && !names.contains(&format!("{name}_count"))
    });
    let unmoved: Vec<_> = unmoved.collect();
    assert!(unmoved.is_empty(), "no test names {unmoved:?}");
}

#[test]
fn the_rules_and_the_dashboard_ask_only_for_metrics_of_the_document() {
    let documented = documented();
    let asked = rules().into_iter().map(|rule| rule.expr).chain(expressions()).collect::<Vec<_>>().join("\n");
    let of_histogram = Regex::new("_(bucket|count|sum)$").unwrap();
    let names = names_in(&asked);
    assert!(names.len() > 40, "{names:?}");
    for name in names {
        let base = of_histogram.replace(&name, "").into_owned();
        let is_known =
            documented.contains_key(&name) || documented.get(&base).is_some_and(|kind| kind == "histogram");
        assert!(is_known, "docs/metrics.md has no {name}");
    }
}

#[test]
fn every_alert_has_a_section_that_it_leads_to() {
    let page = read("docs/alerts.md");
    let sections: Vec<_> = headings(&page).into_iter().skip(1).collect();
    let rules = rules();
    assert_eq!(rules.iter().map(|rule| rule.alert.as_str()).collect::<Vec<_>>(), sections);
    for (rule, anchor) in rules.iter().zip(anchors(&sections)) {
        assert_eq!(rule.annotations["runbook_url"], format!("docs/alerts.md#{anchor}"));
        assert!(["critical", "warning"].contains(&rule.labels["severity"].as_str()), "{}", rule.alert);
        for text in ["summary", "description"] {
            assert!(!rule.annotations[text].is_empty(), "{} has no {text}", rule.alert);
        }
    }
}

#[test]
fn every_alert_fires_and_keeps_quiet_where_it_should() {
    let tried = read(RULES_TEST);
    for AlertRule { alert, .. } in rules() {
        for case in ["fires", "keeps quiet"] {
            assert!(tried.contains(&format!("- name: {alert} {case}\n")), "no case in which {alert} {case}");
        }
    }
    promtool(&["check", "rules", RULES]);
    promtool(&["test", "rules", RULES_TEST]);
}

#[test]
fn prometheus_understands_every_expression_of_the_dashboard() {
    // Prometheus reads no dashboards, but it reads rules.
    let rules = expressions().into_iter().enumerate().map(|(number, expression)| {
        let expression = expression.replace("$__rate_interval", "5m").replace("$account", "main");
        serde_json::json!({"record": format!("expression:{number}"), "expr": expression})
    });
    let file = tempfile::NamedTempFile::with_suffix(".yml").unwrap();
    let groups = serde_json::json!({"groups": [{"name": "dashboard", "rules": rules.collect::<Vec<_>>()}]});
    std::fs::write(&file, groups.to_string()).unwrap();
    promtool(&["check", "rules", file.path().to_str().unwrap()]);
}

#[test]
fn the_dashboard_is_one_that_grafana_imports() {
    let dashboard = dashboard();
    assert!(dashboard["schemaVersion"].as_u64().is_some_and(|version| version >= 36));
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64()), "two panels have the id {}", panel["id"]);
        assert!(panel["title"].as_str().is_some_and(|title| !title.is_empty()), "{panel}");
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        assert!(x + w <= 24, "{} is wider than the page", panel["title"]);
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{} lies on another panel", panel["title"]);
        }
    }
}

/// The metrics of the page, with their types.
fn documented() -> BTreeMap<String, String> {
    let row = Regex::new(r"(?m)^\| `(\w+)` \| (\w+) \|").unwrap();
    let page = read("docs/metrics.md");
    let rows = row.captures_iter(&page).map(|row| (row[1].to_owned(), row[2].to_owned()));
    rows.collect()
}

fn names_in(text: &str) -> BTreeSet<String> {
    let name = Regex::new(r"\b(?:huixin|process)_[a-z_]+\b").unwrap();
    name.find_iter(text).map(|name| name.as_str().to_owned()).collect()
}

fn rules() -> Vec<AlertRule> {
    let file: RulesFile = serde_saphyr::from_str(&read(RULES)).unwrap();
    file.groups.into_iter().flat_map(|group| group.rules).collect()
}

fn dashboard() -> Json {
    serde_json::from_str(&read(DASHBOARD)).unwrap()
}

/// What the dashboard asks Prometheus for.
fn expressions() -> Vec<String> {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let notes = dashboard["annotations"]["list"].as_array().unwrap();
    targets.chain(notes).map(|one| one["expr"].as_str().unwrap().to_owned()).collect()
}

/// Runs Prometheus's tool in the repository's folder. It is in Debian's package `prometheus`.
fn promtool(arguments: &[&str]) {
    let output = Command::new("promtool").args(arguments).current_dir(root()).output();
    let output = output.unwrap_or_else(|error| panic!("promtool (Debian's package prometheus): {error}"));
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "promtool {arguments:?}:\n{said}");
}
