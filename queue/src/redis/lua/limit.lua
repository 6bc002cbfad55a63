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
local function keep(earned) redis.call('SET', KEYS[2], us(earned), 'PX', us(math.ceil((earned - now) / 1000))) end
local known = tonumber(read(0, 'GET', KEYS[2])) or 0
-- No more than a period is ever ahead, unless the clock was set back.
if known > now + period then
  known = now + period
  keep(known)
end
local earned = math.max(known, now) + one
if earned - now > period then return us(earned - now - period) end
keep(earned)
return '0'
