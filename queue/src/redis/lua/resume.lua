#!lua flags=allow-oom
-- Ends a pause. A lane that was parked is ready.
--
-- Uses: base, record, lane.
--
-- KEYS[1]  base    (none)  prefix of this shard's keys: older and run keys are named from it
-- KEYS[2]  wake    list    wake-up tokens of idle workers
-- KEYS[3]  paused  hash    what is paused: "*", "c" and a class, "l" and a lane
-- KEYS[4]  parked  zset    parked lane -> since when, us
--
-- ARGV[1]  test clock, us, or "" for the time of Redis: not used here
-- ARGV[2]  what
--
-- Returns: 1 resumed, 0 it was not paused.

if redis.call('HDEL', KEYS[3], ARGV[2]) == 0 then return 0 end
local lane = ARGV[2]:sub(1, 1) == 'l' and ARGV[2]:sub(2)
if not lane then
  wake(WAKE_MAX)
elseif redis.call('ZREM', KEYS[4], lane) == 1 then
  wake(make_ready('RPUSH', lane))
end
return 1
