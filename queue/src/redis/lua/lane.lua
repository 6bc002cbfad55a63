#!lua flags=no-writes,allow-oom
-- Shows one lane.
--
-- KEYS[1]  lane   list  its packed messages, the head first
-- KEYS[2]  run    hash  its record
-- KEYS[3]  lease  zset  leased lane -> when its lease runs out, us
-- KEYS[4]  delay  zset  delayed lane -> when it is due, us
--
-- ARGV[1]  lane
-- ARGV[2]  messages at most
--
-- Returns: { leased 0 or 1, due us or "", last error or "", packed, packed, ... }.

local answer = { redis.call('ZSCORE', KEYS[3], ARGV[1]) and 1 or 0, '', redis.call('HGET', KEYS[2], 'error') or '' }
local due = redis.call('ZSCORE', KEYS[4], ARGV[1])
if due then answer[2] = string.format('%.0f', tonumber(due)) end
for _, packed in ipairs(redis.call('LRANGE', KEYS[1], 0, tonumber(ARGV[2]) - 1)) do answer[#answer + 1] = packed end
return answer
