//! Databases and the look-ups that ask them.

use super::*;

const LOOKUP: &str = "[[route]]\nmatch = { text = '(?<code>\\d+)(?<user>x)?' }\nsql = ";

fn with(database: &str, sql: &str) -> ConfigSource {
    source(&format!("{MINIMAL}[database.shop]\n{database}\n{LOOKUP}{sql}\n"))
}

#[test]
fn a_look_up_has_its_defaults() {
    let config = load(&with(
        "url = 'sqlite:shop.db'",
        "{ database = 'shop', query = 'SELECT :code, :content', one = 'x' }",
    ));
    let shop = &config.databases["shop"];
    assert_eq!((shop.pool, shop.writes), (8, false));
    assert_eq!(shop.url.as_ref().map(ToString::to_string).as_deref(), Some("sqlite:shop.db"));
    let HandlerConfig::Sql(sql) = &config.routes[0].handler else { panic!("{:?}", config.routes[0]) };
    assert_eq!((sql.timeout, sql.max_rows), (std::time::Duration::from_secs(5), 50));
    assert!(config.routes[0].handler.timeout().is_some());
}

#[test]
fn what_is_printed_has_no_password_and_can_be_loaded_again() {
    let query = "{ database = 'shop', query = \"SELECT a FROM b WHERE c = :code\", many = ['{{ count }}'], none = 'no' }";
    let config = load(&with("url = 'mysql://u:s3cretword@db/shop?ssl-ca=/x'\nwrites = true", query));
    let printed = config.print_effective();
    assert!(!printed.contains("s3cretword") && !format!("{config:?}").contains("s3cretword"), "{printed}");
    for line in [
        "[database.shop]",
        "url = \"mysql://u:***@db/shop?***\"",
        "writes = true",
        "query = \"SELECT a FROM b WHERE c = :code\"",
    ] {
        assert!(printed.contains(line), "{line} is not in\n{printed}");
    }
    assert_eq!(load(&source(&printed)).print_effective(), printed.replace("  # default", ""));
}

#[test]
fn a_receiver_needs_no_database() {
    let missing = with("url_file = 'nowhere'", "{ database = 'shop', query = 'SELECT :code', one = 'x' }");
    assert!(load_as(&missing, Role::Receiver).is_ok());
    assert!(problems(&missing, Role::Worker).contains("names `nowhere`, which does not exist"));
}

#[test]
fn mistakes_name_what_to_write_instead() {
    let sqlite = "url = 'sqlite:shop.db'";
    let sql = |query: &str| format!("{{ database = 'shop', query = \"{query}\", one = 'x' }}");
    let rows = [
        ("", sql("SELECT :code"), "`database.shop.url` is missing"),
        ("url = 'sqlite:'", sql("SELECT :code"), "names no file"),
        ("url = 'oracle://u:s3cretword@h/x'", sql("SELECT :code"), "has the unknown scheme `oracle`"),
        ("url = 'u:s3cretword@h/x y'", sql("SELECT :code"), "has no scheme"),
        ("url = 'sqlite:a'\npool = 0", sql("SELECT :code"), "must be from 1 to 1000"),
        ("url = 'sqlite:a'\nwrite = true", sql("SELECT :code"), "did you mean `writes`?"),
        (sqlite, sql("SELECT :cod"), "has `:cod`, which is not defined\n    did you mean `:code`?"),
        (sqlite, sql("SELECT :zzz"), "name a group of the pattern: match = { text = '(?<zzz>…)' }"),
        (sqlite, sql("SELECT :user"), "both a capture and a field of every message"),
        (sqlite, sql("SELECT ?"), "use named parameters, like `:code`"),
        (sqlite, sql("SELECT 1; SELECT 2"), "it is more than one statement"),
        (sqlite, "{ database = 'shp', query = 'SELECT 1', one = 'x' }".into(), "did you mean `shop`?"),
        (
            sqlite,
            "{ database = 'shop', query = 'SELECT 1', none = 'x' }".into(),
            "it is the answer when a row is found",
        ),
        (sqlite, "{ database = 'shop', query = 'SELECT 1', one = '{{ x' }".into(), "has a bad template"),
        (sqlite, "{ database = 'shop', one = 'x' }".into(), "`route[1].sql.query` is missing"),
        (sqlite, "{ query = 'SELECT 1', one = 'x' }".into(), "`route[1].sql.database` is missing"),
        (sqlite, "{ database = 'shop', query = 'SELECT 1', one = 'x', timeout = 5 }".into(), "needs a unit"),
    ];
    for (database, sql, expected) in rows {
        let text = problems(&with(database, &sql), Role::Run);
        assert!(text.contains(expected), "{database} {sql}: {expected} is not in\n{text}");
        assert!(!text.contains("s3cretword"), "{text}");
        assert_eq!(text.matches("huixin.toml:").count(), 1, "one mistake, shown once:\n{text}");
    }
}
