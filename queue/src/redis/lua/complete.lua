#!lua flags=allow-oom
-- Ends leased messages; their lanes go on. If there is an answer by call back that its handler hasn't had, a message comes
-- again with that answer instead.
--
-- Uses: base, damage, record, mend, lane, on, end.
--
-- KEYS[1]  base   (none)  prefix of this shard's keys, from which are named: alarm, classes, damaged, delay, journal, lane, older,
--                         ready, run, sends and wake keys
-- KEYS[2]  open   hash    class -> messages not yet at their end
-- KEYS[3]  lease  zset    leased lane -> when its lease runs out, us
--
-- ARGV[1]  test clock, us, or "" for the time of Redis: not used here
-- then for each item: lane, proof (token and id), note
--
-- Returns: for each item 1 completed, 3 it comes again with its answer, 0 the lease is lost, or nothing can be read of it.

local results, ended, going_on, standings = {}, {}, {}, {}
local has_ended = {}
local woken = 0
local function complete(lane, proof, note)
  local held = redis.call('HMGET', key('run:' .. lane), 'token', 'packed', 'sends', 'unheard', 'failures', 'losses', 'sent', 'note')
  -- The record stays until all items are through: the same call may stand twice in one batch.
  if held[1] ~= proof or has_ended[lane] then return 0 end
  if held[4] then
    woken = woken + come_again(lane)
    return 3
  end
  local next_class, packed, kept_in = pass_on(lane, held[2], held[3], id_in(proof))
  if kept_in then standings[#standings + 1], standings[#standings + 2] = kept_in, held[3] end
  if next_class then
    local lanes = going_on[next_class] or {}
    lanes[#lanes + 1] = lane
    going_on[next_class] = lanes
    woken = woken + 1
  end
  ended[#ended + 1] = lane
  has_ended[lane] = true
  if packed then end_message(packed, lane, { failures = held[5], losses = held[6], sent = held[7],
    note = note ~= '' and note or held[8] }) end
  return 1
end

for i = 1, (#ARGV - 1) / 3 do
  local is_read, result = try(complete, ARGV[3 * i - 1], ARGV[3 * i], ARGV[3 * i + 1])
  results[i] = is_read and result or 0
end
-- One write for all lanes of a class: each further one costs Redis as much again for its append-only file.
for class, lanes in pairs(going_on) do line_up('RPUSH', 'ready', class, unpack(lanes)) end
forget(ended, standings)
keep_counts()
wake(woken)
return results
