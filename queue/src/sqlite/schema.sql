-- The embedded queue. PRAGMA user_version holds the format, PRAGMA application_id says whose file it is.
--
-- Times are microseconds since the Unix epoch by the queue's own clock (arrived_us: by the receiver's).
-- Anyone may read the file with sqlite3 while the queue runs. Only the queue may write to it.

-- One row: what the engine must remember of itself.
CREATE TABLE meta (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    last_us INTEGER NOT NULL,           -- the time of the last commit: the clock never starts before it
    takes   INTEGER NOT NULL            -- how many takes gave something: the counter in every lease's token
) STRICT;

INSERT INTO meta (one, last_us, takes) VALUES (1, 0, 0);

-- The lanes that have current or waiting messages, and only those. A lane is in exactly one state:
--   ready    its head can be taken; position orders the ready lanes of a class, the least is next
--   leased   its head is being handled by worker, under token, until due_us
--   delayed  its head waits for its next attempt, or for an answer by call back, until due_us
--   parked   it is paused, and its turn has come
CREATE TABLE lane (
    no       INTEGER PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    class    TEXT NOT NULL,             -- the class of its head, as it was when the lane got into its state
    state    TEXT NOT NULL,
    suspect  INTEGER NOT NULL,          -- 1: its head has outlived so many workers that it is taken alone
    current  INTEGER,                   -- message.seq of its current message: from its first take to its end
    position INTEGER,                   -- ready only; may be negative: the front is the minimum - 1, the end the maximum + 1
    due_us   INTEGER,                   -- leased: when the lease runs out; delayed: when the delay is over
    token    TEXT,                      -- leased only: what a settling call must carry
    worker   TEXT,                      -- leased only: the worker's name, for people
    followed INTEGER NOT NULL DEFAULT 0,    -- 1: others waited behind its current message when that was taken
    sends    INTEGER NOT NULL DEFAULT 0,    -- sends announced in it; gone with the lane, and so is what follows
    allowed  INTEGER,                       -- how many there may be in all, if it is known,
    until_s  INTEGER,                       -- until when (Unix seconds),
    closed   TEXT,                          -- and what has closed that since: 'refused' or 'ended'
    CHECK (CASE state
        WHEN 'ready'   THEN position IS NOT NULL AND due_us IS NULL     AND token IS NULL     AND worker IS NULL
        WHEN 'leased'  THEN position IS NULL     AND due_us IS NOT NULL AND token IS NOT NULL AND worker IS NOT NULL
                            AND current IS NOT NULL
        WHEN 'delayed' THEN position IS NULL     AND due_us IS NOT NULL AND token IS NULL     AND worker IS NULL
                            AND current IS NOT NULL
        WHEN 'parked'  THEN position IS NULL     AND due_us IS NULL     AND token IS NULL     AND worker IS NULL
        ELSE 0 END)
) STRICT;

CREATE UNIQUE INDEX lane_ready ON lane (class, suspect, position) WHERE state = 'ready';
CREATE INDEX lane_due ON lane (state, due_us, name) WHERE due_us IS NOT NULL;

-- Every message not yet at its end, except held ones. Without a current message the older of the heads of the lane's two
-- lists is next; the current one stays in place while it is handled.
CREATE TABLE message (
    seq        INTEGER PRIMARY KEY,     -- the order of acceptance: that of the lane's first list
    lane_no    INTEGER NOT NULL,        -- lane.no
    second     INTEGER,                 -- its place in the lane's second list, if it is in that: drained or woken ones
    id         TEXT NOT NULL,           -- not unique: an id may come again after the dedup window
    class      TEXT NOT NULL,
    arrived_us INTEGER NOT NULL,
    payload    BLOB NOT NULL            -- as it was accepted; last, since it may fill many pages
) STRICT;

-- Each ends in seq, as every index ends in the rowid.
CREATE INDEX message_lane ON message (lane_no) WHERE second IS NULL;
CREATE INDEX message_second ON message (lane_no, second) WHERE second IS NOT NULL;

