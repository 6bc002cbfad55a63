//! What templates of replies name.

use insta::assert_snapshot;

use super::*;

/// What is wrong with routes that answer texts with a code.
fn wrong(handlers: &[&str]) -> String {
    let route = |handler: &&str| format!("[[route]]\nmatch = {{ text = '(?<code>\\d+)(x)' }}\n{handler}\n");
    let shop = "[database.shop]\nurl = 'sqlite:shop.db'\n";
    let text = format!("{}{shop}{MINIMAL}", handlers.iter().map(route).collect::<String>());
    load_as(&source(&text), Role::Run).map_or_else(|_| problems(&source(&text), Role::Run), |_| String::new())
}

#[test]
fn a_name_that_no_message_has_is_a_mistake_and_so_is_a_group_that_no_pattern_has() {
    assert_snapshot!(wrong(&[
        "reply = '{{ contnt }}'",
        "reply = '{{ code }}'",
        "reply = '{{ nickname }}'",
        "reply = '{{ captures.cod }}'",
        "reply = '{{ captures.place }}'",
        "reply = { type = 'news', title = '{{ titel }}', url = 'http://x/' }",
        "chat = { base_url = 'http://h/v1', model = 'm', system = '{{ usr }}' }",
    ]), @r#"
    huixin.toml:3: `route[1].reply` names `contnt`, which no message has
        did you mean `content`?
    huixin.toml:6: `route[2].reply` names `code`, which no message has
        write `captures.code`
    huixin.toml:9: `route[3].reply` names `nickname`, which no message has
        known: content, user, account, type, event, key, id, attempt, captures, fields
    huixin.toml:12: `route[4].reply` names `captures.cod`, which no pattern of the route captures
        did you mean `captures.code`?
    huixin.toml:15: `route[5].reply` names `captures.place`, which no pattern of the route captures
        name a group of the pattern: match = { text = '(?<place>…)' }
    huixin.toml:18: `route[6].reply` names `titel` in `title`, which no message has
        known: content, user, account, type, event, key, id, attempt, captures, fields
    huixin.toml:21: `route[7].chat.system` names `usr`, which no message has
        did you mean `user`?
    "#);
}

#[test]
fn columns_of_a_query_are_left_to_its_database() {
    let sql = |replies: &str| {
        format!(
            "sql = {{ database = 'shop', query = 'SELECT place FROM stations WHERE code = :code', {replies} }}"
        )
    };
    let good = sql(
        "one = '{{ place }} {{ captures.code }}', many = '{{ rows }} {{ count }}', none = '{{ content }}'",
    );
    assert_eq!(wrong(&[&good]), "");
    let bad = sql("one = '{{ captures.place }}', many = '{{ place }}', none = '{{ count }}'");
    assert_snapshot!(wrong(&[&bad]), @"
    huixin.toml:3: `route[1].sql.one` names `captures.place`, which no pattern of the route captures
        name a group of the pattern: match = { text = '(?<place>…)' }
    huixin.toml:3: `route[1].sql.many` names `place`, which no message has
        known: content, user, account, type, event, key, id, attempt, captures, fields, rows, count, more
    huixin.toml:3: `route[1].sql.none` names `count`, which no message has
        did you mean `account`?
    ");
}

#[test]
fn what_every_message_has_can_be_named_and_a_pattern_that_is_wrong_is_told_alone() {
    let good = ["reply = '{{ content }} {{ user }} {{ fields.Content }} {{ captures.code }} {{ captures }}'"];
    assert_eq!(wrong(&good), "");
    let text =
        format!("[[route]]\nmatch = {{ text = '(?<code>' }}\nreply = '{{{{ captures.code }}}}'\n{MINIMAL}");
    assert_eq!(load_as(&source(&text), Role::Run).unwrap_err().0.len(), 1);
}
