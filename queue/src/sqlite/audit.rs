//! Checks the invariant over the whole database while it is in use.
//!
//! Each rule is a query for its breaches, written against the tables alone. So it shares no code and no assumption with the
//! operations that it checks, and doesn't rely on the constraints of the schema either: a file may have been written with
//! those switched off. Its cost grows with the queue; it is for tests and for operators.
//!
//! Nobody may notice the audit: it has a connection of its own, which in WAL mode holds up no writer. While a transaction
//! reads, the log can't begin anew. So each transaction is short: one rule over some rows, or one rule that needs the whole
//! database.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, Params, params};

use super::step_error::StepError;
use super::text::text;
use crate::{QueueError, Violation};

/// Rows that one transaction reads through.
const ROWS_TOGETHER: i64 = 5_000;

/// Rules for each row of a table, and that row's key. Each finds breaches of one rule: the lane, and what is wrong.
const BY_ROW: &[(&str, &str, &[&str])] = &[
    ("lane", "no", OF_LANES),
    ("message", "seq", OF_MESSAGES),
    ("head", "seq", OF_HEADS),
    ("response", "no", OF_RESPONSES),
];

const OF_LANES: &[&str] = &[
    "SELECT name, 'it is ' || state || ' without a message' FROM lane
     WHERE NOT EXISTS (SELECT 1 FROM message WHERE lane_no = no AND second IS NULL)
     AND NOT EXISTS (SELECT 1 FROM message WHERE lane_no = no AND second IS NOT NULL)",
    "SELECT name, 'its state is unknown: ' || state FROM lane
     WHERE state NOT IN ('ready', 'leased', 'delayed', 'parked')",
    "SELECT name, 'its current message does not exist' FROM lane WHERE current IS NOT NULL
     AND NOT EXISTS (SELECT 1 FROM message WHERE seq = current AND lane_no = no)",
    "SELECT name, 'it is ' || state || ' without a current message' FROM lane
     WHERE state IN ('leased', 'delayed') AND current IS NULL",
    "SELECT name, 'it is parked, but not paused' FROM lane WHERE state = 'parked'
     AND NOT EXISTS (SELECT 1 FROM paused WHERE scope = 'l' || name)",
    "SELECT name, 'it awaits an answer, but is ' || state FROM lane JOIN head ON head.seq = current
     WHERE awaiting = 1 AND state <> 'delayed'",
    "SELECT name, 'it is ready as suspect ' || suspect || ' with ' || coalesce(losses, 0) || ' losses' FROM lane
     LEFT JOIN head ON head.seq = current WHERE state = 'ready' AND suspect <> (coalesce(losses, 0) >= 2)",
    "SELECT name, 'it is ready without a position' FROM lane WHERE state = 'ready' AND position IS NULL",
    "SELECT name, 'it is leased without a token, a worker or a deadline' FROM lane
     WHERE state = 'leased' AND (token IS NULL OR worker IS NULL OR due_us IS NULL)",
    "SELECT name, 'it is delayed without a time' FROM lane WHERE state = 'delayed' AND due_us IS NULL",
    "SELECT name, 'it is ' || state || ' and still has a position' FROM lane
     WHERE state <> 'ready' AND position IS NOT NULL",
    "SELECT name, 'it is ' || state || ' and still has a token' FROM lane
     WHERE state <> 'leased' AND (token IS NOT NULL OR worker IS NOT NULL)",
    "SELECT name, 'it is ' || state || ' and still has a time' FROM lane
     WHERE state IN ('ready', 'parked') AND due_us IS NOT NULL",
    "SELECT name, 'it is in class ' || lane.class || ', its current message in ' || message.class FROM lane
     JOIN message ON seq = current WHERE lane.class <> message.class",
];

