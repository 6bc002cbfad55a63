#!lua flags=no-writes,allow-oom
-- Checks the invariant for the lanes of one page of keys: a lane with messages is in exactly one of ready, leased and
-- delayed; a lane without is in none. Reads only. Its cost grows with the ready lists: a tool for people and tests.
--
-- KEYS[1]  base   (none)  prefix of this shard's keys: ready, lane and run keys are named from it, in the same slot
-- KEYS[2]  open   hash    class -> messages not yet at their end
-- KEYS[3]  lease  zset    leased lane -> when its lease runs out, us
-- KEYS[4]  delay  zset    delayed lane -> when it is due, us
--
-- ARGV, for each item: a lane
--
-- Returns: { messages of these lanes, lane, problem, lane, problem, ... }.

local base = KEYS[1]
local found = { 0 }
local function report(lane, problem)
  found[#found + 1] = lane
  found[#found + 1] = problem
end

local ready, ready_as = {}, {}
local classes = redis.call('HKEYS', KEYS[2])
for _, class in ipairs(classes) do
  for _, lane in ipairs(redis.call('LRANGE', base .. 'ready:' .. class, 0, -1)) do
    ready[lane] = (ready[lane] or 0) + 1
    ready_as[lane] = class
  end
end

for _, lane in ipairs(ARGV) do
  local length = redis.call('LLEN', base .. 'lane:' .. lane)
  found[1] = found[1] + length
  local head = redis.call('LINDEX', base .. 'lane:' .. lane, 0)
  if head and ready_as[lane] and head:sub(3, 2 + head:byte(2)) ~= ready_as[lane] then
    report(lane, 'ready in another class than its head')
  end
  local leased = redis.call('ZSCORE', KEYS[3], lane) and 1 or 0
  local delayed = redis.call('ZSCORE', KEYS[4], lane) and 1 or 0
  local states = (ready[lane] or 0) + leased + delayed
  if length > 0 and states ~= 1 then
    report(lane, length .. ' messages, but in ready, leased, delayed: ' .. (ready[lane] or 0) .. ', ' .. leased .. ', ' .. delayed)
  elseif length == 0 and states ~= 0 then
    report(lane, 'no message, but in ready, leased, delayed: ' .. (ready[lane] or 0) .. ', ' .. leased .. ', ' .. delayed)
  end
  local token = redis.call('HGET', base .. 'run:' .. lane, 'token')
  if leased == 1 and not token then report(lane, 'leased, but without a token') end
  if leased == 0 and token then report(lane, 'not leased, but with a token') end
  if length == 0 and redis.call('EXISTS', base .. 'run:' .. lane) == 1 then report(lane, 'no message, but a record') end
end
return found
