#!lua flags=no-writes,allow-oom
-- Counts messages by state.
--
-- Uses: base, damage, record, lane, read.
--
-- KEYS[1]  base     (none)  prefix of this shard's keys: lane, older, ready, run and suspect keys are named from it
-- KEYS[2]  open     hash    class -> messages not yet at their end
-- KEYS[3]  lease    zset    leased lane -> when its lease runs out, us
-- KEYS[4]  delay    zset    delayed lane -> when it is due, us
-- KEYS[5]  parked   zset    parked lane -> since when, us
-- KEYS[6]  hold     zset    held message -> until when, us
-- KEYS[7]  dead     zset    id of a dead letter -> time of death, us
-- KEYS[8]  arrived  hash    class -> letters dead on arrival; "class\0" -> those that were only counted
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
--
-- Returns: { now us, leased, delayed, parked, held, dead,
-- { class, open, ready lanes, packed head of the first ready lane or "", ... }, { class, counted, ... } }.

local classes = {}
local open = read({}, 'HGETALL', KEYS[2])
for i = 1, #open, 2 do
  local ready, suspect = key('ready:' .. open[i]), key('suspect:' .. open[i])
  local first = read(nil, 'LINDEX', ready, 0) or read(nil, 'LINDEX', suspect, 0)
  local is_read, head = try(head_of, first)
  local lanes = read(0, 'LLEN', ready) + read(0, 'LLEN', suspect)
  for _, value in ipairs({ open[i], open[i + 1], lanes, is_read and head or '' }) do classes[#classes + 1] = value end
end
local function size(name) return read(0, 'ZCARD', name) end
return { us(now_us()), size(KEYS[3]), size(KEYS[4]), size(KEYS[5]), size(KEYS[6]), size(KEYS[7]), classes,
  read({}, 'HGETALL', KEYS[8]) }
