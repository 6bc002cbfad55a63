#!lua flags=allow-oom
-- Removes dead letters for good.
--
-- Uses: record.
--
-- KEYS[1]  base     (none)  prefix of this shard's keys
-- KEYS[2]  dead     zset    id of a dead letter -> time of death, us
-- KEYS[3]  arrived  hash    class -> letters dead on arrival; "class\0" -> those that were only counted
-- KEYS[3 + i]  letter  hash  the dead letter of item i
--
-- ARGV[1]  test clock, us, or "" for the time of Redis: not used here
-- then for each item: id
--
-- Returns: for each item 1 removed, 0 there is no such letter.

local results = {}
for i = 1, #ARGV - 1 do
  local letter = redis.call('HMGET', KEYS[3 + i], 'packed', 'on_arrival')
  if letter[1] then
    redis.call('ZREM', KEYS[2], ARGV[1 + i])
    redis.call('DEL', KEYS[3 + i])
    if letter[2] then redis.call('HINCRBY', KEYS[3], class_of(letter[1]), -1) end
    results[i] = 1
  else
    results[i] = 0
  end
end
return results
