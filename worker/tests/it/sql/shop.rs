//! A database of one test's, with stations in it, and how it is asked.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use huixin_wechat::{Message, Secret};
use huixin_worker::handlers::sql::{Answers, Database, Place, SqlHandler, Statement};
use huixin_worker::{Context, Handler as _, Outcome};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, PgConnection, Row as _, SqliteConnection};

use crate::support::database::DatabaseServer;

const SCHEMA: &str = "
    CREATE TABLE stations (code VARCHAR(20) PRIMARY KEY, place VARCHAR(100) NOT NULL, seats INTEGER NOT NULL);
    INSERT INTO stations VALUES
        ('18-546', '车体新厂房3号', 2), ('18-547', '车体新厂房4号', 0), ('18-548', '总装线', 2);
";
pub(super) const BY_CODE: &str = "SELECT place, seats FROM stations WHERE code = :code";
pub(super) const IN_TIME: Duration = Duration::from_secs(20);

/// A database of one test's.
pub(super) struct Shop {
    pub(super) place: Place,
    _folder: tempfile::TempDir,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Driver {
    Sqlite,
    MariaDb,
    Postgres,
}

impl Shop {
    /// A database with the stations.
    pub(super) async fn open(driver: Driver) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("shop_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = tempfile::tempdir().unwrap();
        let place = match driver {
            Driver::Sqlite => Place::Sqlite(folder.path().join("shop.db")),
            Driver::MariaDb => {
                let server = tokio::task::spawn_blocking(DatabaseServer::mariadb).await.unwrap();
                let mut connection = MySqlConnection::connect(&server.url).await.unwrap();
                sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}")))
                    .execute(&mut connection)
                    .await
                    .unwrap();
                Place::MySql(Secret::from(format!("{}/{name}", server.url)))
            }
            Driver::Postgres => {
                let server = tokio::task::spawn_blocking(DatabaseServer::postgres).await.unwrap();
                let mut connection =
                    PgConnection::connect(&format!("{}/postgres", server.url)).await.unwrap();
                sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}")))
                    .execute(&mut connection)
                    .await
                    .unwrap();
                Place::Postgres(Secret::from(format!("{}/{name}", server.url)))
            }
        };
        match &place {
            Place::Sqlite(path) => {
                let mut connection = SqliteConnection::connect(&url_of(path)).await.unwrap();
                sqlx::raw_sql(SCHEMA).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            Place::MySql(url) => {
                let mut connection = MySqlConnection::connect(url.expose()).await.unwrap();
                sqlx::raw_sql(SCHEMA).execute(&mut connection).await.unwrap();
            }
            Place::Postgres(url) => {
                let mut connection = PgConnection::connect(url.expose()).await.unwrap();
                sqlx::raw_sql(SCHEMA).execute(&mut connection).await.unwrap();
            }
        }
        Self { place, _folder: folder }
    }

    pub(super) fn driver(&self) -> Driver {
        match self.place {
            Place::Sqlite(_) => Driver::Sqlite,
            Place::MySql(_) => Driver::MariaDb,
            Place::Postgres(_) => Driver::Postgres,
        }
    }

    pub(super) fn database(&self, connections: usize, writes: bool) -> Database {
        Database::new("shop", &self.place, connections, writes).unwrap()
    }

    pub(super) fn handler(&self, query: &str, answers: Value) -> SqlHandler {
        handler_on(&self.database(2, false), query, answers)
    }

    /// All but the one that does it.
    pub(super) async fn close_connections(&self) {
        match &self.place {
            Place::Sqlite(_) => {}
            Place::MySql(url) => {
                let mut connection = MySqlConnection::connect(url.expose()).await.unwrap();
                let others = "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()";
                for row in sqlx::query(others).fetch_all(&mut connection).await.unwrap() {
                    let id = row.get_unchecked::<u64, _>(0);
                    sqlx::raw_sql(AssertSqlSafe(format!("KILL {id}")))
                        .execute(&mut connection)
                        .await
                        .unwrap();
                }
            }
            Place::Postgres(url) => {
                let mut connection = PgConnection::connect(url.expose()).await.unwrap();
                let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid()";
                sqlx::query(others).execute(&mut connection).await.unwrap();
            }
        }
    }
}

fn url_of(path: &Path) -> String {
    format!("sqlite://{}?mode=rwc", path.display())
}

#[allow(clippy::needless_pass_by_value, reason = "every caller makes the answers for this")]
pub(super) fn handler_on(database: &Database, query: &str, answers: Value) -> SqlHandler {
    SqlHandler {
        database: database.clone(),
        statement: Statement::parse(query, database.dialect()).unwrap(),
        timeout: IN_TIME,
        max_rows: 50,
        answers: Answers::new(answers.get("one"), answers.get("many"), answers.get("none")).unwrap(),
    }
}

pub(super) async fn ask(handler: &SqlHandler, code: &str) -> Outcome {
    handler.handle(&message(code), &context(code)).await
}

pub(super) fn text(content: &str) -> Outcome {
    Outcome::text(content)
}

pub(super) fn message(content: &str) -> Message {
    let content = content.replace('\0', " ");
    let body = format!(
        "<xml><ToUserName>gh_1</ToUserName><FromUserName>oUser</FromUserName><CreateTime>1</CreateTime>\
         <MsgType>text</MsgType><Content><![CDATA[{content}]]></Content><MsgId>1</MsgId></xml>"
    );
    Message::parse(body.as_bytes()).unwrap()
}

pub(super) fn context(code: &str) -> Context {
    Context {
        id: "abc".into(),
        account: "main".into(),
        route: "lookup".into(),
        attempt: 1,
        accepted_at: SystemTime::UNIX_EPOCH,
        reply_until: None,
        sends_left: 5,
        captures: [("code".to_owned(), code.to_owned())].into(),
        memory: None,
        callback_url: None,
    }
}
