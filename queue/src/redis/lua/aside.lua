#!lua flags=allow-oom
-- Puts a leased message whose attempt failed aside for a time; the lane goes on. It stays the head of its lane, and the lane
-- waits as for any retry, if its answer has come by call back, if it is a suspect, or if too many are aside already.
--
-- KEYS[1]  base     (none)  prefix of this shard's keys: ready and sends keys are named from it
-- KEYS[2]  wake     list    wake-up tokens of idle workers
-- KEYS[3]  lease    zset    leased lane -> when its lease runs out, us
-- KEYS[4]  delay    zset    delayed lane -> when it is due, us
-- KEYS[5]  lane     list    packed messages of the lane, the head first
-- KEYS[6]  older    list    records of the lane's second list
-- KEYS[7]  run      hash    record of the lane's current message
-- KEYS[8]  back     zset    message that is aside -> when it comes back, us
-- KEYS[9]  aside    hash    order -> record of a message of the lane that was put aside and is not current again
-- KEYS[10] counter  string  gives messages that are put aside their order
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  lane
-- ARGV[3]  proof: token and id
-- ARGV[4]  for how long, us
-- ARGV[5]  messages aside that a lane may have
-- ARGV[6]  why the attempt failed
--
-- Returns: 1 aside, 2 the lane waits, 0 the lease is lost.

local lane = ARGV[2]
local h = redis.call('HMGET', KEYS[7], 'token', 'packed', 'answer', 'replies', 'losses', 'failures', 'snoozes', 'sent',
  'sending', 'note', 'lost_by', 'sends', 'unheard')
local packed = h[1] == ARGV[3] and (h[2] or redis.call('LINDEX', KEYS[5], 0))
if not packed then return 0 end
if h[13] or tonumber(h[5] or 0) >= SUSPECT_LOSSES or redis.call('HLEN', KEYS[9]) >= tonumber(ARGV[5]) then
  postpone(lane, 'failures', ARGV[6], tonumber(ARGV[4]), h[13])
  return 2
end
local due = now_us() + tonumber(ARGV[4])
local record = { redis.call('INCR', KEYS[10]), due, false, packed, tonumber(h[6] or 0) + 1, h[5], h[7], ARGV[6], h[4], h[8],
  h[9], h[3], h[10], h[11] }
redis.call('HSET', KEYS[9], order_of(record), cmsgpack.pack(record))
redis.call('ZADD', KEYS[8], us(due), held_member(record, lane))
wake(go_on(lane, h[2], h[12]))
return 1
