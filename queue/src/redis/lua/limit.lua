#!lua flags=allow-oom
-- Grants one of so many per period, or says how long to wait: the generic cell rate algorithm, with a whole period's
-- worth as the burst.
--
-- Uses: base, damage, read.
--
-- KEYS[1]  base   (none)  prefix of this shard's keys
-- KEYS[2]  limit  string  when all that was granted will have been earned, us. Expires
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  how long one takes to earn, us
-- ARGV[3]  period, us
--
-- Returns: 0 granted, else how long to wait, us, as text.

local now, one, period = now_us(), math.max(tonumber(ARGV[2]), 1), tonumber(ARGV[3])
local earned = math.max(tonumber(read(0, 'GET', KEYS[2])) or 0, now) + one
if earned - now > period then return us(earned - now - period) end
redis.call('SET', KEYS[2], us(earned), 'PX', us(math.ceil((earned - now) / 1000)))
return '0'
