#!lua flags=allow-oom
-- Copies the next records of the journal, and puts the copy in its place once all are copied. A stream keeps the bytes of what was
-- deleted from it for as long as the entries beside it live, on disk too; its copy doesn't have them.
--
-- KEYS[1]  base     (none)  prefix of this shard's keys
-- KEYS[2]  journal  stream  how messages ended
-- KEYS[3]  anew     stream  its copy
--
-- ARGV[1]  test clock, us, or "" for the time of Redis: not used here
-- ARGV[2]  records to copy at most
--
-- Returns: 1 all are copied, 0 there are more.

local last = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)[1]
local records = redis.call('XRANGE', KEYS[2], last and '(' .. last[1] or '-', '+', 'COUNT', ARGV[2])
for _, entry in ipairs(records) do redis.call('XADD', KEYS[3], entry[1], unpack(entry[2])) end
if #records == tonumber(ARGV[2]) then return 0 end
redis.call('DEL', KEYS[2])
if redis.call('EXISTS', KEYS[3]) == 1 then redis.call('RENAME', KEYS[3], KEYS[2]) end
return 1
