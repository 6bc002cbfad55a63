#!lua flags=allow-oom
-- Tells the receiver that keeps the newest push of a lane open to look at the lane.
--
-- Uses: base, damage, record, respond.
--
-- KEYS[1]  base    (none)  prefix of this shard's keys, from which are named: alarm, damaged, news
-- KEYS[2]  newest  string  the lane's newest open push: a record. Expires
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  lane
--
-- Returns: 1.

post(newest_of(ARGV[2], now_us()), ARGV[2])
return 1
