-- Damage costs nobody else: what is damaged is set aside under a name of its own, and everything beside it goes on.

-- Whether an error says that something stored has a wrong type or can't be read. Any other one concerns everybody: a Redis that
-- is full or no master any more, a slot that moves.
local function is_damage(problem)
  if type(problem) == 'string' then return true end
  for _, text in ipairs({ 'WRONGTYPE', 'not an integer', 'not a valid float', 'would overflow', 'must be strings or integers' }) do
    if problem.err and problem.err:find(text, 1, true) then return true end
  end
  return false
end

-- Does something that may meet damage: whether it met none, and what it gave or what is wrong.
local function try(f, ...)
  local is_done, result = pcall(f, ...)
  if not is_done and not is_damage(result) then error(result, 0) end
  return is_done, result
end

local is_alarmed = false

-- Notes what is wrong for the next take to report.
-- Defined when first called.
local function raise_alarm(name, problem)
  local ALARMS_MAX = 64
  is_alarmed = true
  local alarms = redis.pcall('RPUSH', key('alarm'), name .. '\0' .. (type(problem) == 'table' and problem.err or problem))
  if type(alarms) == 'table' then
    redis.call('DEL', key('alarm'))
  elseif alarms > ALARMS_MAX then
    redis.call('LPOP', key('alarm'))
  end
end

-- Moves a key, or what `move` moves, to a name with the time in it, and notes that.
-- Defined when first called.
local function set_aside(name, problem, move)
  local aside = key('damaged:' .. us(now_us()) .. ':' .. name)
  if move then move(aside) else redis.call('RENAME', key(name), aside) end
  raise_alarm(name, problem)
end

-- Runs a command on a key that all need, or whose loss hurts less than a standstill. A key of the wrong type holds nothing
-- that is the queue's: it is set aside, and begun anew.
local function share(command, name, ...)
  local answer = redis.pcall(command, key(name), ...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  if not is_damage(answer) then error(answer, 0) end
  set_aside(name, answer)
  return redis.call(command, key(name), ...)
end
