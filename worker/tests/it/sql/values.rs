//! What the columns of each database become in templates.

use huixin_worker::Outcome;
use huixin_worker::handlers::sql::Place;
use serde_json::json;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{Connection as _, MySqlConnection};

use super::shop::{Driver, Shop, ask, text};

#[tokio::test]
async fn what_sqlite_holds_becomes_values_of_templates() {
    let shop = Shop::open(Driver::Sqlite).await;
    let rows = [
        ("1 + 1", "2"),
        ("0.5", "0.5"),
        ("'a'", "\"a\""),
        ("NULL", "null"),
        ("9223372036854775807", "9223372036854775807"),
        ("date('2002-06-10')", "\"2002-06-10\""),
        ("1e400", "\"inf\""),
    ];
    values(&shop, &rows, "X'00ff'").await;
}

#[tokio::test]
async fn what_mariadb_holds_becomes_values_of_templates() {
    let shop = Shop::open(Driver::MariaDb).await;
    let Place::MySql(url) = &shop.place else { panic!("it is a server") };
    let kinds = "CREATE TABLE kinds (bits BIT(3), small TINYINT UNSIGNED, year YEAR, size ENUM('large'), at TIMESTAMP);
        INSERT INTO kinds VALUES (5, 200, 2002, 'large', '2002-06-10 08:30:00')";
    let options = url.expose().parse::<MySqlConnectOptions>().unwrap().timezone(None);
    let mut connection = MySqlConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(kinds).execute(&mut connection).await.unwrap();
    let rows = [
        ("CAST(2 AS SIGNED)", "2"),
        ("CAST(18446744073709551615 AS UNSIGNED)", "18446744073709551615"),
        ("CAST(12.5 AS DECIMAL(10,2))", "\"12.50\""),
        ("CAST(0.1 AS FLOAT)", "0.1"),
        ("CAST(0.1 AS DOUBLE)", "0.1"),
        ("NULL", "null"),
        ("'车体'", "\"车体\""),
        ("CAST('2002-06-10' AS DATE)", "\"2002-06-10\""),
        ("CAST('2002-06-10 08:30:00' AS DATETIME)", "\"2002-06-10 08:30:00\""),
        ("CAST('2002-06-10 08:30:00.25' AS DATETIME(2))", "\"2002-06-10 08:30:00.25\""),
        ("CAST('0000-00-00' AS DATE)", "null"),
        ("CAST('08:30:00' AS TIME)", "\"08:30:00\""),
        ("TRUE", "1"),
        ("kinds.bits", "5"),
        ("kinds.small", "200"),
        ("kinds.year", "2002"),
        ("kinds.size", "\"large\""),
        ("kinds.at", "\"2002-06-10 08:30:00\""),
        ("'x' COLLATE utf8mb4_bin", "\"x\""),
        ("JSON_OBJECT('a', 1)", "\"{\\\"a\\\": 1}\""),
    ];
    values(&shop, &rows, "CAST('x' AS BINARY)").await;
}

#[tokio::test]
async fn what_postgres_holds_becomes_values_of_templates() {
    let shop = Shop::open(Driver::Postgres).await;
    let rows = [
        ("2::int2", "2"),
        ("2::int4", "2"),
        ("2::int8", "2"),
        ("0.1::float4", "0.1"),
        ("0.1::float8", "0.1"),
        ("'NaN'::float8", "\"NaN\""),
        ("12.50::numeric", "\"12.50\""),
        ("12345678901234.5::numeric", "\"12345678901234.5\""),
        ("true", "true"),
        ("NULL::text", "null"),
        ("'车体'::varchar", "\"车体\""),
        ("'x'::char(3)", "\"x  \""),
        ("date '2002-06-10'", "\"2002-06-10\""),
        ("date 'infinity'", "\"infinity\""),
        ("time '08:30'", "\"08:30:00\""),
        ("timestamp '2002-06-10 08:30:00.25'", "\"2002-06-10 08:30:00.25\""),
        ("timestamp '-infinity'", "\"-infinity\""),
        ("timestamptz '2002-06-10 08:30:00+08'", "\"2002-06-10 00:30:00+00\""),
        ("'{\"a\": [1]}'::jsonb", "{\"a\": [1]}"),
        ("'{\"a\": [1]}'::json", "{\"a\": [1]}"),
        ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\""),
    ];
    values(&shop, &rows, "'x'::bytea").await;
    values(&shop, &[], "ARRAY[1]").await;
    values(&shop, &[], "date '9999-12-31' + 100000").await;
}

/// Asks for each expression, and that the last is refused by the name of its column.
async fn values(shop: &Shop, rows: &[(&str, &str)], refused: &str) {
    for (expression, expected) in rows {
        let from = if expression.starts_with("kinds.") { " FROM kinds" } else { "" };
        let query = format!("SELECT {expression} AS x{from}");
        let outcome = ask(&shop.handler(&query, json!({"one": "={{ x | tojson }}"})), "x").await;
        assert_eq!(outcome, text(&format!("={expected}")), "{expression}");
    }
    let outcome = ask(&shop.handler(&format!("SELECT {refused} AS photo"), json!({"one": "x"})), "x").await;
    let Outcome::Fail { reason } = outcome else { panic!("{refused}: {outcome:?}") };
    assert!(reason.contains("the column `photo` of type "), "{reason}");
}
