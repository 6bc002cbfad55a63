-- How a lane moves between its states, and how idle workers are woken.

local SUSPECT_LOSSES = 2
-- What a newer version wrote is looked at again after this.
local PUT_OFF_US = 60000000

-- What is next in a lane without a current message, whether others wait behind it, and its record if it comes from the lane's
-- second list. False or nil: the lane has nothing.
local function next_of(lane)
  local first = redis.call('LRANGE', key('lane:' .. lane), 0, 1)
  local second = redis.call('LRANGE', key('older:' .. lane), 0, 1)
  if first[1] then check_packed(first[1]) end
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
  local head = run[2] or redis.call('LINDEX', key('lane:' .. lane), 0)
  return head and check_packed(head)
end

-- Whether this call has filled a line that was empty: then workers are idle, mostly, and there is room for their tokens.
local was_empty = false

-- Puts lanes into a line of their class: `ready` or `suspect`. If the line was empty, takes look at its class from now on.
local function line_up(push, line, class, ...)
  if share(push, line .. ':' .. class, ...) == select('#', ...) then
    share('ZADD', 'classes:' .. line, 0, class)
    was_empty = true
  end
end

local function put_off(lane) share('ZADD', 'delay', us(now_us() + PUT_OFF_US), lane) end

-- Mends a lane that had a problem and reads it again. A lane that still can't be read is put off. Gives the same as `try`.
-- Defined when first called.
local function try_again(problem, is_over, f, lane, ...)
  local is_read, result = false, problem
  if problem ~= NEWER then
    mend(lane, is_over)
    is_read, result = try(f, lane, ...)
  end
  if not is_read then put_off(lane) end
  return is_read, result
end

-- A lane's line, and its class. Without a message it is in none.
local function line_of(lane)
  local head = head_of(lane)
  if not head then return false end
  local losses = redis.call('HGET', key('run:' .. lane), 'losses')
  return { (tonumber(losses) or 0) >= SUSPECT_LOSSES and 'suspect' or 'ready', class_of(head) }
end

-- Puts a lane into its line; a lane without a message is in no state. Gives how many lanes it made ready.
-- Defined when first called.
local function make_ready(push, lane)
  local is_read, line = try(line_of, lane)
  if not is_read then is_read, line = try_again(line, false, line_of, lane) end
  if is_read and line then
    line_up(push, line[1], line[2], lane)
    return 1
  elseif is_read and redis.call('EXISTS', key('run:' .. lane)) == 1 then
    set_aside('run:' .. lane, 'its message is missing')
  end
  return 0
end

-- Makes a leased message its lane's next again, last in line, and changes nothing else. Gives how many lanes it made ready.
-- Defined when first called.
local function come_again(lane)
  redis.call('HDEL', key('run:' .. lane), 'token')
  share('ZREM', 'lease', lane)
  return make_ready('RPUSH', lane)
end

-- Wakes as many idle workers, as far as there is room for tokens.
local function wake(count)
  local WAKE_MAX = 64
  if count == 0 then return end
  local room, tokens = was_empty and WAKE_MAX or WAKE_MAX - share('LLEN', 'wake'), {}
  for i = 1, math.min(count, room) do tokens[i] = '' end
  local there = tokens[1] and share('RPUSH', 'wake', unpack(tokens)) or 0
  if there > WAKE_MAX then redis.call('LPOP', key('wake'), there - WAKE_MAX) end
end
