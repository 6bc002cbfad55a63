//! Look-ups in real databases: what is found, what is refused, what is cut, and that no text of a user is ever SQL.

mod failover;
mod shop;
mod values;

use std::time::{Duration, Instant};

use huixin_wechat::Secret;
use huixin_worker::handlers::sql::{Database, Place, SqlHandler};
use huixin_worker::{Handler as _, Outcome};
use serde_json::json;

use self::shop::{BY_CODE, Driver, IN_TIME, Shop, ask, context, handler_on, message, text};
use crate::support::database::PASSWORD;

/// Makes a test for each driver of functions from [`Shop`] to a future.
macro_rules! on_every_driver {
    ($($name:ident)*) => {
        $(mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                super::$name(super::Shop::open(super::Driver::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_mariadb() {
                super::$name(super::Shop::open(super::Driver::MariaDb).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                super::$name(super::Shop::open(super::Driver::Postgres).await).await;
            }
        })*
    };
}

on_every_driver! {
    one_row_several_and_none_have_their_own_answers
    no_text_of_a_user_becomes_sql
    a_statement_that_never_ends_is_cut_and_the_database_does_not_go_on_with_it
    waiting_for_a_connection_is_part_of_the_timeout
    nothing_is_written_unless_the_database_is_opened_for_it
    what_the_database_refuses_is_final_and_tells_why_without_values
    a_database_that_is_away_is_tried_again_and_its_password_not_told
    a_connection_that_the_server_closed_is_replaced
    more_rows_than_are_wanted_are_left_with_the_database
    rows_that_are_too_large_are_refused
}

async fn one_row_several_and_none_have_their_own_answers(shop: Shop) {
    let answers = json!({
        "one": "[{{ captures.code }}]的工作台位为[{{ place }}], {{ row.seats + 1 }}",
        "many": "{{ count }}: {% for row in rows %}{{ row.place }};{% endfor %}",
        "none": "没有找到{{ captures.code }}",
    });
    let by_code = shop.handler(BY_CODE, answers.clone());
    assert_eq!(ask(&by_code, "18-546").await, text("[18-546]的工作台位为[车体新厂房3号], 3"));
    assert_eq!(ask(&by_code, "99-999").await, text("没有找到99-999"));
    let all = shop.handler("SELECT place FROM stations WHERE :code <> '' ORDER BY code", answers.clone());
    assert_eq!(ask(&all, "x").await, text("3: 车体新厂房3号;车体新厂房4号;总装线;"));

    let only_one = shop.handler("SELECT place FROM stations ORDER BY code", json!({"one": "{{ place }}"}));
    assert_eq!(ask(&only_one, "x").await, text("车体新厂房3号"));
    let no_answer = shop.handler(BY_CODE, json!({"one": "{{ place }}"}));
    assert_eq!(ask(&no_answer, "99-999").await, Outcome::NoReply);
    let news = json!({"one": {"type": "news", "title": "{{ place }}", "url": "https://x/?p={{ place | urlencode }}"}});
    let Outcome::Reply(parts) = ask(&shop.handler(BY_CODE, news), "18-548").await else { panic!("a reply") };
    assert_eq!(json!(parts[0])["articles"][0]["title"], "总装线");
    let of_the_user = shop.handler(
        "SELECT :user AS u, :content AS c, :key AS k",
        json!({
            "one": "{{ u }} {{ c }} {{ k is none }}"
        }),
    );
    assert_eq!(ask(&of_the_user, "?18-546").await, text("oUser ?18-546 True"));
}

async fn no_text_of_a_user_becomes_sql(shop: Shop) {
    let handler =
        shop.handler(BY_CODE, json!({"one": "LEAK {{ place }}", "many": "LEAK", "none": "nothing"}));
    let like = shop.handler(
        "SELECT place FROM stations WHERE code = :code OR place = :content",
        json!({
            "one": "LEAK", "none": "nothing"
        }),
    );
    let texts = [
        "' OR '1'='1",
        "' OR 1=1 -- ",
        "\" OR \"\"=\"",
        "'; DROP TABLE stations; --",
        "'; DELETE FROM stations; #",
        "1 UNION SELECT place, seats FROM stations",
        "' UNION SELECT place, seats FROM stations -- ",
        "\\' OR 1=1 -- ",
        "\\",
        "\\\\' OR ''='",
        "'/**/OR/**/1=1",
        "$1",
        "?",
        ":code",
        "?1",
        "%",
        "_",
        "18-54_",
        // A byte that swallows the backslash in GBK, as far as it can be in UTF-8.
        "\u{bf}' OR 1=1 -- ",
        "縗' OR 1=1 -- ",
        "\u{fffd}\u{5c}' OR 1=1",
        // Full-width quotes, which NFKC makes plain ones of.
        "＇ OR ＇1＇＝＇1",
        "' OR 1=1 ；ＤＲＯＰ ＴＡＢＬＥ stations",
        "$$; DROP TABLE stations; $$",
        "*/ DROP TABLE stations /*",
        "18-546' AND SLEEP(5) -- ",
        "\n; DROP TABLE stations",
    ];
    for injected in texts {
        for handler in [&handler, &like] {
            assert_eq!(ask(handler, injected).await, text("nothing"), "{injected}");
        }
    }
    let with_nul = ask(&handler, "18-546\0' OR 1=1 -- ").await;
    let is_refused = matches!(with_nul, Outcome::Fail { .. }) && shop.driver() == Driver::Postgres;
    assert!(with_nul == text("nothing") || is_refused, "{with_nul:?}");
    let count = shop
        .handler("SELECT COUNT(*) AS n, SUM(seats) AS s FROM stations", json!({"one": "{{ n }} {{ s }}"}));
    assert_eq!(ask(&count, "x").await, text("3 4"));
}

async fn a_statement_that_never_ends_is_cut_and_the_database_does_not_go_on_with_it(shop: Shop) {
    let database = shop.database(1, false);
    let endless = match shop.driver() {
        Driver::Sqlite => {
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n"
        }
        Driver::MariaDb => "SELECT SLEEP(600) AS endless",
        Driver::Postgres => "SELECT pg_sleep(600)::text AS endless",
    };
    let slow = SqlHandler {
        timeout: Duration::from_millis(300),
        ..handler_on(&database, endless, json!({"one": "x"}))
    };
    let begun = Instant::now();
    let Outcome::Retry { reason, .. } = ask(&slow, "x").await else { panic!("another attempt") };
    assert_eq!(reason, "the database `shop` did not answer within 300ms");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    // The pool has one place, which is free once the cut connection has ended.
    let answer = ask(&handler_on(&database, BY_CODE, json!({"one": "{{ place }}"})), "18-548").await;
    assert_eq!(answer, text("总装线"));
    let running = match shop.driver() {
        Driver::Sqlite => return,
        Driver::MariaDb => {
            "SELECT COUNT(*) AS n FROM information_schema.processlist WHERE info LIKE '%endless%'
            AND id <> CONNECTION_ID() AND db = DATABASE()"
        }
        Driver::Postgres => {
            "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE query LIKE '%endless%'
            AND pid <> pg_backend_pid() AND datname = current_database()"
        }
    };
    let running = handler_on(&database, running, json!({"one": "{{ n }}"}));
    while ask(&running, "x").await != text("0") {
        assert!(begun.elapsed() < IN_TIME, "the server still runs what was cut");
    }
}

async fn waiting_for_a_connection_is_part_of_the_timeout(shop: Shop) {
    let database = shop.database(1, false);
    let endless = match shop.driver() {
        Driver::Sqlite => {
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n"
        }
        Driver::MariaDb => "SELECT SLEEP(600) AS x",
        Driver::Postgres => "SELECT pg_sleep(600)::text AS x",
    };
    let slow = handler_on(&database, endless, json!({"one": "x"}));
    let waiting = handler_on(&database, BY_CODE, json!({"one": "x"}));
    let waiting = SqlHandler { timeout: Duration::from_millis(200), ..waiting };
    let (message, context) = (message("x"), context("x"));
    let mut asked = slow.handle(&message, &context);
    // It has the connection once the other can't have it.
    let outcome = loop {
        tokio::select! {
            _ = &mut asked => panic!("it never ends"),
            outcome = ask(&waiting, "18-546") => if outcome != text("x") { break outcome },
        }
    };
    assert!(
        matches!(&outcome, Outcome::Retry { reason, .. } if reason.contains("within 200ms")),
        "{outcome:?}"
    );
    // As when the worker loses the message: what was begun is cut, and the place is free again.
    drop(asked);
    let begun = Instant::now();
    while ask(&waiting, "18-546").await != text("x") {
        assert!(begun.elapsed() < IN_TIME, "the place is not given back");
    }
}

async fn nothing_is_written_unless_the_database_is_opened_for_it(shop: Shop) {
    let insert = "INSERT INTO stations VALUES (:code, 'new', 1)";
    let (answers, check) = (json!({"one": "x", "none": "done"}), json!({"one": "{{ n }}"}));
    let outcome = ask(&handler_on(&shop.database(1, false), insert, answers.clone()), "1-1").await;
    assert!(matches!(outcome, Outcome::Fail { .. }), "{outcome:?}");
    let count = shop.handler("SELECT COUNT(*) AS n FROM stations", check);
    assert_eq!(ask(&count, "x").await, text("3"));
    assert_eq!(ask(&handler_on(&shop.database(1, true), insert, answers), "1-1").await, text("done"));
    assert_eq!(ask(&count, "x").await, text("4"));
}

async fn what_the_database_refuses_is_final_and_tells_why_without_values(shop: Shop) {
    for (query, named) in [
        ("SELECT plce FROM stations WHERE code = :code", "plce"),
        ("SELECT place FROM statoins WHERE code = :code", "statoins"),
        ("SELEC place FROM stations WHERE code = :code", "SELEC"),
    ] {
        let handler = shop.handler(query, json!({"one": "x"}));
        let Outcome::Fail { reason } = ask(&handler, "secret-4711").await else {
            panic!("it is final: {query}")
        };
        assert!(
            reason.starts_with("the database refuses the statement: ") && reason.contains(named),
            "{reason}"
        );
        assert!(!reason.contains("4711") && !reason.contains(PASSWORD), "{reason}");
        let trouble = handler.check().await.expect_err("a check finds it too");
        assert_eq!((trouble.reason, trouble.passes), (reason, false));
    }
    let running = match shop.driver() {
        Driver::Sqlite => "SELECT abs(-9223372036854775807 - 1) AS x, :code AS code",
        Driver::MariaDb => "SELECT (SELECT seats FROM stations WHERE :code <> '') AS x",
        Driver::Postgres => "SELECT :code::int AS x",
    };
    let Outcome::Fail { reason } = ask(&shop.handler(running, json!({"one": "x"})), "secret-4711").await
    else {
        panic!("it is final")
    };
    assert!(
        reason.starts_with("the statement failed with the database's error ") && !reason.contains("4711"),
        "{reason}"
    );
    assert_eq!(shop.handler(BY_CODE, json!({"one": "x"})).check().await, Ok(()));
}

async fn a_database_that_is_away_is_tried_again_and_its_password_not_told(shop: Shop) {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = |scheme: &str| Secret::from(format!("{scheme}://shop:{PASSWORD}@{nobody}/shop"));
    let wrong = |url: &Secret| Secret::from(url.expose().replace(PASSWORD, "another-w0rd"));
    let rows = match &shop.place {
        Place::Sqlite(path) => vec![Place::Sqlite(path.with_extension("nowhere"))],
        Place::MySql(real) => vec![Place::MySql(url("mysql")), Place::MySql(wrong(real))],
        Place::Postgres(real) => vec![Place::Postgres(url("postgres")), Place::Postgres(wrong(real))],
    };
    for place in rows {
        let database = Database::new("shop", &place, 1, false).unwrap();
        let handler = handler_on(&database, BY_CODE, json!({"one": "x"}));
        let Outcome::Retry { reason, .. } = ask(&handler, "x").await else { panic!("another attempt") };
        assert!(reason.starts_with("the database "), "{reason}");
        let shown = format!("{reason} {database:?} {place:?}");
        assert!(!shown.contains(PASSWORD) && !shown.contains("another-w0rd"), "{shown}");
        assert!(database.check().await.is_err_and(|trouble| trouble.hint.is_some()));
    }
}

async fn a_connection_that_the_server_closed_is_replaced(shop: Shop) {
    let database = shop.database(2, false);
    let handler = handler_on(&database, BY_CODE, json!({"one": "{{ place }}"}));
    assert_eq!(ask(&handler, "18-548").await, text("总装线"));
    shop.close_connections().await;
    let begun = Instant::now();
    loop {
        match ask(&handler, "18-548").await {
            Outcome::Retry { .. } => assert!(begun.elapsed() < IN_TIME),
            outcome => return assert_eq!(outcome, text("总装线")),
        }
    }
}

async fn more_rows_than_are_wanted_are_left_with_the_database(shop: Shop) {
    let answers = json!({"many": "{{ count }}{{ '+' if more else '' }}"});
    let database = shop.database(1, false);
    for (max_rows, expected) in [(2, "2+"), (3, "3"), (4, "3"), (1, "1+")] {
        let handler = handler_on(&database, "SELECT code FROM stations", answers.clone());
        assert_eq!(ask(&SqlHandler { max_rows, ..handler }, "x").await, text(expected));
    }
}

async fn rows_that_are_too_large_are_refused(shop: Shop) {
    let large = match shop.driver() {
        Driver::Sqlite => "SELECT hex(zeroblob(600000)) AS x",
        _ => "SELECT REPEAT('ab', 600000) AS x",
    };
    let Outcome::Fail { reason } = ask(&shop.handler(large, json!({"one": "x"})), "x").await else {
        panic!("final")
    };
    assert_eq!(reason, "the rows hold more than 1048576 bytes");
}
