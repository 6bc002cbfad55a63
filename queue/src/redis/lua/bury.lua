#!lua flags=allow-oom
-- Moves a leased message to the dead letters; its lane goes on. If there is an answer by call back that its handler hasn't
-- had, the message comes again with that answer instead.
--
-- Uses: base, damage, record, mend, lane, on, end.
--
-- KEYS[1]  base   (none)  prefix of this shard's keys, from which are named: alarm,
--                      classes, damaged, journal, delay, held, older, ready, run, sends and suspect keys
-- KEYS[2]  wake   list    wake-up tokens of idle workers
-- KEYS[3]  lease  zset    leased lane -> when its lease runs out, us
-- KEYS[4]  lane   list    packed messages of the lane, the head first
-- KEYS[5]  older  list    records of the lane's second list
-- KEYS[6]  run    hash    record of the lane's current message
-- KEYS[7]  open   hash    class -> messages not yet at their end
-- KEYS[8]  dead   zset    id of a dead letter -> time of death, us
-- KEYS[9]  arrived  hash  class -> letters dead on arrival
-- KEYS[10] letter   hash  the message as a dead letter
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  lane
-- ARGV[3]  proof: token and id
-- ARGV[4]  reason
-- ARGV[5]  note
--
-- Returns: 1 buried, 3 it comes again with its answer, 0 the lease is lost.

local lane = ARGV[2]
local held = redis.call('HMGET', KEYS[6], 'token', 'packed', 'failures', 'losses', 'sends', 'unheard', 'sent', 'note')
local packed = held[1] == ARGV[3] and (held[2] or redis.call('LINDEX', KEYS[4], 0))
if not packed or id_of(check_packed(packed)) ~= id_in(ARGV[3]) then return 0 end
if held[6] then
  wake(come_again(lane))
  return 3
end
bury_message(packed, lane, { failures = held[3], losses = held[4], sent = held[7],
  note = ARGV[5] ~= '' and ARGV[5] or held[8] }, ARGV[4], now_us())
keep_counts()
wake(go_on(lane, held[2], held[5], id_in(ARGV[3])))
return 1
