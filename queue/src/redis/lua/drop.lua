#!lua flags=allow-oom
-- Removes dead letters for good, unreadable ones too.
--
-- Uses: base, damage, record, end.
--
-- KEYS[1]  base     (none)  prefix of this shard's keys, from which are named: alarm, damaged, letter
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
  local was_there = redis.call('EXISTS', KEYS[3 + i]) == 1
  remove_letter(ARGV[1 + i])
  results[i] = (share('ZREM', 'dead', ARGV[1 + i]) == 1 or was_there) and 1 or 0
end
return results
