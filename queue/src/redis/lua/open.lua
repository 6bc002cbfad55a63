#!lua flags=allow-oom
-- Counts one more try of a push, and makes it the newest open push of its lane.
--
-- Uses: base, damage, record, respond.
--
-- KEYS[1]  base    (none)  prefix of this shard's keys: alarm and damaged keys are named from it
-- KEYS[2]  newest  string  the lane's newest open push: a record. Expires
-- KEYS[3]  push    hash    what is known of the push. Expires
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  id of the push
-- ARGV[3]  receiver
-- ARGV[4]  until when it is open, us: a call that is applied late opens it for no longer
-- ARGV[5]  for how long it is remembered, us
--
-- Returns: the number of the try.

local now, kept_us = now_us(), tonumber(ARGV[5])
local push, until_us = push_of(ARGV[2], now), tonumber(ARGV[4])
keep_push(push, now, kept_us, 'tries', us(push.tries + 1))
if until_us <= now then return push.tries + 1 end
-- Whatever lies there is replaced. The record's own time decides, so the key may stay for longer.
redis.call('SET', KEYS[2], write_newest(until_us, ARGV[2], ARGV[3]), 'PX', us((until_us - now + kept_us) / 1000))
return push.tries + 1
