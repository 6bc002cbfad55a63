#!lua flags=allow-oom
-- Pauses everything, a class or a lane.
--
-- Uses: base, damage.
--
-- KEYS[1]  base    (none)  prefix of this shard's keys: alarm and damaged keys are named from it
-- KEYS[2]  paused  hash    what is paused: "*", "c" and a class, "l" and a lane -> since when, us, a colon, the reason
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  what
-- ARGV[3]  reason
--
-- Returns: 1.

share('HSET', 'paused', ARGV[2], us(now_us()) .. ':' .. ARGV[3])
return 1
