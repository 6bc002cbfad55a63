#!lua flags=allow-oom
-- Gives a leased message back unhandled: its lane is first in line.
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
--
-- ARGV[1]  test clock, us, or "" for the time of Redis: not used here
-- ARGV[2]  lane
-- ARGV[3]  proof: token and id
--
-- Returns: 1 released, 0 the lease is lost.

if redis.call('HGET', KEYS[6], 'token') ~= ARGV[3] then return 0 end
redis.call('HDEL', KEYS[6], 'token')
share('ZREM', 'lease', ARGV[2])
wake(make_ready('LPUSH', ARGV[2]))
return 1
