#!lua
-- Stores messages that were not stored before: dedup and enqueue in one step. Damaged keys of a lane are set aside, and cost
-- neither its message nor the others.
--
-- Uses: base, damage, record, mend, lane, held, end.
--
-- KEYS[1]  base     (none)  prefix of this shard's keys, from which are named: alarm,
--                        classes, damaged, journal, delay, lease, memory, ready and sends keys
-- KEYS[2]  wake     list    wake-up tokens of idle workers
-- KEYS[3]  open     hash    class -> messages not yet at their end
-- KEYS[4]  dead     zset    id of a dead letter -> time of death, us
-- KEYS[5]  arrived  hash    class -> letters dead on arrival; "class\0" -> those that were only counted
-- KEYS[6]  hold     zset    held message -> until when, us
-- KEYS[6 + 7*i - 6]  seen    string  the dedup mark of item i: when it ends, us
-- KEYS[6 + 7*i - 5]  lane    list    packed messages of item i's lane, the head first
-- KEYS[6 + 7*i - 4]  older   list    records of the lane's second list
-- KEYS[6 + 7*i - 3]  run     hash    record of the lane's current message
-- KEYS[6 + 7*i - 2]  held    hash    order -> record of a held message of the lane
-- KEYS[6 + 7*i - 1]  ready   list    ready lanes of item i's class
-- KEYS[6 + 7*i]      letter  hash    item i as a dead letter
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  dedup window, ms
-- ARGV[3]  letters dead on arrival that a class may hold
-- then for each item: id, lane, class, not_after_us or "", "wake" with a number of sends and their end (s), or "bury" (held ones),
-- or "", "1" (late) or "", dead reason or "", packed message
--
-- Returns: the time now in us as text, then for each item 1 new, 2 duplicate, 3 expired, 4 counted, or text: what is damaged, and
-- nothing is stored.
-- Not allowed when memory is full: what can't be stored must fail before anything is written.

local now = now_us()
local ends = us(now + tonumber(ARGV[2]) * 1000)
local results = { us(now) }
local woken = 0

-- Whether a mark that was read still counts. One that can't be read marks nothing.
local function is_marked(known)
  local until_us = type(known) == 'string' and tonumber(known)
  return until_us and until_us > now
end

-- Whether the id is fresh, marking it as seen if so. The mark's own time decides, not the key's expiry.
local function is_fresh(mark)
  local known = redis.pcall('SET', mark, ends, 'NX', 'GET', 'PX', ARGV[2])
  if not known then return true end
  if type(known) == 'table' and known.err and not is_damage(known) then error(known, 0) end
  if is_marked(known) then return false end
  redis.call('SET', mark, ends, 'PX', ARGV[2])
  return true
end

-- Applies the effect of an appended message to its lane. What may fail is read before anything is written.
local function take_effect(lane, run, busy, effect, sends, until_s)
  local current = busy and redis.call('HMGET', run, 'recorded', 'sends', 'gives_way', 'trigger')
  local is_current = current and current[1]
  local kept = not is_current and redis.call('GET', key('sends:' .. lane))
  if effect == 'wake' then
    local standing = widened(is_current and current[2] or kept, sends, until_s)
    if is_current then
      local trigger, gives_way = tonumber(current[4] or 0), tonumber(current[3] or 0)
      if not trigger or not gives_way then error('its record is damaged', 0) end
      if is_holding() then wake_held(lane) end
      -- The holder of the current message has not seen this waking one: a hold that names an older one comes too late.
      redis.call('HSET', run, 'trigger', us(trigger + 1), 'sends', standing)
      -- A failed message holds it up no longer than its patience lasts.
      if current[3] then share('ZADD', 'delay', 'XX', 'LT', us(gives_way), lane) end
    else
      local woke = is_holding() and wake_held(lane)
      if busy and kept or woke then redis.call('SET', key('sends:' .. lane), standing) end
    end
  elseif effect == 'bury' then
    local standing = closed(is_current and current[2] or kept, 'ended')
    redis.call('DEL', key('memory:' .. lane))
    if is_current then
      redis.call('HSET', run, 'sends', standing, 'forgets', 1)
    else
      redis.call('SET', key('sends:' .. lane), standing)
    end
    for _, one in ipairs(is_holding() and held_of(lane) or {}) do
      bury_held(lane, one, 'a later message of its lane ended the right to answer', now)
    end
  end
end

local appended_to
-- Appends a message to its lane. Damage is an error before anything else is written.
local function enqueue(k, lane, class, late, packed, effect, sends, until_s)
  local lane_key, older, run, held = KEYS[k + 2], KEYS[k + 3], KEYS[k + 4], KEYS[k + 5]
  local own, other = late and older or lane_key, late and lane_key or older
  local length = redis.call('RPUSH', own, late and write_late(packed) or packed)
  appended_to = own
  -- The current message of a lane has a record, and stays in its list or in that record. So a lane that had no message
  -- in either list, and has no record, was in no state at all, and only then does it become ready.
  local is_plain = length == 1 and redis.call('EXISTS', other, run, held) == 0
  local busy = length > 1 or not is_plain and redis.call('LLEN', other) + redis.call('HLEN', run) > 0
  if not is_plain and length == 1 then redis.call('HLEN', held) end
  -- A lane that isn't busy and holds nothing has sent nothing that counts.
  if effect == 'bury' or not is_plain and effect ~= '' then take_effect(lane, run, busy, effect, sends, until_s) end
  if not busy then
    line_up('RPUSH', 'ready', class, lane)
    woken = woken + 1
  end
  return busy
end

-- The same, after what is damaged of the lane was set aside.
local function enqueue_safely(k, lane, ...)
  local is_done, result = try(enqueue, k, lane, ...)
  if is_done then return end
  if appended_to then redis.call('RPOP', appended_to) end
  local is_nowhere = mend(lane)
  appended_to = nil
  is_done, result = try(enqueue, k, lane, ...)
  if not is_done then
    if appended_to then redis.call('RPOP', appended_to) end
    redis.call('DEL', KEYS[k + 1])
    return type(result) == 'table' and result.err or result
  end
  if result and is_nowhere then woken = woken + make_ready('RPUSH', lane) end
end

for i = 1, (#ARGV - 3) / 8 do
  local k, a = 6 + 7 * (i - 1), 3 + 8 * (i - 1)
  local lane, class, not_after = ARGV[a + 2], ARGV[a + 3], ARGV[a + 4]
  local late, reason, packed = ARGV[a + 6] == '1', ARGV[a + 7], ARGV[a + 8]
  local effect, sends, until_s = ARGV[a + 5]:match('^(%a*) ?(%d*) ?(%d*)')
  local result = 1
  if not_after ~= '' and now > tonumber(not_after) then
    result = is_marked(redis.pcall('GET', KEYS[k + 1])) and 2 or 3
  elseif not is_fresh(KEYS[k + 1]) then
    result = 2
  elseif reason ~= '' then
    -- A message from a spool was acked long ago: it is kept, however many there are.
    if not late and (tonumber(share('HGET', 'arrived', class) or 0) or 0) >= tonumber(ARGV[3]) then
      add_to_count('arrived', class .. '\0', 1)
      result = 4
    else
      write_letter(packed, lane, reason, 0, 0, now, true)
      write_journal(packed, lane, {}, reason)
    end
  else
    appended_to = nil
    local problem = enqueue_safely(k, lane, class, late, packed, effect, sends, until_s)
    if problem then
      result = problem
    else
      count_open(class, 1)
    end
  end
  results[i + 1] = result
end

keep_counts()
wake(woken)
return results
