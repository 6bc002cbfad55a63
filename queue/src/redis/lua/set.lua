#!lua flags=allow-oom
-- Sets a shared value, or removes it.
--
-- Uses: base, damage.
--
-- KEYS[1]  base   (none)  prefix of this shard's keys, from which are named: alarm, damaged, folder
-- KEYS[2]  value  string  until when, us, a colon, the bytes. Expires
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  the bytes, or "" to remove it
-- ARGV[3]  how long it is kept, ms
-- ARGV[4]  its name
--
-- Returns: 1.

-- The names that begin alike, up to a slash, are listed, so that all of them can be read at once.
local folder = ARGV[4]:match('^[^/]*/')
if ARGV[2] == '' then
  redis.call('DEL', KEYS[2])
  if folder then share('ZREM', 'folder:' .. folder, ARGV[4]) end
  return 1
end
local now = now_us()
local ends = us(now + tonumber(ARGV[3]) * 1000)
redis.call('SET', KEYS[2], ends .. ':' .. ARGV[2], 'PX', ARGV[3])
if folder then
  share('ZADD', 'folder:' .. folder, ends, ARGV[4])
  redis.call('ZREMRANGEBYSCORE', key('folder:' .. folder), '-inf', us(now))
end
return 1
