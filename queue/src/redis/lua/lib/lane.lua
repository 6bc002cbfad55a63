-- How a lane moves between its states, and how idle workers are woken.

local WAKE_MAX = 64
local SUSPECT_LOSSES = 2

-- What is next in a lane without a current message, whether others wait behind it, and its record if it comes from the lane's
-- second list. False or nil: the lane has nothing.
local function next_of(lane)
  local first = redis.call('LRANGE', key('lane:' .. lane), 0, 1)
  local second = redis.call('LRANGE', key('older:' .. lane), 0, 1)
  if not second[1] then return first[1], first[2] end
  local packed = older_packed(second[1])
  local followed = first[1] or second[2]
  if first[1] and arrived_of(first[1]) < arrived_of(packed) then return first[1], followed end
  return packed, followed, second[1]
end

-- The current message of a lane; without one, the next.
local function head_of(lane)
  local run = redis.call('HMGET', key('run:' .. lane), 'recorded', 'packed')
  if not run[1] then return (next_of(lane)) end
  return run[2] or redis.call('LINDEX', key('lane:' .. lane), 0)
end

-- Puts a lane into the ready list of its head's class, or into that of suspects; a lane without a message is in no
-- state, so into none. How many lanes it made ready.
local function make_ready(push, lane)
  local head = head_of(lane)
  if not head then return 0 end
  local losses = tonumber(redis.call('HGET', key('run:' .. lane), 'losses') or 0)
  local list = losses >= SUSPECT_LOSSES and 'suspect:' or 'ready:'
  redis.call(push, key(list .. class_of(head)), lane)
  return 1
end

-- A leased message is its lane's next again, last in line, and nothing else has changed. How many lanes it made ready.
local function come_again(lane)
  redis.call('HDEL', key('run:' .. lane), 'token')
  redis.call('ZREM', key('lease'), lane)
  return make_ready('RPUSH', lane)
end

-- Wakes as many idle workers, as far as there is room for tokens.
local function wake(count)
  local room = count > 0 and WAKE_MAX - redis.call('LLEN', key('wake')) or 0
  for _ = 1, math.min(count, room) do redis.call('RPUSH', key('wake'), '') end
end
