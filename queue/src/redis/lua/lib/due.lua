-- What a take moves before it gives something: lanes whose delay is over or whose lease has run out, and messages held too long.

local LOSSES_MAX, MISSING = 3, 'its message is missing'

local buried = {}
local function note_buried(packed, reason)
  for _, value in ipairs({ id_of(packed), class_of(packed), reason }) do buried[#buried + 1] = value end
end

-- Does something with a lane, after its damage was set aside if it has any.
local function with_lane(lane, f, ...)
  local is_done, problem = try(f, lane, ...)
  if is_done then return end
  mend(lane)
  if problem == MISSING and redis.call('EXISTS', key('run:' .. lane)) == 1 then set_aside('run:' .. lane, problem) end
  is_done, problem = try(f, lane, ...)
  if not is_done then set_aside('lane:' .. lane, problem, function() end) end
end

-- What is due goes to the end of ready: it waits for its turn like everybody. An offer or a claim that is over has had its turn.
local function promote(lane)
  local run = key('run:' .. lane)
  local h = redis.call('HMGET', run, 'awaiting', 'response')
  if h[1] then
    redis.call('HDEL', run, 'awaiting')
    redis.call('HSET', run, 'unanswered', 1)
  end
  if h[2] then redis.call('HDEL', run, 'response') end
  share('ZREM', 'delay', lane)
  make_ready(h[2] and 'LPUSH' or 'RPUSH', lane)
end

-- What has expired goes to the front: it has had its turn and lost it to a dead worker.
local function reclaim(lane, deadline, quiet, now)
  local run = key('run:' .. lane)
  local h = redis.call('HMGET', run, 'packed', 'failures', 'losses', 'confirmed', 'worker', 'lost_by', 'sends', 'recorded', 'token', 'sent',
    'note')
  if h[9] and not h[1] and not is_message(redis.call('LINDEX', key('lane:' .. lane), 0) or '', id_in(h[9])) then
    error(MISSING, 0)
  end
  local losses = tonumber(h[3] or 0)
  if not losses then error('its losses are not a number', 0) end
  if h[8] and deadline > quiet and (losses == 0 or h[4]) then
    losses = losses + 1
    local worker = h[5] or 'a worker without a name'
    local lost_by = h[6] and h[6] .. ', ' .. worker or worker
    if losses >= LOSSES_MAX then
      local packed = check_packed(h[1] or redis.call('LINDEX', key('lane:' .. lane), 0))
      local reason = losses .. ' workers died while they handled it: ' .. lost_by
      bury_message(packed, lane, { failures = h[2], losses = losses, sent = h[10], note = h[11] }, reason, now)
      note_buried(packed, reason)
      go_on(lane, h[1], h[7], id_of(packed))
      return
    end
    redis.call('HSET', run, 'losses', losses, 'lost_by', lost_by)
  end
  redis.call('HDEL', run, 'token', 'confirmed')
  share('ZREM', 'lease', lane)
  make_ready('LPUSH', lane)
end

local function bury_expired(member, now)
  local lane, order = held_place(member)
  local held = read_held(redis.call('HGET', key('held:' .. lane), order) or '')
  bury_held(lane, held, held.reason, now)
  note_buried(held.packed, held.reason)
end

-- A record of a held message that can't be read, or is missing.
local function set_held_aside(member, problem)
  local lane, order = held_place(member)
  redis.call('ZREM', key('hold'), member)
  local is_hash, record = try(redis.call, 'HGET', key('held:' .. lane), order)
  set_aside('held:' .. lane, problem, function(aside)
    if not is_hash or not record then return end
    redis.call('HSET', aside, order, record)
    redis.call('HDEL', key('held:' .. lane), order)
  end)
end

-- Gives what died: id, class, reason, and so on.
-- Defined when first called.
local function move_due(due, expired, over, now, quiet)
  for _, lane in ipairs(due) do with_lane(lane, promote) end
  -- The longest expired first.
  for i = #expired - 1, 1, -2 do with_lane(expired[i], reclaim, tonumber(expired[i + 1]), quiet, now) end
  for _, member in ipairs(over) do
    local is_read, problem = try(bury_expired, member, now)
    if not is_read then set_held_aside(member, problem) end
  end
  keep_counts()
  return buried
end
