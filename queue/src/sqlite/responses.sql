-- Answers that may go out in the responses of pushes. A file made before these tables existed gets them when it is opened. A
-- version that doesn't know them may have the file in between: it uses the API.

-- The answer of a current message that is offered, or of a held one. Gone with the message, or with the offer.
CREATE TABLE IF NOT EXISTS response (
    no               INTEGER PRIMARY KEY,
    lane             TEXT NOT NULL,         -- lane.name
    seq              INTEGER UNIQUE,        -- message.seq of the current message, whose lane is delayed, or
    held             INTEGER UNIQUE,        -- held.no of the held one
    total            INTEGER NOT NULL,      -- with this many parts sent the message ends,
    dies_of          TEXT,                  -- dead of this, or answered
    resend           INTEGER NOT NULL,      -- 1: a held part whose claim ran out goes out again; 0: it counts as sent
    offered_until_us INTEGER,               -- for how long the current message is offered
    push             TEXT,                  -- the next part is claimed for this push,
    try              INTEGER,               -- this try of it,
    claimed_until_us INTEGER,               -- until then
    CHECK ((seq IS NULL) <> (held IS NULL))
) STRICT;

CREATE INDEX IF NOT EXISTS response_lane ON response (lane);

-- The parts that aren't sent yet.
CREATE TABLE IF NOT EXISTS part (
    response INTEGER NOT NULL,              -- response.no
    n        INTEGER NOT NULL,              -- the least is next
    bytes    BLOB NOT NULL,                 -- as it goes into a response
    PRIMARY KEY (response, n)
) STRICT;

CREATE TRIGGER IF NOT EXISTS message_response_out AFTER DELETE ON message BEGIN
    DELETE FROM response WHERE seq = old.seq;
END;

CREATE TRIGGER IF NOT EXISTS held_response_out AFTER DELETE ON held BEGIN
    DELETE FROM response WHERE held = old.no;
END;

CREATE TRIGGER IF NOT EXISTS response_out AFTER DELETE ON response BEGIN
    DELETE FROM part WHERE response = old.no;
END;

-- What is known of pushes that were kept open. A row past its time counts as absent; each push that is opened removes some.
CREATE TABLE IF NOT EXISTS push (
    id       TEXT PRIMARY KEY,
    tries    INTEGER NOT NULL,
    part     BLOB,                          -- what went out for it,
    more     INTEGER,                       -- 1: and there was more
    until_us INTEGER NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS push_until ON push (until_us);

-- The newest push of a lane that its receiver keeps open, until then. Rows go as those of push do.
CREATE TABLE IF NOT EXISTS newest (
    lane     TEXT PRIMARY KEY,              -- lane.name; the lane need not be there
    push     TEXT NOT NULL,                 -- push.id
    receiver TEXT NOT NULL,                 -- who keeps it open
    until_us INTEGER NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS newest_until ON newest (until_us);

-- What a version that doesn't know offers has taken out of one.
DELETE FROM response WHERE seq IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM message JOIN lane ON lane.no = message.lane_no
    WHERE message.seq = response.seq AND lane.current = response.seq AND lane.state = 'delayed'
);
