#!lua flags=no-writes,allow-oom
-- Reads a shared value.
--
-- Uses: base, damage, read.
--
-- KEYS[1]  base   (none)  prefix of this shard's keys
-- KEYS[2]  value  string  until when, us, a colon, the bytes. Expires
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
--
-- Returns: the bytes, or nil.

local value = read(false, 'GET', KEYS[2])
local at = value and value:find(':', 1, true)
local ends = at and tonumber(value:sub(1, at - 1))
return ends and ends > now_us() and value:sub(at + 1)
