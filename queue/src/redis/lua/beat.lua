#!lua flags=allow-oom
-- Notes that the store serves, for callers without a lease.
--
-- Uses: base, damage, pulse.
--
-- KEYS[1]  base   (none)  prefix of this shard's keys: alarm, damaged and lease keys are named from it
-- KEYS[2]  pulse  hash    when the store was last known to serve
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
--
-- Returns: 1.

pulse(now_us())
return 1
