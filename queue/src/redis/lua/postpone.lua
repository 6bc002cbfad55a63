#!lua flags=allow-oom
-- Lets the lane of a leased message wait: for a retry, or for a snooze. The message stays its head.
--
-- KEYS[1]  lease  zset  leased lane -> when its lease runs out, us
-- KEYS[2]  delay  zset  delayed lane -> when it is due, us
-- KEYS[3]  run    hash  record of the lane
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  lane
-- ARGV[3]  proof: token and id
-- ARGV[4]  delay, us
-- ARGV[5]  the counter of the record that rises: "failures" or "snoozes"
-- ARGV[6]  reason
--
-- Returns: 1 postponed, 0 the lease is lost.

local function now_us()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end

local run = KEYS[3]
if redis.call('HGET', run, 'token') ~= ARGV[3] then return 0 end
redis.call('HDEL', run, 'token')
redis.call('HINCRBY', run, ARGV[5], 1)
redis.call('HSET', run, 'error', ARGV[6])
redis.call('ZREM', KEYS[1], ARGV[2])
redis.call('ZADD', KEYS[2], string.format('%.0f', now_us() + tonumber(ARGV[4])), ARGV[2])
return 1
