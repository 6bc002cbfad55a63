#!lua flags=allow-oom
-- Holds a leased message until its lane gets a waking one; the lane goes on. If a waking one has come that the caller did not
-- see, the message waits for another turn instead. If there is an answer by call back that its handler hasn't had, it comes
-- again with that answer. With an answer whose parts may go out in responses, the receiver of the lane's newest push gets news.
--
-- Uses: base, damage, record, mend, lane, held, on, end, respond.
--
-- KEYS[1]  base   (none)  prefix of this shard's keys, from which are named: alarm, arrived, letter, memory,
--                      news, newest, classes, damaged, journal, delay, held, older, ready, run, sends and suspect keys
-- KEYS[2]  wake   list    wake-up tokens of idle workers
-- KEYS[3]  lease  zset    leased lane -> when its lease runs out, us
-- KEYS[4]  lane   list    packed messages of the lane, the head first
-- KEYS[5]  older  list    records of the lane's second list
-- KEYS[6]  run    hash    record of the lane's current message
-- KEYS[7]  open   hash    class -> messages not yet at their end
-- KEYS[8]  dead   zset    id of a dead letter -> time of death, us
-- KEYS[9]  hold   zset    held message -> until when, us
-- KEYS[10] held   hash    order -> record of a held message of the lane
-- KEYS[11] counter  string  gives held messages their order
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  lane
-- ARGV[3]  proof: token and id
-- ARGV[4]  waking messages that the caller saw
-- ARGV[5]  how long it may be held, us
-- ARGV[6]  held messages that a lane may have
-- ARGV[7]  what it dies of if its time is over
-- ARGV[8]  "1" if a send was refused, else ""
-- ARGV[9]  note
-- ARGV[10] if its parts may go out in responses: its answer from here on, as `keep_answer` reads it
--
-- Returns: 1 held, 2 it waits for another turn, 3 it comes again with its answer, 0 the lease is lost.

local lane = ARGV[2]
local h = redis.call('HMGET', KEYS[6], 'token', 'packed', 'trigger', 'sends', 'unheard', 'forgets', unpack(KEPT))
local packed = h[1] == ARGV[3] and (h[2] or redis.call('LINDEX', KEYS[4], 0))
if not packed or id_of(check_packed(packed)) ~= id_in(ARGV[3]) then return 0 end
if h[5] or (tonumber(h[3] or 0) or 0) > tonumber(ARGV[4]) then
  wake(come_again(lane))
  return h[5] and 3 or 2
end
local now = now_us()
if share('HLEN', 'held:' .. lane) >= tonumber(ARGV[6]) then
  bury_oldest(lane, 'too many messages of its lane were held', now)
end
-- Without its losses: it has been handled, and is no suspect any more.
local order = share('INCR', 'counter')
local held = { order = us(order), number = order, until_us = now + tonumber(ARGV[5]), reason = ARGV[7], packed = packed,
  refused = ARGV[8] == '1', note = ARGV[9] }
for i, field in ipairs(KEPT) do held[field] = h[6 + i] end
local response
if ARGV[10] then
  local replies
  replies, held.sent, response = keep_answer(10, lane, id_of(packed), 0, held.replies, h[6])
  held.replies = replies or held.replies
end
redis.call('HSET', KEYS[10], held.order, write_held(held, response))
share('ZADD', 'hold', us(held.until_us), held_member(held, lane))
if response then post(newest_of(lane, now), lane) end
wake(go_on(lane, h[2], h[4], id_in(ARGV[3])))
return 1
