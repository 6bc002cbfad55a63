#!lua flags=allow-oom
-- Moves a leased message to the dead letters; its lane goes on.
--
-- KEYS[1]  base    (none)  prefix of this shard's keys: ready keys are named from it, in the same slot
-- KEYS[2]  wake    list    wake-up tokens of idle workers
-- KEYS[3]  open    hash    class -> messages not yet at their end
-- KEYS[4]  lease   zset    leased lane -> when its lease runs out, us
-- KEYS[5]  lane    list    packed messages of the lane, the head first
-- KEYS[6]  run     hash    record of the lane
-- KEYS[7]  dead    zset    id of a dead letter -> time of death, us
-- KEYS[8]  letter  hash    the message as a dead letter
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  wake-up tokens that there may be
-- ARGV[3]  lane
-- ARGV[4]  proof: token and id
-- ARGV[5]  id
-- ARGV[6]  reason
--
-- Returns: 1 buried, 0 the lease is lost.

local function now_us()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end

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

local lane, run = ARGV[3], KEYS[6]
local held = redis.call('HMGET', run, 'token', 'failures', 'losses')
local packed = held[1] == ARGV[4] and redis.call('LINDEX', KEYS[5], 0)
if not packed then return 0 end
local died = string.format('%.0f', now_us())
redis.call('LPOP', KEYS[5])
redis.call('DEL', run)
redis.call('ZREM', KEYS[4], lane)
redis.call('HINCRBY', KEYS[3], packed:sub(3, 2 + packed:byte(2)), -1)
redis.call('ZADD', KEYS[7], died, ARGV[5])
redis.call('HSET', KEYS[8], 'packed', packed, 'lane', lane, 'reason', ARGV[6], 'died_us', died,
  'failures', held[2] or 0, 'losses', held[3] or 0)
wake(go_on(lane, KEYS[5]), tonumber(ARGV[2]))
return 1
