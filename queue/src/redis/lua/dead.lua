#!lua flags=no-writes,allow-oom
-- A page of dead letters, the youngest first.
--
-- KEYS[1]  base  (none)  prefix of this shard's keys: letter keys are named from it, in the same slot
-- KEYS[2]  dead  zset    id of a dead letter -> time of death, us
--
-- ARGV[1]  offset
-- ARGV[2]  letters at most
--
-- Returns: { letters in all, { packed, lane, reason, died us, failures, losses }, ... }.

local answer = { redis.call('ZCARD', KEYS[2]) }
local first = tonumber(ARGV[1])
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], first, first + tonumber(ARGV[2]) - 1, 'REV')) do
  answer[#answer + 1] = redis.call('HMGET', KEYS[1] .. 'letter:' .. id, 'packed', 'lane', 'reason', 'died_us', 'failures', 'losses')
end
return answer
