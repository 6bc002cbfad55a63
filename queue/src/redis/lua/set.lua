#!lua flags=allow-oom
-- Sets a shared value, or removes it.
--
-- Uses: base.
--
-- KEYS[1]  base   (none)  prefix of this shard's keys
-- KEYS[2]  value  string  until when, us, a colon, the bytes. Expires
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  the bytes, or "" to remove it
-- ARGV[3]  how long it is kept, ms
--
-- Returns: 1.

if ARGV[2] == '' then
  redis.call('DEL', KEYS[2])
else
  redis.call('SET', KEYS[2], us(now_us() + tonumber(ARGV[3]) * 1000) .. ':' .. ARGV[2], 'PX', ARGV[3])
end
return 1
