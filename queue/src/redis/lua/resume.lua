#!lua flags=allow-oom
-- Ends a pause. A parked lane becomes ready, and so does a lane with messages that stood nowhere.
--
-- Uses: base, damage, record, mend, lane.
--
-- KEYS[1]  base    (none)  prefix of this shard's keys, from which are named: alarm,
--                      classes, damaged, delay, held, lease, older, ready, run, sends and suspect keys
-- KEYS[2]  wake    list    wake-up tokens of idle workers
-- KEYS[3]  paused  hash    what is paused: "*", "c" and a class, "l" and a lane
-- KEYS[4]  parked  zset    parked lane -> since when, us
--
-- ARGV[1]  test clock, us, or "" for the time of Redis: not used here
-- ARGV[2]  what
--
-- Returns: 1 resumed, or a lane that stood nowhere is ready; 0 it was not paused.

-- Whether a lane with a message stands nowhere, as after damage to a key that all share.
local function is_nowhere(lane)
  local is_read, line = try(line_of, lane)
  -- A lane whose head can't be read may stand in a line all the same.
  if not is_read and line ~= NEWER then
    mend(lane)
    is_read, line = try(line_of, lane)
  end
  if not is_read or not line then return not is_read and line ~= NEWER end
  return not share('ZSCORE', 'lease', lane) and not share('ZSCORE', 'delay', lane)
    and not share('LPOS', 'ready:' .. line[2], lane) and not share('LPOS', 'suspect:' .. line[2], lane)
end

local was_paused = share('HDEL', 'paused', ARGV[2]) == 1
local lane = ARGV[2]:sub(1, 1) == 'l' and ARGV[2]:sub(2)
if not lane then
  if was_paused then wake(math.huge) end
  return was_paused and 1 or 0
end
local made_ready = 0
if share('ZREM', 'parked', lane) == 1 or is_nowhere(lane) then made_ready = make_ready('RPUSH', lane) end
wake(made_ready)
return (was_paused or made_ready == 1) and 1 or 0
