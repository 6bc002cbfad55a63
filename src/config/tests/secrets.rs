//! Where secrets may come from, and who needs them.

use insta::assert_snapshot;

use super::*;

#[test]
fn a_secret_is_read_from_a_file_beside_the_configuration_and_trimmed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app-secret"), "  s3cret\n").unwrap();
    let text = "[account.main]\napp_id = 'wx1'\napp_secret_file = 'app-secret'\ntoken = 't'";
    let config = load(&ConfigSource::from_text(folder.path().join("huixin.toml"), text));
    assert_eq!(config.accounts["main"].app_secret.as_ref().unwrap().expose(), "s3cret");
}

#[test]
fn an_empty_secret_file_is_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app-secret"), "\n").unwrap();
    let text = "[account.main]\napp_id = 'wx1'\napp_secret_file = 'app-secret'\ntoken = 't'";
    let source = ConfigSource::from_text(folder.path().join("huixin.toml"), text);
    assert!(problems(&source, Role::Run).contains("which is empty"));
}

#[test]
fn a_variable_is_stronger_than_a_secret_file_that_the_configuration_names() {
    let text = "[account.main]\napp_id = 'wx1'\napp_secret_file = 'nowhere'\ntoken = 't'";
    let config = load(&with_variables(text, &[("HUIXIN_ACCOUNT__MAIN__APP_SECRET", "s")]));
    assert_eq!(config.accounts["main"].app_secret.as_ref().unwrap().expose(), "s");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s");
    std::fs::write(&file, "from the file").unwrap();
    let variable = [("HUIXIN_ACCOUNT__MAIN__APP_SECRET_FILE", file.to_str().unwrap())];
    let config = load(&with_variables(MINIMAL, &variable));
    assert_eq!(config.accounts["main"].app_secret.as_ref().unwrap().expose(), "from the file");
}

#[test]
fn the_two_tokens_of_the_admin_listener_differ() {
    let with = |tokens: &str| ConfigSource::from_text("huixin.toml", format!("{MINIMAL}\n[admin]\n{tokens}"));
    let same = problems(&with("token = 'x'\nread_token = 'x'"), Role::Run);
    assert!(same.contains("`admin.read_token` is the same as `token`"), "{same}");
    let admin = load(&with("token = 'x'\nread_token = 'y'")).admin;
    assert_eq!(admin.read_token.unwrap().expose(), "y");
}

