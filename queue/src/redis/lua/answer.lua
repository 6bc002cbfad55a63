#!lua
-- Stores the answer that came by call back to a lane's current message. The first wins, and is unheard until a take gives it.
-- A lane that waits for it becomes ready.
--
-- Uses: base, damage, record, mend, lane.
--
-- KEYS[1]  base      (none)  prefix of this shard's keys, from which are named: alarm,
--                      classes, damaged, delay, held, lease, older, ready, run, sends and suspect keys
-- KEYS[2]  wake      list    wake-up tokens of idle workers
-- KEYS[3]  delay     zset    delayed lane -> when it is due, us
-- KEYS[4]  lane      list    packed messages of the lane, the head first
-- KEYS[5]  run       hash    record of the lane's current message
-- KEYS[6]  answered  string  mark of a message that had its answer: when it ends, us
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  lane
-- ARGV[3]  id
-- ARGV[4]  the answer
-- ARGV[5]  how long the mark is kept, ms
--
-- Returns: 1 stored, 2 it had its answer, 0 the message isn't current.
-- Not allowed when memory is full: an answer that can't be stored must be refused.

local lane = ARGV[2]
local now = now_us()
-- The mark's own time decides, not the key's expiry.
local is_read, known = try(redis.call, 'GET', KEYS[6])
if is_read and known and (tonumber(known) or 0) > now then return 2 end
local h = redis.call('HMGET', KEYS[5], 'recorded', 'packed', 'replies', 'answer', 'response')
local packed = h[1] and (h[2] or redis.call('LINDEX', KEYS[4], 0))
if not packed or id_of(check_packed(packed)) ~= ARGV[3] then return 0 end
-- The first wins for as long as the message is there, also when it is there for longer than the mark.
if h[3] or h[4] then return 2 end
redis.call('SET', KEYS[6], us(now + tonumber(ARGV[5]) * 1000), 'PX', ARGV[5])
redis.call('HSET', KEYS[5], 'answer', ARGV[4], 'unheard', 1)
redis.call('HDEL', KEYS[5], 'awaiting', 'unanswered')
-- The answer ends an offer of another one that was not recorded.
if h[5] then redis.call('HDEL', KEYS[5], 'response') end
if share('ZREM', 'delay', lane) == 1 then wake(make_ready('RPUSH', lane)) end
return 1
