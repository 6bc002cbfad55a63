#!lua flags=allow-oom
-- Lets the lane of a leased message wait for an answer by call back. The message stays current.
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
-- ARGV[4]  how long to wait, us
--
-- Returns: 1 it waits, 2 the answer is there already and the lane ready, 0 the lease is lost.

local lane = ARGV[2]
local h = redis.call('HMGET', KEYS[6], 'token', 'answer')
if h[1] ~= ARGV[3] then return 0 end
redis.call('HDEL', KEYS[6], 'token', 'unanswered', 'gives_way')
share('ZREM', 'lease', lane)
if h[2] then
  wake(make_ready('RPUSH', lane))
  return 2
end
redis.call('HSET', KEYS[6], 'awaiting', 1)
share('ZADD', 'delay', us(now_us() + tonumber(ARGV[4])), lane)
return 1
