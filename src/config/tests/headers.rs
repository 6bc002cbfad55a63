//! Headers of tables with brackets too few or too many, or without the name.

use insta::assert_snapshot;

use super::*;

#[test]
fn a_header_of_another_shape_is_told_with_its_own() {
    let text = "[[account]]\napp_id = 'wx1'\n[[queue]]\nurl = 'sqlite:a'\n[[database]]\nurl = 'x'\n\
                [route.lookup]\nreply = 'x'";
    assert_snapshot!(problems(&source(text), Role::Run), @r#"
    huixin.toml:1: `account` must be a table, but is a list
        write a line `[account.main]`, with one pair of brackets, and its keys below
    huixin.toml:3: `queue` must be a table, but is a list
        write a line `[queue]`, with one pair of brackets, and its keys below
    huixin.toml:5: `database` must be a table, but is a list
        write a line `[database.main]`, with one pair of brackets, and its keys below
    huixin.toml:7: `route` must be a list of tables
        write `[[route]]` for `[route.lookup]`, and below it name = "lookup"
    "#);
    let text = "[[account.main]]\napp_id = 'wx1'\n[route]\nmatch.text = 'a'\nreply.type = 'text'";
    assert_snapshot!(problems(&source(text), Role::Run), @"
    huixin.toml:1: `account.main` must be a table, but is a list
        write `[account.main]`, with one pair of brackets
    huixin.toml:3: `route` must be a list of tables
        write `[[route]]` for `[route]`: two pairs of brackets
    ");
}

#[test]
fn a_header_without_its_name_is_told_once() {
    let text = "[account]\napp_id = 'wx1'\napp_secret = 's'\ntoken = 't'\n[database]\nurl = 'x'\npool = 1";
    assert_snapshot!(problems(&source(text), Role::Run), @"
    huixin.toml:2: `account.app_id` stands where the name of the account belongs
        write `[account.main]`, or another name, for `[account]`
    huixin.toml:7: `database.pool` stands where the name of the database belongs
        write `[database.main]`, or another name, for `[database]`
    ");
    let variables = [("HUIXIN_ACCOUNT__TOKEN", "t")];
    assert_snapshot!(problems(&with_variables(MINIMAL, &variables), Role::Run), @"
    `HUIXIN_ACCOUNT__TOKEN` stands where the name of the account belongs
        put the name into it: HUIXIN_ACCOUNT__MAIN__TOKEN
    ");
}

#[test]
fn a_header_that_stands_twice_is_told_once_with_what_was_meant() {
    let twice = |second: &str| {
        let text = format!("{MINIMAL}[route]\nname = 'a'\nreply = 'x'\n{second}\nname = 'b'\nreply = 'y'\n");
        problems(&source(&text), Role::Run)
    };
    assert_snapshot!(twice("[route]"), @r"
    huixin.toml:8: not TOML: duplicate key `route`
        begin every route, the first too, with `[[route]]`: two pairs of brackets
    ");
    assert_eq!(twice("[[route]]"), twice("[route]"));
    let text = "[queue]\nprefix = 'a'\nprefix = 'b'\n[worker]\nlease = '9s'\n[queue]\nprefix = 'c'\n[admin]\n\
                [[route]]\nmatch = { text = \"\\d\" }";
    assert_snapshot!(problems(&source(text), Role::Run), @r#"
    huixin.toml:3: not TOML: duplicate key `prefix`
        a table can't have a key twice
    huixin.toml:6: not TOML: duplicate key `queue`
        `[queue]` is already in the file: write these keys there
    huixin.toml:10: not TOML: missing escaped value, expected `b`, `e`, `f`, `n`, `r`, `\`, `"`, `x`, `u`, `U`
        single quotes keep backslashes as they are: text = '^\d+$'
    "#);
}
