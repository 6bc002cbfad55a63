-- Makes the keys of a lane readable again: what isn't is set aside. For the rare lane that has shown to be damaged.

-- What is not read now is met, and mended, when it has become the head.
local HEADS_MAX = 20

-- Whether a head was set aside.
local function mend_heads(name, check)
  local is_changed = false
  for _ = 1, HEADS_MAX do
    local head = redis.call('LINDEX', key(name), 0)
    if not head then break end
    local is_read, problem = try(check, head)
    if is_read or problem == NEWER then break end
    redis.call('LMOVE', key(name), aside_of(name), 'LEFT', 'RIGHT')
    raise_alarm(name, problem)
    is_changed = true
  end
  return is_changed
end

-- Whether the head of its first list was set aside.
local function mend_lists(lane)
  for kind, right in pairs({ lane = 'list', older = 'list', run = 'hash', held = 'hash' }) do
    local found = redis.call('TYPE', key(kind .. ':' .. lane)).ok
    if found ~= 'none' and found ~= right then set_aside(kind .. ':' .. lane, 'it is a ' .. found) end
  end
  mend_heads('older:' .. lane, older_packed)
  return mend_heads('lane:' .. lane, check_packed)
end

local function mend(lane)
  local is_changed = mend_lists(lane)
  local run = key('run:' .. lane)
  if redis.call('EXISTS', run) == 0 then return end
  local is_read, problem = try(read_run, redis.call('HMGET', run, unpack(run_fields())))
  local known = redis.call('HMGET', run, 'recorded', 'packed')
  -- A record without its message is nobody's.
  local is_alone = not known[2] and (is_changed or redis.call('EXISTS', key('lane:' .. lane)) == 0)
  if not is_read or not known[1] or is_alone then
    set_aside('run:' .. lane, is_read and 'its message is missing or damaged' or problem)
  end
end
