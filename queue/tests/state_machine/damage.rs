//! What somebody might do to a store behind the back of its queue.
//!
//! Each of these adds something that can't be read, or whose record is missing, and takes no message away. So a queue must
//! behave as if it had not happened: nothing that was acknowledged is lost, no lane waits for it, and the reference doesn't hear of
//! it. What takes messages away is for the tests of the engines.

use huixin_queue::Counts;
use huixin_queue::prelude::*;
use huixin_queue::testing::RedisServer;

use super::names::{class_of, lane};

/// How many kinds there are.
pub(crate) const DAMAGES: u8 = 12;

/// Whether this kind puts a lane somewhere that has no record.
pub(crate) fn makes_ghosts(kind: u8) -> bool {
    kind >= 8
}

/// A lane that stands somewhere although its record and its messages are missing.
const GHOST: &str = "ghost";

/// In Redis: by a script, so that it happens in one step.
pub(crate) fn redis(server: &RedisServer, n: u8, kind: u8) {
    let (name, class) = (lane(n), class_of(n));
    let unless_there = |key: String, write: &str| {
        format!("if redis.call('EXISTS', '{key}') == 0 then redis.call({write}) end")
            .replace("KEY", &format!("'{key}'"))
    };
    let key = |kind: &str| format!("{{test:0}}:{kind}:{name}");
    let script = match kind {
        // In front of waiting messages, since a lane without any stands nowhere; but not in front of a current one.
        0 | 1 => {
            let list = key(if kind == 0 { "older" } else { "lane" });
            format!(
                "if redis.call('EXISTS', '{list}') == 1 and redis.call('EXISTS', '{}') == 0 then
                    redis.call('LPUSH', '{list}', '\\006\\193\\255') end",
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
        7 => unless_there("{test:0}:alarm".to_owned(), "'SET', KEY, 'garbage'"),
        8 => format!("redis.call('ZADD', '{{test:0}}:lease', 1, '{GHOST}')"),
        9 => format!("redis.call('ZADD', '{{test:0}}:delay', 1, '{GHOST}')"),
        10 => format!("redis.call('ZADD', '{{test:0}}:hold', 1, '\\0011{GHOST}')"),
        _ => {
            let class = class_of(0);
            format!(
                "redis.call('LPUSH', '{{test:0}}:ready:{class}', '{GHOST}')
                 redis.call('ZADD', '{{test:0}}:classes:ready', 0, '{class}')"
            )
        }
    };
    server.cli(&["EVAL", &script, "0"]);
}

/// In a file, while the queue has it open.
pub(crate) fn sqlite(path: &std::path::Path, n: u8, kind: u8) {
    let (name, class) = (lane(n), class_of(0));
    // Lanes begin as ready ones: so they are counted.
    let stand = |state: &str, set: &str| {
        format!(
            "INSERT OR IGNORE INTO lane (name, class, state, suspect, position) VALUES ('{GHOST} {state}', '{class}', 'ready',
             0, (SELECT coalesce(min(position), 0) - 1 FROM lane WHERE class = '{class}' AND suspect = 0));
             UPDATE lane SET state = '{state}'{set} WHERE name = '{GHOST} {state}'"
        )
    };
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
        7 => "INSERT INTO seen (id, expires_us) VALUES (CAST(x'ff' AS TEXT), 1) ON CONFLICT DO NOTHING".to_owned(),
        8 => stand("leased", ", current = -8, due_us = 1, token = 'x', worker = 'somebody', position = NULL"),
        9 => stand("delayed", ", current = -9, due_us = 1, position = NULL"),
        10 => "INSERT OR IGNORE INTO head (seq, failures) VALUES (-10, 1)".to_owned(),
        _ => stand("ready", ""),
    };
    open(path).execute_batch(&sql).expect("the SQL runs");
}

/// How many ghosts stand where: they count until a take meets them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ghosts {
    leased: u64,
    delayed: u64,
    held: u64,
    ready: u64,
}

impl Ghosts {
    pub(crate) fn in_redis(server: &RedisServer) -> Self {
        let script = format!(
            "local function count(zset, member) return redis.call('ZSCORE', '{{test:0}}:' .. zset, member) and 1 or 0 end
            return {{ count('lease', '{GHOST}'), count('delay', '{GHOST}'), count('hold', '\\0011{GHOST}'),
                #redis.call('LPOS', '{{test:0}}:ready:{}', '{GHOST}', 'COUNT', 0) }}",
            class_of(0)
        );
        let counts = server.cli(&["EVAL", &script, "0"]);
        let mut counts = counts.lines().map(|count| count.parse().expect("a number"));
        let mut next = || counts.next().expect("four numbers");
        Self { leased: next(), delayed: next(), held: next(), ready: next() }
    }

    pub(crate) fn in_file(path: &std::path::Path) -> Self {
        let db = open(path);
        let count = |state: &str| {
            let sql = format!("SELECT count(*) FROM lane WHERE name LIKE '{GHOST}%' AND state = '{state}'");
            u64::from(db.query_one(&sql, [], |row| row.get::<_, u32>(0)).expect("the SQL runs"))
        };
        Self { leased: count("leased"), delayed: count("delayed"), held: 0, ready: count("ready") }
    }

    pub(crate) fn leave(self, counts: &mut Counts) {
        counts.running -= self.leased;
        counts.delayed -= self.delayed;
        counts.held -= self.held;
        for (class, lanes) in &mut counts.ready_lanes {
            *lanes -= if *class == class_of(0) { self.ready } else { 0 };
        }
        counts.ready_lanes.retain(|_, lanes| *lanes > 0);
    }
}

fn open(path: &std::path::Path) -> rusqlite::Connection {
    let db = rusqlite::Connection::open(path).expect("SQLite opens the file");
    db.busy_timeout(std::time::Duration::from_secs(5)).expect("it can wait");
    db
}

/// The findings of the audit that are breaches: not about damage that was done, or its traces.
pub(crate) async fn audit(queue: &dyn Queue) -> String {
    let found = queue.audit().await.expect("the audit runs");
    let is_damage = |problem: &str| {
        [
            "set aside",
            "sets aside",
            "can't be read",
            "it is not a ",
            "counted as open",
            "open, not",
            " have an end",
            "it was never current",
        ]
        .iter()
        .any(|text| problem.contains(text))
    };
    let is_breach =
        |found: &huixin_queue::Violation| !found.lane.starts_with(GHOST) && !is_damage(&found.problem);
    let breaches: Vec<_> = found.into_iter().filter(is_breach).collect();
    format!("{breaches:?}")
}