#[test]
fn both_forms_in_the_environment_are_a_mistake() {
    let variables = [("HUIXIN_ADMIN__TOKEN", "a"), ("HUIXIN_ADMIN__TOKEN_FILE", "b")];
    assert_snapshot!(problems(&with_variables(MINIMAL, &variables), Role::Run), @"
    `HUIXIN_ADMIN__TOKEN` is given together with `token_file`
        leave one of them out
    ");
}

#[test]
fn a_receiver_needs_no_app_secret_and_does_not_open_its_file() {
    let text = "[account.main]\napp_id = 'wx1'\ntoken = 't'\n";
    assert!(load_as(&source(text), Role::Worker).is_err());
    let with_file = format!("{text}app_secret_file = 'nowhere'");
    for text in [text, &with_file] {
        let config = load_as(&source(text), Role::Receiver).unwrap();
        assert!(config.accounts["main"].app_secret.is_none());
    }
}

#[test]
fn dev_makes_up_the_credentials_that_are_missing() {
    let config = load_as(&source("[account.main]\napp_id = 'wx7'"), Role::Dev).unwrap();
    let account = &config.accounts["main"];
    assert_eq!(account.app_id, "wx7");
    assert!(account.app_secret.is_some());
}

#[test]
fn a_password_in_any_form_of_a_queues_url_is_masked() {
    for (url, shown) in [
        ("redis://anna:s3cret@host/1", "redis://anna:***@host/1"),
        ("rediss://:s3cret@host:6380", "rediss://:***@host:6380"),
        ("redis+unix:///run/redis.sock?db=1&pass=s3cret", "redis+unix:///run/redis.sock?***"),
    ] {
        let config = load(&source(&format!("[queue]\nurl = '{url}'\n{MINIMAL}")));
        assert_eq!(config.queue.url.to_string(), shown);
        assert!(!format!("{:?}", config.queue).contains("s3cret"), "{url}");
    }
    for url in ["redis+unix://run/redis.sock", "redis+unix:///", "redis+unix:"] {
        let source = source(&format!("[queue]\nurl = '{url}'\n{MINIMAL}"));
        assert!(problems(&source, Role::Run).contains("names no socket"), "{url}");
    }
}

#[test]
fn a_test_of_routes_reads_no_secret_and_needs_no_account() {
    let route = "[[route]]\nhttp = { url = 'http://h/', secret_file = 'nowhere' }\n";
    let account = "[account.shop]\ntoken_file = 'nowhere'\naes_key = 'not a key'\n";
    let text = format!("[admin]\ntoken_file = 'nowhere'\n{account}{route}");
    let config = load_as(&source(&text), Role::RouteTest).unwrap();
    assert_eq!(config.accounts.keys().collect::<Vec<_>>(), ["shop"]);
    assert!(config.admin.token.is_none() && config.accounts["shop"].app_secret.is_none());
    assert!(load_as(&source(route), Role::RouteTest).unwrap().accounts.contains_key("main"));
    // What is no secret is still checked.
    let shown = problems(&source("[worker]\nlease = 1\n[[route]]\nhttp = { secret = 'x' }"), Role::RouteTest);
    assert!(
        shown.contains("`worker.lease` needs a unit") && shown.contains("`route[1].http.url`"),
        "{shown}"
    );
}

#[test]
fn a_password_that_a_url_has_as_it_is_is_never_shown_and_the_hint_says_to_encode_it() {
    let secrets =
        ["S3cret/1", "S3cret#1", "S3cret?1", "9/S3cret", "9#S3cret", "9?S3cret", "S3@cret/x", "9/a@S3cret"];
    let forms = [
        ("[queue]\nurl = 'redis://:", "127.0.0.1:6379/0'\n"),
        ("[queue]\nurl = 'redis://anna:", "redis.example.com/0'\n"),
        ("[database.shop]\nurl = 'mysql://anna:", "127.0.0.1/shop'\n"),
        ("[database.shop]\nurl = 'postgres://anna:", "127.0.0.1:5432/shop'\n"),
        ("[[route]]\nhttp = { url = 'http://anna:", "127.0.0.1/ask' }\n"),
        ("[[route]]\nchat = { model = 'm', base_url = 'https://anna:", "127.0.0.1/v1' }\n"),
        ("[delivery]\nproxy = 'http://anna:", "127.0.0.1:3128'\n"),
    ];
    for (before, behind) in forms {
        for secret in secrets {
            let source = source(&format!("{before}{secret}@{behind}{MINIMAL}"));
            match load_as(&source, Role::Check) {
                // Read as meant: an @ alone, before the host, does no harm.
                Ok(config) => {
                    let printed = format!("{} {config:?}", config.print_effective());
                    assert!(
                        !printed.contains("S3") && !printed.contains("cret"),
                        "{before}{secret}: {printed}"
                    );
                }
                Err(errors) => {
                    let shown = crate::report::Failure::from(errors).render();
                    assert!(!shown.contains("S3") && !shown.contains("cret"), "{before}{secret}: {shown}");
                    assert!(shown.contains("%2F"), "{before}{secret}: {shown}");
                }
            }
        }
    }
    // A user alone may be a password, and what is behind a host is no password without an @.
    let config = load(&source(&format!("[queue]\nurl = 'redis://s3cret@host/1'\n{MINIMAL}")));
    assert_eq!(config.queue.url.to_string(), "redis://***@host/1");
    let route = "[[route]]\nhttp = { url = 'http://host/@scope/ask' }\n";
    assert_eq!(load(&source(&format!("{route}{MINIMAL}"))).routes.len(), 1);
}

#[test]
fn a_byte_order_mark_at_the_start_of_a_file_is_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app-secret"), "\u{feff}s3cret\r\n").unwrap();
    let path = folder.path().join("huixin.toml");
    let text = "\u{feff}[account.main]\napp_id = 'wx1'\napp_secret_file = 'app-secret'\ntoken = 't'";
    std::fs::write(&path, text).unwrap();
    let config = load(&ConfigSource::read(Some(&path), Role::Run, Overrides::default()).unwrap());
    assert_eq!(config.accounts["main"].app_secret.as_ref().unwrap().expose(), "s3cret");
}
