#!lua
-- Gives dead letters another life, each at the end of its lane.
--
-- Uses: base, record, lane, end.
--
-- KEYS[1]  base     (none)  prefix of this shard's keys: older, ready and run keys are named from it
-- KEYS[2]  wake     list    wake-up tokens of idle workers
-- KEYS[3]  open     hash    class -> messages not yet at their end
-- KEYS[4]  dead     zset    id of a dead letter -> time of death, us
-- KEYS[5]  arrived  hash    class -> letters dead on arrival; "class\0" -> those that were only counted
-- KEYS[5 + 2*i - 1]  letter    hash    the dead letter of item i
-- KEYS[5 + 2*i]      answered  string  mark that it had its answer by call back
--
-- ARGV[1]  test clock, us, or "" for the time of Redis: not used here
-- then for each item: id
--
-- Returns: for each item 1 revived, 0 there is no such letter.
-- Not allowed when memory is full: it makes the queue longer.

local results = {}
local woken = 0
for i = 1, #ARGV - 1 do
  local letter = redis.call('HMGET', KEYS[5 + 2 * i - 1], 'packed', 'lane', 'on_arrival')
  local packed, lane = letter[1], letter[2]
  if packed then
    local class = class_of(packed)
    redis.call('ZREM', KEYS[4], ARGV[1 + i])
    redis.call('DEL', KEYS[5 + 2 * i - 1], KEYS[5 + 2 * i])
    if letter[3] then redis.call('HINCRBY', KEYS[5], class, -1) end
    count_open(class, 1)
    local alone = redis.call('RPUSH', key('lane:' .. lane), packed) == 1
    if alone and redis.call('EXISTS', key('older:' .. lane), key('run:' .. lane)) == 0 then
      redis.call('RPUSH', key('ready:' .. class), lane)
      woken = woken + 1
    end
    results[i] = 1
  else
    results[i] = 0
  end
end
keep_counts()
wake(woken)
return results
