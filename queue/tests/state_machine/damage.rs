//! What somebody might do to a store behind the back of its queue.
//!
//! Each of these adds something that can't be read, or that stands for nothing, and takes no message away. So a queue must
//! behave as if it had not happened: nothing that was acknowledged is lost, no lane waits for it, and the reference doesn't hear of
//! it. What takes messages away is for the tests of the engines.

use huixin_queue::prelude::*;
use huixin_queue::testing::RedisServer;

use crate::names::{class_of, lane};

/// How many kinds there are.
pub(crate) const DAMAGES: u8 = 8;

/// In Redis: by a script, so that it happens in one step.
pub(crate) fn redis(server: &RedisServer, n: u8, kind: u8) {
    let (name, class) = (lane(n), class_of(n));
    let unless_there = |key: String, write: &str| {
        format!("if redis.call('EXISTS', '{key}') == 0 then redis.call({write}) end")
            .replace("KEY", &format!("'{key}'"))
    };
    let key = |kind: &str| format!("{{test:0}}:{kind}:{name}");
    let script = match kind {
        // In front of messages that are there, since a lane that has nothing else stands nowhere, and not of a current one.
        0 | 1 => {
            let list = key(if kind == 0 { "older" } else { "lane" });
            format!(
                "if redis.call('EXISTS', '{list}') == 1 and redis.call('EXISTS', '{}') == 0 then
                    redis.call('LPUSH', '{list}', '\\005\\193\\255') end",
                key("run")
            )
        }
        2 => unless_there(key("held"), "'SET', KEY, 'garbage'"),
        3 => unless_there(key("older"), "'SADD', KEY, 'garbage'"),
        4 => unless_there(key("memory"), "'HSET', KEY, 'garbage', 1"),
        5 => {
            "redis.call('DEL', '{test:0}:wake'); redis.call('HSET', '{test:0}:wake', 'garbage', 1)".to_owned()
        }
        6 => unless_there(format!("{{test:0}}:suspect:{class}"), "'SET', KEY, 'garbage'"),
        _ => unless_there("{test:0}:alarm".to_owned(), "'SET', KEY, 'garbage'"),
    };
    server.cli(&["EVAL", &script, "0"]);
}

/// In a file, while the queue has it open.
pub(crate) fn sqlite(path: &std::path::Path, n: u8, kind: u8) {
    let name = lane(n);
    let sql = match kind {
        0 | 1 => format!(
            "INSERT INTO message (seq, lane_no, second, id, class, arrived_us, payload)
             SELECT (SELECT min(seq) - 1 FROM message), no, {}, CAST(x'ff' AS TEXT), CAST(x'fe' AS TEXT), 1, x'00' FROM lane
             WHERE name = '{name}' AND current IS NULL
             AND EXISTS (SELECT 1 FROM message WHERE lane_no = no AND second IS {} NULL)",
            if kind == 0 { "(SELECT min(second) - 1 FROM message WHERE lane_no = no)" } else { "NULL" },
            if kind == 0 { "NOT" } else { "" },
        ),
        2 => format!("UPDATE lane SET token = CAST(x'ff' AS TEXT) WHERE name = '{name}' AND state = 'never'"),
        3 => "INSERT OR IGNORE INTO class (name, open) VALUES (CAST(x'ff' AS TEXT), -1)".to_owned(),
        4 => "INSERT OR IGNORE INTO value (name, until_us, bytes) VALUES (CAST(x'ff' AS TEXT), 1, x'ff')".to_owned(),
        5 => "INSERT OR IGNORE INTO take (incarnation, call, token, lanes, at_us) VALUES ('x', 1, CAST(x'ff' AS TEXT), '[]', 1)".to_owned(),
        6 => "UPDATE class SET parked = parked WHERE name = 'none'".to_owned(),
        _ => "INSERT INTO seen (id, expires_us) VALUES (CAST(x'ff' AS TEXT), 1) ON CONFLICT DO NOTHING".to_owned(),
    };
    let db = rusqlite::Connection::open(path).expect("SQLite opens the file");
    db.busy_timeout(std::time::Duration::from_secs(5)).expect("it can wait");
    db.execute_batch(&sql).expect("the SQL runs");
}

/// Whether what an audit says is about damage that was done, or its traces. Everything else it says is a breach.
pub(crate) async fn audit(queue: &dyn Queue) -> String {
    let found = queue.audit().await.expect("the audit runs");
    let is_damage = |problem: &str| {
        ["set aside", "put away", "puts away", "can't be read", "it is no ", "counted as open", "open, not"]
            .iter()
            .any(|text| problem.contains(text))
    };
    let breaches: Vec<_> = found.into_iter().filter(|violation| !is_damage(&violation.problem)).collect();
    format!("{breaches:?}")
}
