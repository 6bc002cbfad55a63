#!lua flags=allow-oom
-- Offers the next part of a leased message to the newest open push of its lane: until that closes, the lane is delayed. If there
-- is an answer by call back that its handler hasn't had, the message comes again with that answer instead.
--
-- Uses: base, damage, record, mend, lane, on, respond.
--
-- KEYS[1]  base    (none)  prefix of this shard's keys, from which are named: alarm,
--                      classes, damaged, delay, held, news, older, ready, run, sends and suspect keys
-- KEYS[2]  wake    list    wake-up tokens of idle workers
-- KEYS[3]  lease   zset    leased lane -> when its lease runs out, us
-- KEYS[4]  lane    list    packed messages of the lane, the head first
-- KEYS[5]  older   list    records of the lane's second list
-- KEYS[6]  run     hash    record of the lane's current message
-- KEYS[7]  delay   zset    delayed lane -> when it is due, us
-- KEYS[8]  newest  string  the lane's newest open push: a record. Expires
-- KEYS[9]  memory  string  the lane's memory: until when, us, a colon, the bytes. Expires
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  lane
-- ARGV[3]  proof: token and id
-- ARGV[4]  for how long the push must stay open at least, us
-- ARGV[5]  note
-- ARGV[6]  its answer from here on, as `keep_answer` reads it
--
-- Returns: 1 offered, 3 it comes again with its answer, 4 nobody waits and nothing has changed, 0 the lease is lost.

local lane, run, now = ARGV[2], KEYS[6], now_us()
local h = redis.call('HMGET', run, 'token', 'unheard', 'replies', 'forgets')
if h[1] ~= ARGV[3] then return 0 end
local newest = newest_of(lane, now)
if not newest or newest.until_us < now + tonumber(ARGV[4]) then return 4 end
if h[2] then
  wake(come_again(lane))
  return 3
end
local replies, sent, response = keep_answer(6, lane, id_in(ARGV[3]), newest.until_us, h[3], h[4])
redis.call('HDEL', run, 'token', 'unanswered', 'gives_way')
if replies then
  redis.call('HSET', run, 'sent', sent, 'response', response, 'note', ARGV[5], 'replies', replies)
else
  redis.call('HSET', run, 'sent', sent, 'response', response, 'note', ARGV[5])
end
share('ZREM', 'lease', lane)
share('ZADD', 'delay', us(newest.until_us), lane)
post(newest, lane)
return 1