const OF_MESSAGES: &[&str] =
    &["SELECT lane_no, 'the message ' || id || ' is in a lane that does not exist' FROM message
     WHERE NOT EXISTS (SELECT 1 FROM lane WHERE no = lane_no)"];

const OF_HEADS: &[&str] = &[
    "SELECT coalesce(lane.name, ''), 'what is known of message ' || head.seq || ' is kept, but it was never current'
     FROM head LEFT JOIN message ON message.seq = head.seq LEFT JOIN lane ON lane.no = message.lane_no
     WHERE message.seq IS NULL OR (message.second IS NULL AND message.seq IS NOT lane.current)",
];

const OF_RESPONSES: &[&str] = &[
    "SELECT lane, 'an answer is kept of a message that is gone' FROM response
     WHERE NOT EXISTS (SELECT 1 FROM held WHERE held.no = response.held)
     AND NOT EXISTS (SELECT 1 FROM message WHERE message.seq = response.seq)",
    "SELECT response.lane, 'its message ' || seq || ' is offered, but the lane is not delayed for it' FROM response
     WHERE seq IS NOT NULL AND NOT EXISTS (SELECT 1 FROM lane WHERE name = response.lane AND current = seq AND state = 'delayed')",
    "SELECT lane, 'its answer has no parts' FROM response
     WHERE NOT EXISTS (SELECT 1 FROM part WHERE part.response = response.no)",
];

/// Rules that need the whole database.
const OF_ALL: &[&str] = &[
    "SELECT name, 'it has ' || count(*) || ' rows' FROM lane GROUP BY name HAVING count(*) > 1",
    "SELECT min(name), count(*) || ' ready lanes of class ' || class || ' have the same position' FROM lane
     WHERE state = 'ready' GROUP BY class, suspect, position HAVING count(*) > 1",
    "SELECT '', count(*) || ' parts are kept of no answer' FROM part WHERE response NOT IN (SELECT no FROM response) HAVING count(*) > 0",
    "SELECT lane, count(*) || ' messages are held' FROM held GROUP BY lane HAVING count(*) > 20",
    "WITH counted (class, what, n) AS (
        SELECT class, 'open', count(*) FROM (
            SELECT class FROM message UNION ALL SELECT class FROM held
        ) GROUP BY class
        UNION ALL SELECT class, 'held', count(*) FROM held GROUP BY class
        UNION ALL SELECT class, state, count(*) FROM lane GROUP BY class, state
        UNION ALL SELECT class, 'dead', count(*) FROM dead GROUP BY class
        UNION ALL SELECT class, 'dead on arrival', sum(on_arrival) FROM dead GROUP BY class
     ), kept (class, what, n) AS (
        SELECT name, 'open', open FROM class
        UNION ALL SELECT name, 'ready', ready FROM class
        UNION ALL SELECT name, 'leased', leased FROM class
        UNION ALL SELECT name, 'delayed', delayed FROM class
        UNION ALL SELECT name, 'parked', parked FROM class
        UNION ALL SELECT name, 'held', held FROM class
        UNION ALL SELECT name, 'dead', dead FROM class
        UNION ALL SELECT name, 'dead on arrival', dead_on_arrival FROM class
     )
     SELECT '', 'class ' || class || ' has ' || coalesce(counted.n, 0) || ' ' || what || ', not ' ||
        coalesce(kept.n, 0) || ' as counted' FROM counted FULL JOIN kept USING (class, what)
     WHERE coalesce(counted.n, 0) <> coalesce(kept.n, 0)",
    "SELECT CAST(lane AS TEXT), 'the ' || name || ' was damaged (' || problem || ') and has been set aside since Unix time ' ||
        (since_us / 1000000) || ': look at it in the table damaged, and delete it there while nothing runs' FROM damaged",
];

/// All breaches there are. It blocks.
pub(super) fn audit(path: &Path, place: &str) -> Result<Vec<Violation>, QueueError> {
    look(path).map_err(|error| StepError::Store(error).into_error(place))
}

fn look(path: &Path) -> rusqlite::Result<Vec<Violation>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    let mut violations = Vec::new();
    for (table, row, rules) in BY_ROW {
        let page =
            format!("SELECT max(n) FROM (SELECT {row} AS n FROM {table} WHERE n > ?1 ORDER BY n LIMIT ?2)");
        let mut behind = i64::MIN;
        while let Some(last) = db.query_row(&page, params![behind, ROWS_TOGETHER], |row| row.get(0))? {
            // The table is replaced by its rows on this page.
            let rows = format!("{table} AS (SELECT * FROM main.{table} WHERE {row} > ?1 AND {row} <= ?2)");
            for rule in *rules {
                find(&db, &format!("WITH {rows}, {}", named(rule)), params![behind, last], &mut violations)?;
            }
            behind = last;
        }
    }
    for rule in OF_ALL {
        find(&db, &format!("WITH {}", named(rule)), [], &mut violations)?;
    }
    let mut tables =
        db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")?;
    let tables = tables.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    for table in tables {
        let damage = format!(
            "SELECT '', 'the file is damaged: ' || quick_check FROM pragma_quick_check('{table}')
             WHERE quick_check <> 'ok'"
        );
        find(&db, &format!("WITH {}", named(&damage)), [], &mut violations)?;
    }
    Ok(violations)
}

fn find(
    db: &Connection,
    sql: &str,
    rows: impl Params,
    violations: &mut Vec<Violation>,
) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached(sql)?;
    let found =
        statement.query_map(rows, |row| Ok(Violation { lane: text(row, 0)?, problem: text(row, 1)? }))?;
    for violation in found {
        violations.push(violation?);
    }
    Ok(())
}

/// Gives a rule's two columns their names, and the lane the type of text.
fn named(rule: &str) -> String {
    format!("breach (lane, problem) AS ({rule}) SELECT CAST(lane AS TEXT), problem FROM breach")
}
