#!lua flags=no-writes,allow-oom
-- Reads a shared value.
--
-- Uses: base.
--
-- KEYS[1]  base   (none)  prefix of this shard's keys
-- KEYS[2]  value  string  until when, us, a colon, the bytes. Expires
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
--
-- Returns: the bytes, or nil.

local value = redis.call('GET', KEYS[2])
if not value then return false end
local at = value:find(':', 1, true)
return tonumber(value:sub(1, at - 1)) > now_us() and value:sub(at + 1)
