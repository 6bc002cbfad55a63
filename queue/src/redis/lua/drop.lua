#!lua flags=allow-oom
-- Removes dead letters for good, also what can't be read of them.
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
  local letter = redis.pcall('HMGET', KEYS[3 + i], 'packed', 'on_arrival')
  results[i] = redis.call('ZREM', KEYS[2], ARGV[1 + i])
  redis.call('DEL', KEYS[3 + i])
  local is_read, class = pcall(class_of, letter[1])
  if letter[2] and is_read then redis.call('HINCRBY', KEYS[3], class, -1) end
end
return results
