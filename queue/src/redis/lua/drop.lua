#!lua flags=allow-oom
-- Removes a dead letter for good.
--
-- KEYS[1]  dead     zset  id of a dead letter -> time of death, us
-- KEYS[2]  letter   hash  the dead letter
-- KEYS[3]  arrived  hash  class -> letters dead on arrival; "class\0" -> those that were only counted
--
-- ARGV[1]  id
--
-- Returns: 1 removed, 0 there is no such letter.

local letter = redis.call('HMGET', KEYS[2], 'packed', 'on_arrival')
if not letter[1] then return 0 end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2])
if letter[2] then redis.call('HINCRBY', KEYS[3], letter[1]:sub(3, 2 + letter[1]:byte(2)), -1) end
return 1