-- What has happened to a message so far: to a current one, or to one that was held. Written when there is something to
-- remember; gone with the message.
CREATE TABLE head (
    seq        INTEGER PRIMARY KEY,         -- message.seq
    failures   INTEGER NOT NULL DEFAULT 0,  -- attempts that failed
    failing_since_us INTEGER,               -- when the first did, since it was taken first or was held
    gives_way_us     INTEGER,               -- until when it may hold up others while it waits for its next attempt
    losses     INTEGER NOT NULL DEFAULT 0,  -- leases that ran out, and count
    lost_by    TEXT,                        -- the workers that lost them
    confirmed  INTEGER NOT NULL DEFAULT 0,  -- 1: the lease was renewed, so that losing it counts
    snoozes    INTEGER NOT NULL DEFAULT 0,  -- delays that used no attempt
    last_error TEXT,                        -- why the last attempt failed or was snoozed
    sent       INTEGER NOT NULL DEFAULT 0,  -- parts of the answer that are confirmed sent
    sending    INTEGER,                     -- the part about to be sent, from 0: after a crash, the unsure one
    replies    BLOB,                        -- the handler's replies, in the worker's format
    triggers   INTEGER NOT NULL DEFAULT 0,  -- waking messages that came since it was taken first
    forgets    INTEGER NOT NULL DEFAULT 0,  -- 1: it writes no memory any more, since its user has left
    awaiting   INTEGER NOT NULL DEFAULT 0,  -- 1: it waits for an answer by call back
    unanswered INTEGER NOT NULL DEFAULT 0,  -- 1: it waited for one, and none came
    unheard    INTEGER NOT NULL DEFAULT 0,  -- 1: no take has given the answer yet
    answer     BLOB                         -- the answer by call back
) STRICT;

-- Messages that are held until their lane gets a waking one.
CREATE TABLE held (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,   -- the order in which they were held
    lane       TEXT NOT NULL,               -- lane.name; the lane need not be there
    id         TEXT NOT NULL,
    class      TEXT NOT NULL,
    arrived_us INTEGER NOT NULL,
    until_us   INTEGER NOT NULL,            -- then it dies of
    reason     TEXT NOT NULL,
    refused    INTEGER NOT NULL,            -- 1: since a send was refused
    failures   INTEGER NOT NULL,
    snoozes    INTEGER NOT NULL,
    last_error TEXT,
    sent       INTEGER NOT NULL,
    sending    INTEGER,
    replies    BLOB,
    answer     BLOB,
    payload    BLOB NOT NULL
) STRICT;

CREATE INDEX held_lane ON held (lane);
CREATE INDEX held_until ON held (until_us);

