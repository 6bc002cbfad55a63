#!lua flags=allow-oom
-- Removes all that is kept of a lane but its dead letters and its journal: waiting, running and held messages, its memory, its
-- pause. A long lane loses so many of its messages at a time, the last ones first, and stays where it is until the last call.
--
-- Uses: base, damage, record, held, read, end.
--
-- KEYS[1]  base    (none)  prefix of this shard's keys, from which are named: alarm, damaged, push, ready and suspect keys
-- KEYS[2]  lane    list    packed messages of the lane, the head first
-- KEYS[3]  older   list    records of the lane's second list
-- KEYS[4]  run     hash    record of the lane's current message
-- KEYS[5]  held    hash    order -> record of a held message of the lane
-- KEYS[6]  sends   string  what the lane has sent and may send
-- KEYS[7]  memory  string  the lane's memory
-- KEYS[8]  newest  string  the newest push of the lane that is kept open
-- KEYS[9]  lease   zset    leased lane -> when its lease runs out, us
-- KEYS[10] delay   zset    delayed lane -> when it is due, us
-- KEYS[11] parked  zset    parked lane -> since when, us
-- KEYS[12] hold    zset    held message -> until when, us
-- KEYS[13] paused  hash    what is paused
-- KEYS[14] open    hash    class -> messages not yet at their end
--
-- ARGV[1]  test clock, us, or "" for the time of Redis: not used here
-- ARGV[2]  lane
-- ARGV[3]  messages to remove at most, held ones aside
--
-- Returns: { messages removed, held ones, 1 if there was a memory, 1 if it was paused, 1 if there is more }.

local lane, most = ARGV[2], tonumber(ARGV[3])
local removed, classes = 0, {}

-- What can't be read is removed too, and counts for no class.
local function remove(packed)
  removed = removed + 1
  if not packed or not try(check_packed, packed) then return end
  local class = class_of(packed)
  classes[class] = true
  count_open(class, -1)
  redis.call('DEL', key('push:' .. id_of(packed)))
end
local function packed_in(record)
  local is_read, packed = try(older_packed, record)
  return is_read and packed
end

-- Leaves the heads, by which the lane stands in its line.
local function shorten(name, packed_of, left)
  for _ = 1, math.min(left, read(0, 'LLEN', name) - 1) do
    remove(packed_of(redis.call('RPOP', name)))
  end
end
local function as_it_is(packed) return packed end

if read(0, 'LLEN', KEYS[2]) + read(0, 'LLEN', KEYS[3]) > most then
  shorten(KEYS[2], as_it_is, most)
  shorten(KEYS[3], packed_in, most - removed)
  keep_counts()
  return { removed, 0, 0, 0, 1 }
end

for _, packed in ipairs(read({}, 'LRANGE', KEYS[2], 0, -1)) do remove(packed) end
for _, record in ipairs(read({}, 'LRANGE', KEYS[3], 0, -1)) do remove(packed_in(record)) end
local current = read(false, 'HGET', KEYS[4], 'packed')
if current then remove(current) end
local waiting = removed
for _, order in ipairs(read({}, 'HKEYS', KEYS[5])) do
  local is_read, held = try(read_held, redis.call('HGET', KEYS[5], order))
  share('ZREM', 'hold', held_member({ order = order }, lane))
  remove(is_read and held.packed)
end
local is_read, newest = try(read_newest, read('', 'GET', KEYS[8]) or '')
if is_read then redis.call('DEL', key('push:' .. newest.push)) end

for class in pairs(classes) do
  share('LREM', 'ready:' .. class, 0, lane)
  share('LREM', 'suspect:' .. class, 0, lane)
end
for _, name in ipairs({ 'lease', 'delay', 'parked' }) do share('ZREM', name, lane) end
for _, alarm in ipairs(read({}, 'LRANGE', key('alarm'), 0, -1)) do
  if alarm:find(lane, 1, true) then redis.call('LREM', key('alarm'), 0, alarm) end
end
local was_paused = share('HDEL', 'paused', 'l' .. lane)
local had_memory = redis.call('EXISTS', KEYS[7])
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8])
keep_counts()
return { waiting, removed - waiting, had_memory, was_paused, 0 }
