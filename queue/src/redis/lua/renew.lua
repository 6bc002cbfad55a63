#!lua flags=allow-oom
-- Makes leases run anew. One that has run out is revived as long as nobody has taken its message.
--
-- KEYS[1]  lease  zset  leased lane -> when its lease runs out, us
-- KEYS[1 + i]  run  hash  record of item i's lane
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  lease, us
-- then for each item: lane, proof (token and id)
--
-- Returns: for each item 1 kept, 0 lost.

local function now_us()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end

local ends = string.format('%.0f', now_us() + tonumber(ARGV[2]))
local results = {}
for i = 1, #KEYS - 1 do
  local lane, proof = ARGV[1 + 2 * i], ARGV[2 + 2 * i]
  if redis.call('HGET', KEYS[1 + i], 'token') == proof then
    redis.call('ZADD', KEYS[1], ends, lane)
    results[i] = 1
  else
    results[i] = 0
  end
end
return results
