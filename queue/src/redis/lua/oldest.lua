#!lua flags=no-writes,allow-oom
-- The oldest dead letters, as far as they are too old or too many.
--
-- Uses: base.
--
-- KEYS[1]  base  (none)  prefix of this shard's keys: letter keys are named from it
-- KEYS[2]  dead  zset    id of a dead letter -> time of death, us
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  age that they may have, us
-- ARGV[3]  letters that there may be
-- ARGV[4]  letters given at most; fewer if they are large
--
-- Returns: for each { id, letter }, the letter being { packed, lane, reason, died us, failures, losses }, or nil if it can't be read.

local BYTES_MAX = 1048576
local surplus, before = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[3]), now_us() - tonumber(ARGV[2])
local ids = redis.call('ZRANGE', KEYS[2], 0, tonumber(ARGV[4]) - 1, 'WITHSCORES')
local answer, bytes = {}, 0
for i = 1, #ids, 2 do
  local is_surplus = #answer < surplus
  if (not is_surplus and tonumber(ids[i + 1]) > before) or bytes > BYTES_MAX then break end
  local letter = redis.pcall('HMGET', key('letter:' .. ids[i]), 'packed', 'lane', 'reason', 'died_us', 'failures', 'losses')
  bytes = bytes + (letter[1] and #letter[1] or 0)
  answer[#answer + 1] = { ids[i], letter[1] and letter or false }
end
return answer
