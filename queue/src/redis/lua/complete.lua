#!lua flags=allow-oom
-- Ends leased messages; their lanes go on.
--
-- KEYS[1]  base   (none)  prefix of this shard's keys: ready keys are named from it, in the same slot
-- KEYS[2]  wake   list    wake-up tokens of idle workers
-- KEYS[3]  open   hash    class -> messages not yet at their end
-- KEYS[4]  lease  zset    leased lane -> when its lease runs out, us
-- KEYS[4 + 2*i - 1]  lane  list  packed messages of item i's lane, the head first
-- KEYS[4 + 2*i]      run   hash  record of item i's lane
--
-- ARGV[1]  wake-up tokens that there may be
-- then for each item: lane, proof (token and id)
--
-- Returns: for each item 1 completed, 0 the lease is lost.

local base = KEYS[1]

-- The lane goes on with its next message, at the end of ready; without one it is in no state.
local function go_on(lane, lane_key)
  local following = redis.call('LINDEX', lane_key, 0)
  if not following then return 0 end
  redis.call('RPUSH', base .. 'ready:' .. following:sub(3, 2 + following:byte(2)), lane)
  return 1
end

local function wake(count, most)
  local room = count > 0 and most - redis.call('LLEN', KEYS[2]) or 0
  for _ = 1, math.min(count, room) do redis.call('RPUSH', KEYS[2], '') end
end

local results = {}
local woken = 0
for i = 1, (#ARGV - 1) / 2 do
  local lane, proof = ARGV[2 * i], ARGV[2 * i + 1]
  local lane_key, run = KEYS[4 + 2 * i - 1], KEYS[4 + 2 * i]
  local packed = redis.call('HGET', run, 'token') == proof and redis.call('LINDEX', lane_key, 0)
  if packed then
    redis.call('LPOP', lane_key)
    redis.call('DEL', run)
    redis.call('ZREM', KEYS[4], lane)
    redis.call('HINCRBY', KEYS[3], packed:sub(3, 2 + packed:byte(2)), -1)
    woken = woken + go_on(lane, lane_key)
    results[i] = 1
  else
    results[i] = 0
  end
end
wake(woken, tonumber(ARGV[1]))
return results
