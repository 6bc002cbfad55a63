#!lua flags=allow-oom
-- Ends the claim of a try of a push: its response is written, or certainly not. With its last part written a message ends. A current
-- message with more to send is ready again, first in line.
--
-- Uses: base, damage, record, mend, lane, held, read, on, end, respond.
--
-- KEYS[1]  base    (none)  prefix of this shard's keys, from which are named: alarm, arrived, classes,
--                      damaged, journal, dead, letter, ready, sends and suspect keys
-- KEYS[2]  wake    list    wake-up tokens of idle workers
-- KEYS[3]  push    hash    what is known of the push. Expires
-- KEYS[4]  lane    list    packed messages of the lane, the head first
-- KEYS[5]  older   list    records of the lane's second list
-- KEYS[6]  run     hash    record of the lane's current message
-- KEYS[7]  held    hash    order -> record of a held message of the lane
-- KEYS[8]  lease   zset    leased lane -> when its lease runs out, us
-- KEYS[9]  delay   zset    delayed lane -> when it is due, us
-- KEYS[10] hold    zset    held message -> until when, us
-- KEYS[11] open    hash    class -> messages not yet at their end
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  lane
-- ARGV[3]  id of the push
-- ARGV[4]  number of the try
-- ARGV[5]  "1" if the response is written, else ""
--
-- Returns: 1 done, 0 the claim isn't this try's any more.

local lane, id, try_number, is_written = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5] == '1'
local now = now_us()
local push = push_of(id, now)
if push.tries ~= try_number or not push.part then return 0 end
local claimed
for _, message in ipairs(answers_of(lane)) do
  if message.response.push == id and message.response.number == try_number then claimed = claimed or message end
end
-- What an earlier try wrote stays known: the next try gets it again.
if not claimed then return 0 end
if not is_written then redis.call('HDEL', KEYS[3], 'part', 'more') end

-- The last part of a current message is sent: it ends, and its lane goes on.
local function end_current()
  local popped = claimed.packed
  claimed.packed = popped or read('', 'LINDEX', KEYS[4], 0)
  -- Damage: another message lies in its place, and must not end for it. The take that finds the claim to be over goes on.
  if not is_message(claimed.packed, claimed.response.id) then return 0 end
  end_answered(lane, claimed, now)
  share('ZREM', 'delay', lane)
  wake(go_on(lane, popped, claimed.sends, claimed.response.id))
  return 1
end

local is_over, result = unclaim(claimed, is_written), 1
if claimed.is_current and is_over then
  result = end_current()
elseif is_over then
  remove_held(lane, claimed)
  end_answered(lane, claimed, now)
elseif not claimed.is_current then
  save(lane, claimed)
elseif not is_written and claimed.response.offered_us > now then
  save(lane, claimed)
  share('ZADD', 'delay', us(claimed.response.offered_us), lane)
else
  redis.call('HSET', KEYS[6], 'sent', claimed.sent or '0', 'sending', '')
  redis.call('HDEL', KEYS[6], 'response')
  share('ZREM', 'delay', lane)
  wake(make_ready('LPUSH', lane))
end
keep_counts()
return result
