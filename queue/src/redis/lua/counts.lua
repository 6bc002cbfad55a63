#!lua flags=no-writes,allow-oom
-- Counts messages by state.
--
-- KEYS[1]  base     (none)  prefix of this shard's keys: ready and lane keys are named from it, in the same slot
-- KEYS[2]  open     hash    class -> messages not yet at their end
-- KEYS[3]  lease    zset    leased lane -> when its lease runs out, us
-- KEYS[4]  delay    zset    delayed lane -> when it is due, us
-- KEYS[5]  dead     zset    id of a dead letter -> time of death, us
-- KEYS[6]  arrived  hash    class -> letters dead on arrival; "class\0" -> those that were only counted
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
--
-- Returns: { now us, leased, delayed, dead, { class, open, ready lanes, packed head of the first ready lane or "", ... },
-- { class, counted, ... } }.

local function now_us()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end

local classes = {}
local open = redis.call('HGETALL', KEYS[2])
for i = 1, #open, 2 do
  local ready = KEYS[1] .. 'ready:' .. open[i]
  local first = redis.call('LINDEX', ready, 0)
  local head = first and redis.call('LINDEX', KEYS[1] .. 'lane:' .. first, 0) or ''
  for _, value in ipairs({ open[i], open[i + 1], redis.call('LLEN', ready), head }) do
    classes[#classes + 1] = value
  end
end
return { string.format('%.0f', now_us()), redis.call('ZCARD', KEYS[3]), redis.call('ZCARD', KEYS[4]),
  redis.call('ZCARD', KEYS[5]), classes, redis.call('HGETALL', KEYS[6]) }
