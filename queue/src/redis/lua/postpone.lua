#!lua flags=allow-oom
-- Lets the lane of a leased message wait: for a retry, or for a snooze. The message stays current. If its answer has come
-- by call back, the lane doesn't wait. A retry that others wait behind waits no longer than its patience lasts.
--
-- Uses: base, damage, record, mend, lane.
--
-- KEYS[1]  base   (none)  prefix of this shard's keys, from which are named: alarm,
--                      classes, damaged, delay, held, older, ready, run, sends and suspect keys
-- KEYS[2]  wake   list    wake-up tokens of idle workers
-- KEYS[3]  lease  zset    leased lane -> when its lease runs out, us
-- KEYS[4]  lane   list    packed messages of the lane, the head first
-- KEYS[5]  older  list    records of the lane's second list
-- KEYS[6]  run    hash    record of the lane's current message
-- KEYS[7]  delay  zset    delayed lane -> when it is due, us
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  lane
-- ARGV[3]  proof: token and id
-- ARGV[4]  delay, us
-- ARGV[5]  the counter of the record that rises: "failures" or "snoozes"
-- ARGV[6]  reason
-- ARGV[7]  patience of a retry from its first failure on, us, or ""
--
-- Returns: 1 postponed, 0 the lease is lost.

local lane, run = ARGV[2], KEYS[6]
local h = redis.call('HMGET', run, 'token', 'unheard', 'followed', 'trigger', 'failing_since')
if h[1] ~= ARGV[3] then return 0 end
local now = now_us()
local due = now + tonumber(ARGV[4])
redis.call('HDEL', run, 'token', 'unanswered', 'gives_way')
redis.call('HINCRBY', run, ARGV[5], 1)
if ARGV[7] == '' then
  redis.call('HSET', run, 'error', ARGV[6])
else
  local since = tonumber(h[5] or now)
  local gives_way = since + tonumber(ARGV[7])
  if h[3] or h[4] then due = math.min(due, math.max(gives_way, now)) end
  redis.call('HSET', run, 'error', ARGV[6], 'failing_since', us(since), 'gives_way', us(gives_way))
end
share('ZREM', 'lease', lane)
if h[2] then
  wake(make_ready('RPUSH', lane))
else
  share('ZADD', 'delay', us(due), lane)
end
return 1
