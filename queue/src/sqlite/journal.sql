-- How messages ended. A file made before this table existed gets it when it is opened.
CREATE TABLE IF NOT EXISTS journal (
    no         INTEGER PRIMARY KEY,         -- the order of ends
    ended_us   INTEGER NOT NULL,
    id         TEXT NOT NULL,
    lane       TEXT NOT NULL,               -- lane.name
    class      TEXT NOT NULL,
    arrived_us INTEGER NOT NULL,
    dies_of    TEXT,                        -- none: it was completed
    failures   INTEGER NOT NULL,
    losses     INTEGER NOT NULL,
    sent       INTEGER NOT NULL,
    note       BLOB                         -- its last holder's
) STRICT;

-- Has a row where ends leave no records.
CREATE TABLE IF NOT EXISTS no_journal (
    one INTEGER PRIMARY KEY CHECK (one = 1)
) STRICT;

-- The notes of messages that the queue itself may end: of a current one (message.seq) or a held one (held.no).
CREATE TABLE IF NOT EXISTS note (
    seq   INTEGER UNIQUE,
    held  INTEGER UNIQUE,
    bytes BLOB NOT NULL,
    CHECK ((seq IS NULL) <> (held IS NULL))
) STRICT;

CREATE TRIGGER IF NOT EXISTS message_note_out AFTER DELETE ON message BEGIN
    DELETE FROM note WHERE seq = old.seq;
END;

CREATE TRIGGER IF NOT EXISTS held_note_out AFTER DELETE ON held BEGIN
    DELETE FROM note WHERE held = old.no;
END;
