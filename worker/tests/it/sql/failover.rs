//! What changes under open connections: a server that becomes read-only, tables that get other columns, statements that are
//! gone. Another attempt has new connections.

use huixin_wechat::Secret;
use huixin_worker::Outcome;
use huixin_worker::handlers::sql::{Database, Place};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, PgConnection};

use super::shop::{BY_CODE, Driver, Shop, ask, handler_on, text};
use crate::support::database::PASSWORD;

const INSERT: &str = "INSERT INTO stations VALUES (:code, 'new', 1)";

#[tokio::test]
async fn a_mysql_server_that_is_read_only_for_a_while_is_tried_again_on_new_connections() {
    let shop = Shop::open(Driver::MariaDb).await;
    let Place::MySql(url) = &shop.place else { panic!("it is a MariaDB") };
    let mut operator = MySqlConnection::connect(url.expose()).await.unwrap();
    // Who may do everything may also write to a read-only server, so the other tests don't notice.
    let clerk = format!("clerk_of_{}", url.expose().rsplit('/').next().unwrap());
    run(&mut operator, &format!("CREATE USER {clerk}@'%' IDENTIFIED BY '{PASSWORD}'")).await;
    run(&mut operator, &format!("GRANT SELECT, INSERT ON *.* TO {clerk}@'%'")).await;
    let place = Place::MySql(Secret::from(url.expose().replace("//shop:", &format!("//{clerk}:"))));
    let database = Database::new("shop", &place, 2, true).unwrap();
    let insert = handler_on(&database, INSERT, json!({"one": "x", "none": "done"}));
    let number = handler_on(&database, "SELECT CONNECTION_ID() AS number", json!({"one": "{{ number }}"}));
    let before = ask(&number, "x").await;
    assert_eq!(ask(&number, "x").await, before, "it is the same connection");

    run(&mut operator, "SET GLOBAL read_only = ON").await;
    let outcome = ask(&insert, "1-1").await;
    let later = ask(&number, "x").await;
    run(&mut operator, "SET GLOBAL read_only = OFF").await;

    assert!(matches!(&outcome, Outcome::Retry { reason, .. } if reason.contains("1290")), "{outcome:?}");
    assert_ne!(later, before, "the connection leads to a server that takes no writes");
    assert_eq!(ask(&insert, "1-1").await, text("done"));
}

#[tokio::test]
async fn columns_that_have_changed_on_postgres_are_looked_up_again_on_new_connections() {
    let shop = Shop::open(Driver::Postgres).await;
    let database = shop.database(2, false);
    let by_code = handler_on(&database, BY_CODE, json!({"one": "{{ seats }}"}));
    let both = tokio::join!(ask(&by_code, "18-546"), ask(&by_code, "18-546"));
    assert_eq!(both, (text("2"), text("2")), "two connections have prepared it");
    let Place::Postgres(url) = &shop.place else { panic!("it is a PostgreSQL") };
    let mut operator = PgConnection::connect(url.expose()).await.unwrap();
    let wider = "ALTER TABLE stations ALTER COLUMN seats TYPE bigint";
    sqlx::raw_sql(AssertSqlSafe(wider)).execute(&mut operator).await.unwrap();

    let outcome = ask(&by_code, "18-546").await;
    assert!(matches!(&outcome, Outcome::Retry { reason, .. } if reason.contains("0A000")), "{outcome:?}");
    assert_eq!(ask(&by_code, "18-546").await, text("2"), "the other connection isn't used any more");
    // What PostgreSQL can't do at all has the same code.
    let never = handler_on(&database, "SELECT COUNT(*) AS n FROM stations FOR UPDATE", json!({"one": "x"}));
    let outcome = ask(&never, "x").await;
    assert!(matches!(&outcome, Outcome::Fail { reason } if reason.contains("0A000")), "{outcome:?}");
}

#[tokio::test]
async fn a_prepared_statement_that_is_gone_from_postgres_is_prepared_again() {
    let shop = Shop::open(Driver::Postgres).await;
    let database = shop.database(1, false);
    let by_code = handler_on(&database, BY_CODE, json!({"one": "{{ seats }}"}));
    assert_eq!(ask(&by_code, "18-546").await, text("2"));
    let forget = handler_on(&database, "DEALLOCATE ALL", json!({"one": "x", "none": "forgotten"}));
    assert_eq!(ask(&forget, "x").await, text("forgotten"));
    let outcome = ask(&by_code, "18-546").await;
    assert!(matches!(&outcome, Outcome::Retry { reason, .. } if reason.contains("26000")), "{outcome:?}");
    assert_eq!(ask(&by_code, "18-546").await, text("2"));
}

async fn run(operator: &mut MySqlConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(operator).await.unwrap();
}
