#!lua
-- Gives a dead letter another life, at the end of its lane.
--
-- KEYS[1]  base     (none)  prefix of this shard's keys: lane and ready keys are named from it, in the same slot
-- KEYS[2]  wake     list    wake-up tokens of idle workers
-- KEYS[3]  open     hash    class -> messages not yet at their end
-- KEYS[4]  dead     zset    id of a dead letter -> time of death, us
-- KEYS[5]  letter   hash    the dead letter
-- KEYS[6]  arrived  hash    class -> letters dead on arrival; "class\0" -> those that were only counted
--
-- ARGV[1]  wake-up tokens that there may be
-- ARGV[2]  id
--
-- Returns: 1 revived, 0 there is no such letter.
-- Not allowed when memory is full: it makes the queue longer.

local letter = redis.call('HMGET', KEYS[5], 'packed', 'lane', 'on_arrival')
local packed, lane = letter[1], letter[2]
if not packed then return 0 end
local class = packed:sub(3, 2 + packed:byte(2))
redis.call('ZREM', KEYS[4], ARGV[2])
redis.call('DEL', KEYS[5])
if letter[3] then redis.call('HINCRBY', KEYS[6], class, -1) end
redis.call('HINCRBY', KEYS[3], class, 1)
if redis.call('RPUSH', KEYS[1] .. 'lane:' .. lane, packed) == 1 then
  redis.call('RPUSH', KEYS[1] .. 'ready:' .. class, lane)
  if redis.call('LLEN', KEYS[2]) < tonumber(ARGV[1]) then redis.call('RPUSH', KEYS[2], '') end
end
return 1
