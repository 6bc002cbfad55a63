-- Rows that can't be read any more, kept out of the way of the rest. A file made before this table existed gets it when it is
-- opened.
CREATE TABLE IF NOT EXISTS damaged (
    no       INTEGER PRIMARY KEY,
    since_us INTEGER NOT NULL,
    name     TEXT NOT NULL,             -- "message" or "held", and a number
    problem  TEXT NOT NULL,
    told     INTEGER NOT NULL DEFAULT 0,    -- 1: a take has told it
    lane     BLOB,                      -- as far as it is known; these may be no text any more
    id       BLOB,
    class    BLOB,
    replies  BLOB,
    payload  BLOB
) STRICT;

CREATE INDEX IF NOT EXISTS damaged_untold ON damaged (no) WHERE told = 0;

-- Finds the classes that have suspects without reading all ready lanes.
CREATE INDEX IF NOT EXISTS lane_suspect ON lane (class) WHERE state = 'ready' AND suspect = 1;
