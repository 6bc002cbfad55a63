-- A spool. PRAGMA user_version holds the format, PRAGMA application_id says whose file it is.
--
-- Times are microseconds since the Unix epoch by the spool's own clock (arrived_us: by the receiver's).
-- Anyone may read the file with sqlite3 while a receiver has it. Only its receiver may write to it.

-- One row: what the spool must remember of itself, and counters, so that looking costs nothing in proportion to the
-- entries. The triggers below keep the counters.
CREATE TABLE meta (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    last_us     INTEGER NOT NULL,           -- the time of the last commit: the clock never starts before it
    entries     INTEGER NOT NULL,           -- those to be drained
    bytes       INTEGER NOT NULL,           -- of all, the quarantined ones too
    quarantined INTEGER NOT NULL
) STRICT;

INSERT INTO meta (one, last_us, entries, bytes, quarantined) VALUES (1, 0, 0, 0, 0);

-- What the store has not taken yet, or has taken a moment ago. AUTOINCREMENT: a number never comes again, so a reader
-- on from the last number misses nothing.
CREATE TABLE entry (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of arrival
    id          TEXT NOT NULL UNIQUE,       -- the message's: pushed again, it is found here
    lane        TEXT NOT NULL,
    class       TEXT NOT NULL,
    arrived_us  INTEGER NOT NULL,
    spooled_us  INTEGER NOT NULL,           -- when it was put here: its age counts from then
    bytes       INTEGER NOT NULL,           -- what it counts for against the limit
    held        INTEGER NOT NULL,           -- what it does to the held messages of its lane: 0 nothing, 1 wakes, 2 buries
    allowed     INTEGER NOT NULL,           -- the right that it opens: its end in seconds, and in the last 16 bits the sends
    dead_reason TEXT,                       -- to be stored among the dead letters, for this reason
    refusal     TEXT,                       -- quarantined: why the store refuses it
    payload     BLOB NOT NULL               -- as it came; last, since it may fill many pages
) STRICT;

CREATE TRIGGER entry_in AFTER INSERT ON entry BEGIN
    UPDATE meta SET entries = entries + 1, bytes = bytes + new.bytes;
END;

CREATE TRIGGER entry_out AFTER DELETE ON entry BEGIN
    UPDATE meta SET
        entries = entries - (old.refusal IS NULL),
        quarantined = quarantined - (old.refusal IS NOT NULL),
        bytes = bytes - old.bytes;
END;

CREATE TRIGGER entry_refused AFTER UPDATE OF refusal ON entry BEGIN
    UPDATE meta SET
        entries = entries + (new.refusal IS NULL) - (old.refusal IS NULL),
        quarantined = quarantined + (new.refusal IS NOT NULL) - (old.refusal IS NOT NULL);
END;
