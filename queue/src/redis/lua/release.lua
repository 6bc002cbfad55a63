#!lua flags=allow-oom
-- Gives a leased message back unhandled: its lane is first in line.
--
-- KEYS[1]  base   (none)  prefix of this shard's keys: the ready key is named from it, in the same slot
-- KEYS[2]  wake   list    wake-up tokens of idle workers
-- KEYS[3]  lease  zset    leased lane -> when its lease runs out, us
-- KEYS[4]  lane   list    packed messages of the lane, the head first
-- KEYS[5]  run    hash    record of the lane
--
-- ARGV[1]  wake-up tokens that there may be
-- ARGV[2]  lane
-- ARGV[3]  proof: token and id
--
-- Returns: 1 released, 0 the lease is lost.

local run = KEYS[5]
local head = redis.call('HGET', run, 'token') == ARGV[3] and redis.call('LINDEX', KEYS[4], 0)
if not head then return 0 end
redis.call('HDEL', run, 'token')
redis.call('ZREM', KEYS[3], ARGV[2])
redis.call('LPUSH', KEYS[1] .. 'ready:' .. head:sub(3, 2 + head:byte(2)), ARGV[2])
if redis.call('LLEN', KEYS[2]) < tonumber(ARGV[1]) then redis.call('RPUSH', KEYS[2], '') end
return 1
