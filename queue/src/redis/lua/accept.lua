#!lua
-- Stores messages that were not stored before: dedup and enqueue in one step.
--
-- KEYS[1]   wake     list    wake-up tokens of idle workers
-- KEYS[2]   open     hash    class -> messages not yet at their end
-- KEYS[3]   dead     zset    id of a dead letter -> time of death, us
-- KEYS[4]   arrived  hash    class -> letters dead on arrival; "class\0" -> those that were only counted
-- KEYS[4 + 4*i - 3]  seen    string  the dedup mark of item i: when it ends, us
-- KEYS[4 + 4*i - 2]  lane    list    packed messages of item i's lane, the head first
-- KEYS[4 + 4*i - 1]  ready   list    ready lanes of item i's class
-- KEYS[4 + 4*i]      letter  hash    item i as a dead letter
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  dedup window, ms
-- ARGV[3]  letters dead on arrival that a class may hold
-- ARGV[4]  wake-up tokens that there may be
-- then for each item: id, lane, class, not_after_us or "", dead reason or "", packed message
--
-- Returns: the time now in us as text, then for each item 1 new, 2 duplicate, 3 expired, 4 counted.
-- Not allowed when memory is full: what can't be stored must fail before anything is written.

local function now_us()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end

local now = now_us()
local window_ms = tonumber(ARGV[2])
local ends = string.format('%.0f', now + window_ms * 1000)
local results = { string.format('%.0f', now) }
local opened = {}
local woken = 0

-- Whether the id is fresh, marking it as seen if so. The mark's own time decides, not the key's expiry.
local function is_fresh(key)
  local known = redis.call('SET', key, ends, 'NX', 'GET', 'PX', ARGV[2])
  if not known then return true end
  if tonumber(known) > now then return false end
  redis.call('SET', key, ends, 'PX', ARGV[2])
  return true
end

for i = 1, (#ARGV - 4) / 6 do
  local k, a = 4 + 4 * (i - 1), 4 + 6 * (i - 1)
  local id, lane, class, not_after, reason = ARGV[a + 1], ARGV[a + 2], ARGV[a + 3], ARGV[a + 4], ARGV[a + 5]
  local result
  if not_after ~= '' and now > tonumber(not_after) then
    local known = redis.call('GET', KEYS[k + 1])
    result = (known and tonumber(known) > now) and 2 or 3
  elseif not is_fresh(KEYS[k + 1]) then
    result = 2
  elseif reason ~= '' then
    if tonumber(redis.call('HGET', KEYS[4], class) or 0) >= tonumber(ARGV[3]) then
      redis.call('HINCRBY', KEYS[4], class .. '\0', 1)
      result = 4
    else
      redis.call('HINCRBY', KEYS[4], class, 1)
      redis.call('ZADD', KEYS[3], string.format('%.0f', now), id)
      redis.call('HSET', KEYS[k + 4], 'packed', ARGV[a + 6], 'lane', lane, 'reason', reason,
        'died_us', string.format('%.0f', now), 'failures', 0, 'losses', 0, 'on_arrival', 1)
      result = 1
    end
  else
    -- The head of a lane stays in its list while it is leased or delayed. So a list that had no message belongs to
    -- a lane that was in no state at all, and only then does it become ready.
    if redis.call('RPUSH', KEYS[k + 2], ARGV[a + 6]) == 1 then
      redis.call('RPUSH', KEYS[k + 3], lane)
      woken = woken + 1
    end
    opened[class] = (opened[class] or 0) + 1
    result = 1
  end
  results[i + 1] = result
end

for class, count in pairs(opened) do redis.call('HINCRBY', KEYS[2], class, count) end
local room = woken > 0 and tonumber(ARGV[4]) - redis.call('LLEN', KEYS[1]) or 0
for _ = 1, math.min(woken, room) do redis.call('RPUSH', KEYS[1], '') end
return results