-- What is paused: "*", "c" and a class, "l" and a lane.
CREATE TABLE paused (
    scope    TEXT PRIMARY KEY,
    since_us INTEGER NOT NULL,
    reason   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Values with an end: "memory:" and a lane, "answered:" and an id, "value:" and "limit:" and a name. A row past its time
-- counts as absent; commits prune a bounded number of them.
CREATE TABLE value (
    name     TEXT PRIMARY KEY,
    until_us INTEGER NOT NULL,
    bytes    BLOB NOT NULL
) STRICT;

CREATE INDEX value_until ON value (until_us);

-- Ids within the dedup window. A row past its time counts as absent; commits prune a bounded number of them.
CREATE TABLE seen (
    id         TEXT PRIMARY KEY,
    expires_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX seen_expires ON seen (expires_us);

-- The last take of each worker, so that a repeated one gives the same batch.
CREATE TABLE take (
    incarnation TEXT PRIMARY KEY,       -- the worker's
    call        INTEGER NOT NULL,       -- the number of the call, bit for bit: large ones read as negative
    token       TEXT NOT NULL,          -- the token of all leases of the batch
    lanes       TEXT NOT NULL,          -- JSON: the numbers of its lanes, in the order of the batch
    at_us       INTEGER NOT NULL        -- when: old rows are pruned
) STRICT, WITHOUT ROWID;

-- Dead letters, kept until a person retries or drops them.
CREATE TABLE dead (
    no         INTEGER PRIMARY KEY,     -- the order of death
    id         TEXT NOT NULL,
    lane       TEXT NOT NULL,           -- lane.name
    class      TEXT NOT NULL,
    arrived_us INTEGER NOT NULL,
    died_us    INTEGER NOT NULL,
    reason     TEXT NOT NULL,
    failures   INTEGER NOT NULL,
    losses     INTEGER NOT NULL,
    on_arrival INTEGER NOT NULL,        -- 1: dead when it came; a class keeps only so many of these
    payload    BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX dead_by_id ON dead (id);
CREATE INDEX dead_by_age ON dead (died_us, id);

-- Counters, so that looking costs nothing in proportion to the backlog. The triggers below keep them.
CREATE TABLE class (
    name            TEXT PRIMARY KEY,
    open            INTEGER NOT NULL DEFAULT 0,  -- messages not yet at their end, held ones too
    held            INTEGER NOT NULL DEFAULT 0,  -- held ones
    ready           INTEGER NOT NULL DEFAULT 0,  -- lanes by state
    leased          INTEGER NOT NULL DEFAULT 0,
    delayed         INTEGER NOT NULL DEFAULT 0,
    parked          INTEGER NOT NULL DEFAULT 0,
    dead            INTEGER NOT NULL DEFAULT 0,  -- dead letters
    dead_on_arrival INTEGER NOT NULL DEFAULT 0,  -- those of them that were dead when they came
    dead_uncounted  INTEGER NOT NULL DEFAULT 0   -- dead on arrival, but not kept: written by accept, not by a trigger
) STRICT, WITHOUT ROWID;

CREATE TRIGGER message_in AFTER INSERT ON message BEGIN
    INSERT INTO class (name, open) VALUES (new.class, 1)
        ON CONFLICT (name) DO UPDATE SET open = open + 1;
END;

CREATE TRIGGER message_out AFTER DELETE ON message BEGIN
    UPDATE class SET open = open - 1 WHERE name = old.class;
END;

CREATE TRIGGER held_in AFTER INSERT ON held BEGIN
    UPDATE class SET open = open + 1, held = held + 1 WHERE name = new.class;
END;

CREATE TRIGGER held_out AFTER DELETE ON held BEGIN
    UPDATE class SET open = open - 1, held = held - 1 WHERE name = old.class;
END;

CREATE TRIGGER lane_in AFTER INSERT ON lane BEGIN
    INSERT INTO class (name, ready) VALUES (new.class, 1)
        ON CONFLICT (name) DO UPDATE SET ready = ready + 1;
END;

CREATE TRIGGER lane_out AFTER DELETE ON lane BEGIN
    UPDATE class SET
        ready = ready - (old.state = 'ready'),
        leased = leased - (old.state = 'leased'),
        delayed = delayed - (old.state = 'delayed'),
        parked = parked - (old.state = 'parked')
        WHERE name = old.class;
END;

CREATE TRIGGER lane_moved AFTER UPDATE OF state, class ON lane BEGIN
    UPDATE class SET
        ready = ready - (old.state = 'ready'),
        leased = leased - (old.state = 'leased'),
        delayed = delayed - (old.state = 'delayed'),
        parked = parked - (old.state = 'parked')
        WHERE name = old.class;
    UPDATE class SET
        ready = ready + (new.state = 'ready'),
        leased = leased + (new.state = 'leased'),
        delayed = delayed + (new.state = 'delayed'),
        parked = parked + (new.state = 'parked')
        WHERE name = new.class;
END;

CREATE TRIGGER dead_in AFTER INSERT ON dead BEGIN
    INSERT INTO class (name, dead, dead_on_arrival) VALUES (new.class, 1, new.on_arrival)
        ON CONFLICT (name) DO UPDATE SET
            dead = dead + 1, dead_on_arrival = dead_on_arrival + excluded.dead_on_arrival;
END;

CREATE TRIGGER dead_out AFTER DELETE ON dead BEGIN
    UPDATE class SET dead = dead - 1, dead_on_arrival = dead_on_arrival - old.on_arrival WHERE name = old.class;
END;
