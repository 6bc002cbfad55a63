#!lua flags=no-writes,allow-oom
-- Checks the invariant for some lanes: a lane with a current or a waiting message is in exactly one of ready, leased,
-- delayed and parked; any other lane is in none. Reads only. Where a lane is ready is told by the caller, who has read the
-- ready lists once; or, for the few that then seem wrong, read here, in the same step, at a cost that grows with the lists.
--
-- Uses: base, damage, record, lane, held, read.
--
-- KEYS[1]  base    (none)  prefix of this shard's keys: held, lane, older, ready, run, sends and suspect keys
--                       are named from it
-- KEYS[2]  open    hash    class -> messages not yet at their end
-- KEYS[3]  lease   zset    leased lane -> when its lease runs out, us
-- KEYS[4]  delay   zset    delayed lane -> when it is due, us
-- KEYS[5]  parked  zset    parked lane -> since when, us
-- KEYS[6]  hold    zset    held message -> until when, us
-- KEYS[7]  paused  hash    what is paused
--
-- ARGV[1]  test clock, us, or "" for the time of Redis: not used here
-- ARGV[2]  "1" if the caller tells where each lane is ready, "" to read it here
-- then for each item: a lane, how often it is ready, and in which list or "" (both "" if they are read here)
--
-- Returns: { messages of these lanes, held ones among them, lane, problem, lane, problem, ... }.

local found = { 0, 0 }
local lane
local function report(problem)
  found[#found + 1] = lane
  found[#found + 1] = problem
end

local ready, ready_in = {}, {}
for i = 3, #ARGV, 3 do
  if ARGV[2] == '1' then ready[ARGV[i]], ready_in[ARGV[i]] = tonumber(ARGV[i + 1]), ARGV[i + 2] end
end
for _, class in ipairs(ARGV[2] == '1' and {} or redis.call('HKEYS', KEYS[2])) do
  for _, list in ipairs({ 'ready:', 'suspect:' }) do
    for _, name in ipairs(read({}, 'LRANGE', key(list .. class), 0, -1)) do
      ready[name] = (ready[name] or 0) + 1
      ready_in[name] = list .. class
    end
  end
end

local function audit_lane()
  local run = redis.call('HMGET', key('run:' .. lane), 'recorded', 'packed', 'token', 'losses', 'awaiting')
  local first, second = redis.call('LLEN', key('lane:' .. lane)), redis.call('LLEN', key('older:' .. lane))
  local messages = first + second + (run[2] and 1 or 0)
  found[1] = found[1] + messages
  local leased = redis.call('ZSCORE', KEYS[3], lane) and 1 or 0
  local delayed = redis.call('ZSCORE', KEYS[4], lane) and 1 or 0
  local parked = redis.call('ZSCORE', KEYS[5], lane) and 1 or 0
  local states = (ready[lane] or 0) + leased + delayed + parked
  if states ~= (messages > 0 and 1 or 0) then
    report(messages .. ' messages, but in ready, leased, delayed, parked: ' .. (ready[lane] or 0) .. ', ' .. leased
      .. ', ' .. delayed .. ', ' .. parked .. (states == 0 and ': resuming the lane makes it ready' or ''))
  end
  if ready_in[lane] and ready_in[lane] ~= '' and messages > 0 and run[1] then
    local suspect = tonumber(run[4] or 0) >= SUSPECT_LOSSES
    local right = (suspect and 'suspect:' or 'ready:') .. class_of(head_of(lane))
    if ready_in[lane] ~= right then report('ready in ' .. ready_in[lane] .. ', not in ' .. right) end
  end
  if (leased == 1) ~= (run[3] and true or false) then report(run[3] and 'a token, but not leased' or 'leased, but no token') end
  if redis.call('EXISTS', key('run:' .. lane)) == 1 and not run[1] then report('a record that no take began') end
  if run[1] and not run[2] and first == 0 then report('a record, but no current message') end
  if redis.call('EXISTS', key('sends:' .. lane)) == 1 and (run[1] or messages == 0) then
    report('sends kept as between two messages, but it is not there')
  end
  if run[5] and delayed == 0 then report('it awaits an answer, but is not delayed') end
  if parked == 1 and redis.call('HEXISTS', KEYS[7], 'l' .. lane) == 0 then report('parked, but not paused') end
  local is_read, problem = try(head_of, lane)
  if not is_read then report(problem .. ': a take puts away what is damaged, and the lane goes on') end
  local held = held_of(lane)
  local records = redis.call('HLEN', key('held:' .. lane))
  if records > #held then report(records - #held .. ' held messages can\'t be read: they are put away when their time is over') end
  found[1], found[2] = found[1] + #held, found[2] + #held
  for _, one in ipairs(held) do
    if not redis.call('ZSCORE', KEYS[6], held_member(one, lane)) then report('held without an end') end
  end
end

for i = 3, #ARGV, 3 do
  lane = ARGV[i]
  local is_read, problem = try(audit_lane)
  if not is_read then
    report('its keys can\'t be read (' .. (type(problem) == 'table' and problem.err or problem) .. '): what is damaged is put away when it is met, and the lane goes on')
  end
end
return found
