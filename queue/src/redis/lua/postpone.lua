#!lua flags=allow-oom
-- Lets the lane of a leased message wait: for a retry, or for a snooze. The message stays current. If its answer has come
-- by call back meanwhile, the lane doesn't wait.
--
-- KEYS[1]  base   (none)  prefix of this shard's keys: ready and suspect keys are named from it
-- KEYS[2]  wake   list    wake-up tokens of idle workers
-- KEYS[3]  lease  zset    leased lane -> when its lease runs out, us
-- KEYS[4]  lane   list    packed messages of the lane, the head first
-- KEYS[5]  older  list    records of the lane's second list
-- KEYS[6]  run    hash    record of the lane's current message
-- KEYS[7]  delay  zset    delayed lane -> when it is due, us
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  lane
-- ARGV[3]  proof: token and id
-- ARGV[4]  delay, us
-- ARGV[5]  the counter of the record that rises: "failures" or "snoozes"
-- ARGV[6]  reason
--
-- Returns: 1 postponed, 0 the lease is lost.

local h = redis.call('HMGET', KEYS[6], 'token', 'unheard')
if h[1] ~= ARGV[3] then return 0 end
postpone(ARGV[2], ARGV[5], ARGV[6], tonumber(ARGV[4]), h[2])
return 1
