//! `[traces]`: what a collector needs, and what can't be one.

use insta::assert_snapshot;

use super::*;

#[test]
fn the_header_for_a_collector_is_a_secret() {
    let text = "[traces]\nendpoint = 'http://127.0.0.1:4318/?key=hunter2'\nheader = 'X-Key: hunter2'\n";
    let config = load(&source(&format!("{text}{MINIMAL}")));
    assert_eq!(config.traces.header(), Some(("X-Key", "hunter2")));
    let shown = format!("{} {config:?}", config.print_effective());
    assert!(shown.contains("127.0.0.1:4318") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn what_can_not_be_used_for_traces_is_a_mistake() {
    let text = "[traces]\nendpoint = 'http://anna:hunter2@a'\nheader = 'hunter2'\nsample = 2\n";
    assert_snapshot!(problems(&source(&format!("{text}{MINIMAL}")), Role::Run), @r#"
    huixin.toml:2: `traces.endpoint` has a user in it
        leave it out, and set `header = "Authorization: Basic …"`
    huixin.toml:3: `traces.header` is not a header
        write it like "Authorization: Bearer …"
    huixin.toml:4: `traces.sample` must be from 0 to 1
        write 0.1 for every tenth message
    "#);
}
