#!lua flags=no-writes,allow-oom
-- Checks the invariant for some lanes: a lane with a current or a waiting message is in exactly one of ready, leased, delayed
-- and parked; any other lane is in none. Only reads, and of a list no more than its head. The caller has read before where
-- each lane is ready. A lane may have moved since, so a problem that follows from that carries a mark that changes when the
-- lane moves.
--
-- Uses: base, damage, record, lane, held, read.
--
-- KEYS[1]  base    (none)  prefix of this shard's keys: held, lane, older, run and sends keys are
--                          named from it
-- KEYS[2]  lease   zset    leased lane -> when its lease runs out, us
-- KEYS[3]  delay   zset    delayed lane -> when it is due, us
-- KEYS[4]  parked  zset    parked lane -> since when, us
-- KEYS[5]  hold    zset    held message -> until when, us
-- KEYS[6]  paused  hash    what is paused
--
-- ARGV[1]  test clock, us, or "" for the time of Redis: not used here
-- then for each item: a lane, how often it is ready, and in which list or ""
--
-- Returns: { messages of these lanes, held ones among them, lanes that couldn't be read in full, lane, mark, problem, lane, mark,
-- problem, ... }.

local found = { 0, 0, 0 }
local lane
local function report(problem, mark)
  for _, text in ipairs({ lane, mark or problem, problem }) do found[#found + 1] = text end
end

local function report_unreadable(problem)
  found[3] = found[3] + 1
  report(problem)
end

local function check_response(response)
  if response and not try(read_response, response) then report('an answer can\'t be read: it goes out in no response') end
end

local function look(times, list)
  local record = key('run:' .. lane)
  local run = redis.call('HMGET', record, 'recorded', 'token', 'losses', 'awaiting', 'failures', 'snoozes', 'response')
  local has_packed = redis.call('HEXISTS', record, 'packed') == 1
  local first, second = redis.call('LLEN', key('lane:' .. lane)), redis.call('LLEN', key('older:' .. lane))
  local messages = first + second + (has_packed and 1 or 0)
  found[1] = found[1] + messages
  local leased = redis.call('ZSCORE', KEYS[2], lane) and 1 or 0
  local delayed = redis.call('ZSCORE', KEYS[3], lane) and 1 or 0
  local parked = redis.call('ZSCORE', KEYS[4], lane) and 1 or 0
  -- A value that stays the same while the lane stands still.
  local function mark()
    local head = messages > 0 and id_of(head_of(lane)) or ''
    for i = 1, 6 do head = head .. ' ' .. (run[i] or '') end
    return head
  end
  if times + leased + delayed + parked ~= (messages > 0 and 1 or 0) then
    report(messages .. ' messages, but in ready, leased, delayed, parked: ' .. times .. ', ' .. leased .. ', '
      .. delayed .. ', ' .. parked .. (messages > 0 and ': resuming the lane makes it ready' or ''), mark())
  end
  if list ~= '' and messages > 0 and run[1] then
    local suspect = tonumber(run[3] or 0) >= SUSPECT_LOSSES
    local right = (suspect and 'suspect:' or 'ready:') .. class_of(head_of(lane))
    if list ~= right then report('ready in ' .. list .. ', not in ' .. right, mark()) end
  end
  if (leased == 1) ~= (run[2] and true or false) then report(run[2] and 'a token, but not leased' or 'leased, but no token') end
  if not run[1] and redis.call('EXISTS', record) == 1 then report('a record that no take began') end
  if run[1] and not has_packed and first == 0 then report('a record, but no current message') end
  if redis.call('EXISTS', key('sends:' .. lane)) == 1 and (run[1] or messages == 0) then
    report('sends kept as if between two messages, but it is not')
  end
  if run[4] and delayed == 0 then report('it awaits an answer, but is not delayed') end
  if run[7] and delayed == 0 then report('its answer is offered, but it is not delayed') end
  check_response(run[7])
  if parked == 1 and redis.call('HEXISTS', KEYS[6], 'l' .. lane) == 0 then report('parked, but not paused') end
  local is_read, problem = try(head_of, lane)
  if not is_read then report_unreadable(problem .. ': the next take sets aside what is damaged, and the lane goes on') end
  local held = redis.call('HKEYS', key('held:' .. lane))
  if #held == 0 then return end
  local readable = held_of(lane)
  for _, one in ipairs(readable) do check_response(one.response) end
  local unreadable = #held - #readable
  if unreadable > 0 then report_unreadable(unreadable .. ' held messages can\'t be read: they are set aside when their time is over') end
  found[1], found[2] = found[1] + #held, found[2] + #held
  local members = {}
  for i, order in ipairs(held) do members[i] = held_member({ order = order }, lane) end
  for _, ends in ipairs(redis.call('ZMSCORE', KEYS[5], unpack(members))) do
    if not ends then report('held without an end') end
  end
end

for i = 2, #ARGV, 3 do
  lane = ARGV[i]
  local is_read, problem = try(look, tonumber(ARGV[i + 1]), ARGV[i + 2])
  if not is_read then
    report_unreadable('its keys can\'t be read (' .. (type(problem) == 'table' and problem.err or problem)
      .. '): what is damaged is set aside when it is met, and the lane goes on')
  end
end
return found
