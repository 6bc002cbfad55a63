-- Makes the keys of a lane readable again: what can't be read is set aside. For the rare lane that turns out to be damaged.

-- A message beyond these is mended when it becomes the head.
local HEADS_MAX = 20

-- With `is_over` the lane's record is left alone, since its message is at its end. Gives whether the lane was leased or
-- delayed, and now stands nowhere, since it has no record any more.
-- Defined when first called.
local function mend(lane, is_over)
  -- Whether a head was set aside.
  local function mend_heads(name, check)
    local is_changed = false
    for _ = 1, HEADS_MAX do
      local head = redis.call('LINDEX', key(name), 0)
      local is_read, problem = try(check, head or '')
      if not head or is_read or problem == NEWER then break end
      set_aside(name, problem, function(aside) redis.call('LMOVE', key(name), aside, 'LEFT', 'RIGHT') end)
      is_changed = true
    end
    return is_changed
  end
  for kind, right in pairs({ lane = 'list', older = 'list', run = 'hash', held = 'hash' }) do
    local found = redis.call('TYPE', key(kind .. ':' .. lane)).ok
    if found ~= 'none' and found ~= right then set_aside(kind .. ':' .. lane, 'it is a ' .. found) end
  end
  local is_string, sends = try(redis.call, 'GET', key('sends:' .. lane))
  if not is_string or sends and not sends:find(STANDING) then set_aside('sends:' .. lane, 'it is damaged') end
  mend_heads('older:' .. lane, older_packed)
  local is_changed, run = mend_heads('lane:' .. lane, check_packed), key('run:' .. lane)
  if is_over or redis.call('EXISTS', run) == 0 then return end
  local is_read, problem = try(read_run, redis.call('HMGET', run, unpack(run_fields())))
  local known = redis.call('HMGET', run, 'recorded', 'packed')
  -- A record without its message is nobody's.
  local is_alone = not known[2] and (is_changed or redis.call('EXISTS', key('lane:' .. lane)) == 0)
  if not is_read or not known[1] or is_alone then
    set_aside('run:' .. lane, is_read and 'its message is missing or damaged' or problem)
    return share('ZREM', 'lease', lane) + share('ZREM', 'delay', lane) > 0
  end
end
