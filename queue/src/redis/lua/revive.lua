#!lua
-- Gives dead letters another life, each at the end of its lane.
--
-- Uses: base, damage, record, mend, lane, end.
--
-- KEYS[1]  base     (none)  prefix of this shard's keys, from which are named: alarm,
--                      classes, damaged, delay, held, lease, older, ready, run, sends and suspect keys
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
-- Returns: for each item 1 revived, 0 there is no such letter, or it can't be read.
-- Not allowed when memory is full: it makes the queue longer.

local results = {}
local woken = 0
local is_nowhere = false
local function revive(id, letter_key, answered)
  local letter = redis.call('HMGET', letter_key, 'packed', 'lane', 'on_arrival')
  local packed, lane = letter[1], letter[2]
  if not packed then return 0 end
  local class = class_of(check_packed(packed))
  -- What may fail comes first: the letter goes when its message is in the lane.
  local is_empty = redis.call('LLEN', key('older:' .. lane)) + redis.call('HLEN', key('run:' .. lane)) == 0
  local is_first = redis.call('RPUSH', key('lane:' .. lane), packed) == 1 and is_empty
  if is_first then
    line_up('RPUSH', 'ready', class, lane)
    woken = woken + 1
  elseif is_nowhere then
    woken = woken + make_ready('RPUSH', lane)
  end
  share('ZREM', 'dead', id)
  redis.call('DEL', letter_key, answered)
  if letter[3] then add_to_count('arrived', class, -1) end
  count_open(class, 1)
  return 1
end

for i = 1, #ARGV - 1 do
  local id, letter, answered = ARGV[1 + i], KEYS[5 + 2 * i - 1], KEYS[5 + 2 * i]
  local is_done, result = try(revive, id, letter, answered)
  local is_read, lane = try(redis.call, 'HGET', letter, 'lane')
  if not is_done and is_read and lane then
    is_nowhere = mend(lane)
    is_done, result = try(revive, id, letter, answered)
  end
  results[i] = is_done and result or 0
  is_nowhere = false
end
keep_counts()
wake(woken)
return results
