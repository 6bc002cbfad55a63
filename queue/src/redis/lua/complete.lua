#!lua flags=allow-oom
-- Ends leased messages; their lanes go on. If an answer lies there that its handler has not had, a message comes again with it
-- instead.
--
-- Uses: base, record, lane, end.
--
-- KEYS[1]  base   (none)  prefix of this shard's keys: ready and sends keys are named from it
-- KEYS[2]  wake   list    wake-up tokens of idle workers
-- KEYS[3]  open   hash    class -> messages not yet at their end
-- KEYS[4]  lease  zset    leased lane -> when its lease runs out, us
-- KEYS[4 + 3*i - 2]  lane   list  packed messages of item i's lane, the head first
-- KEYS[4 + 3*i - 1]  older  list  records of the lane's second list
-- KEYS[4 + 3*i]      run    hash  record of the lane's current message
--
-- ARGV[1]  test clock, us, or "" for the time of Redis: not used here
-- then for each item: lane, proof (token and id)
--
-- Returns: for each item 1 completed, 3 it comes again with its answer, 0 the lease is lost.

local results, ended, going_on = {}, {}, {}
local is_ended = {}
local woken = 0
for i = 1, (#ARGV - 1) / 2 do
  local lane = ARGV[2 * i]
  local held = redis.call('HMGET', KEYS[4 + 3 * i], 'token', 'packed', 'sends', 'unheard')
  -- Its record is there until all are through: the same call may stand twice in one batch.
  local is_held = held[1] == ARGV[2 * i + 1] and not is_ended[lane]
  if is_held and held[4] then
    woken = woken + come_again(lane)
    results[i] = 3
  elseif is_held then
    local next_class, packed = pass_on(lane, held[2], held[3])
    if next_class then
      local lanes = going_on[next_class] or {}
      lanes[#lanes + 1] = lane
      going_on[next_class] = lanes
      woken = woken + 1
    end
    ended[#ended + 1] = lane
    is_ended[lane] = true
    end_message(packed)
    results[i] = 1
  else
    results[i] = 0
  end
end
-- One write for all lanes of a class: each costs Redis as much again for its file.
for class, lanes in pairs(going_on) do redis.call('RPUSH', key('ready:' .. class), unpack(lanes)) end
forget(ended)
keep_counts()
wake(woken)
return results
