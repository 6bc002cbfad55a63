-- How a message is accepted that may be anything: late, dead on arrival, one that buries, a duplicate, one for a damaged lane.

-- What becomes of a message.
local STORED, DUPLICATE, EXPIRED, COUNTED = 1, 2, 3, 4

-- Applies the effect of an appended message to its lane. What may fail is read before anything is written.
local function take_effect(message, run, busy)
  local lane, effect = message.lane, message.effect
  local current = busy and redis.call('HMGET', run, 'recorded', 'sends', 'gives_way', 'trigger')
  local is_current = current and current[1]
  local kept = not is_current and redis.call('GET', key('sends:' .. lane))
  if effect == 'wake' then
    local standing = widened(is_current and current[2] or kept, message.sends, message.until_s)
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
      bury_held(lane, one, 'a later message of its lane ended the right to answer', message.now)
    end
  end
end

-- Appends a message to its lane. Damage is an error before anything else is written. Gives whether the lane was busy.
local function enqueue(message)
  local lane, late, effect = message.lane, message.late, message.effect
  local lane_key, older, run, held = key('lane:' .. lane), key('older:' .. lane), key('run:' .. lane), key('held:' .. lane)
  local own, other = late and older or lane_key, late and lane_key or older
  local length = redis.call('RPUSH', own, late and write_late(message.packed) or message.packed)
  message.appended_to = own
  -- The current message of a lane has a record, and stays in its list or in that record. So a lane that had no message
  -- in either list, and has no record, was in no state at all, and only then does it become ready.
  local is_plain = length == 1 and redis.call('EXISTS', other, run, held) == 0
  local busy = length > 1 or not is_plain and redis.call('LLEN', other) + redis.call('HLEN', run) > 0
  if not is_plain and length == 1 then redis.call('HLEN', held) end
  -- A lane that isn't busy and holds nothing has sent nothing that counts.
  if effect == 'bury' or not is_plain and effect ~= '' then take_effect(message, run, busy) end
  if not busy then line_up('RPUSH', 'ready', message.class, lane) end
  return busy
end

local function take_back(message)
  if message.appended_to then redis.call('RPOP', message.appended_to) end
  message.appended_to = nil
end

-- The same, after what is damaged of the lane was set aside. Gives how many lanes are ready now, or nil and what is wrong.
local function enqueue_safely(message)
  local is_done, busy = try(enqueue, message)
  if is_done then return busy and 0 or 1 end
  take_back(message)
  local is_nowhere = mend(message.lane)
  is_done, busy = try(enqueue, message)
  if is_done then return busy and (is_nowhere and make_ready('RPUSH', message.lane) or 0) or 1 end
  take_back(message)
  return nil, type(busy) == 'table' and busy.err or busy
end

-- Stores one message, unless its id is known. Gives what became of it, and how many lanes are ready now.
-- Defined when first called.
local function store(lane, late, how, packed, is_known, now)
  local not_after, effect, sends, until_s, reason = how:match('^(%d*) (%a*) (%d*) (%d*) (.*)$')
  if is_known then return DUPLICATE, 0 end
  if not_after ~= '' and now > tonumber(not_after) then return EXPIRED, 0 end
  local class = class_of(packed)
  if reason == '' then
    local made_ready, problem = enqueue_safely({ lane = lane, class = class, late = late, packed = packed, effect = effect,
      sends = sends, until_s = until_s, now = now })
    if problem then return problem, 0 end
    count_open(class, 1)
    return STORED, made_ready
  end
  -- A message from a spool was acked long ago: it is kept, however many there are.
  if not late and (tonumber(share('HGET', 'arrived', class) or 0) or 0) >= tonumber(ARGV[3]) then
    add_to_count('arrived', class .. '\0', 1)
    return COUNTED, 0
  end
  write_letter(packed, lane, reason, 0, 0, now, true)
  write_journal(packed, lane, {}, reason)
  return STORED, 0
end
