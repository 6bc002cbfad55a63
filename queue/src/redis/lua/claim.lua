#!lua flags=allow-oom
-- Gives a part of a lane's answers to a try of a push: what went out for the push already; else the next part of the oldest held
-- answer, or of the current message's offer. Until the claim is confirmed, or over, the lane gives no other part.
--
-- Uses: base, damage, record, held, read, end, respond.
--
-- KEYS[1]  base    (none)  prefix of this shard's keys, from which are named: alarm, damaged, dead, journal, arrived, letter
-- KEYS[2]  newest  string  the lane's newest open push: a record. Expires
-- KEYS[3]  push    hash    what is known of the push. Expires
-- KEYS[4]  paused  hash    what is paused: "*", "c" and a class, "l" and a lane
-- KEYS[5]  held    hash    order -> record of a held message of the lane
-- KEYS[6]  run     hash    record of the lane's current message
-- KEYS[7]  lane    list    packed messages of the lane, the head first
-- KEYS[8]  older   list    records of the lane's second list
-- KEYS[9]  delay   zset    delayed lane -> when it is due, us
-- KEYS[10] hold    zset    held message -> until when, us
-- KEYS[11] open    hash    class -> messages not yet at their end
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  lane
-- ARGV[3]  class
-- ARGV[4]  id of the push
-- ARGV[5]  number of the try
-- ARGV[6]  time after which nothing is claimed any more, us
-- ARGV[7]  for how long a claim stands, us
-- ARGV[8]  for how long the push is remembered, us
--
-- Returns: { what, parts whose claims ran out unconfirmed, the part, "1" if there may be more or "" }, what being 1 a part, 2 nothing
-- now, 3 nothing and no message is there that could bring something, 4 a newer try or a newer push is open; without a part only the
-- first two.

local PART, NOT_YET, IDLE, SUPERSEDED = 1, 2, 3, 4
local lane, id, try_number = ARGV[2], ARGV[4], tonumber(ARGV[5])
local now, kept_us = now_us(), tonumber(ARGV[8])
if now > tonumber(ARGV[6]) then return { NOT_YET, 0 } end
local claimed_us = now + tonumber(ARGV[7])
local push = push_of(id, now)
-- A push with fewer tries was forgotten here.
if push.tries ~= try_number then return { push.tries > try_number and SUPERSEDED or NOT_YET, 0 } end
if push.part then
  for _, message in ipairs(answers_of(lane)) do
    if message.response.push == id then claim(lane, message, id, try_number, claimed_us) end
  end
  keep_push(push, now, kept_us)
  return { PART, 0, push.part, push.more or '' }
end
local newest = newest_of(lane, now)
if newest and newest.push ~= id then return { SUPERSEDED, 0 } end
local answers, current = answers_of(lane)
-- What is damaged in its lists is nothing that could come.
local function is_idle() return redis.call('EXISTS', KEYS[6]) == 0 and read(0, 'LLEN', KEYS[7]) + read(0, 'LLEN', KEYS[8]) == 0 end
if not answers[1] and is_idle() then return { IDLE, 0 } end
for _, since in ipairs(share('HMGET', 'paused', '*', 'c' .. ARGV[3], 'l' .. lane)) do
  if since then return { NOT_YET, 0 } end
end
for _, message in ipairs(answers) do
  if message.response.push and message.response.claimed_us > now then return { NOT_YET, 0 } end
end

-- Held parts whose claims ran out go out again, or count as sent. Those of a current message are settled by the next take.
local unsure, left = 0, {}
for _, message in ipairs(answers) do
  local is_over = false
  if message.response.push and not message.is_current then
    unsure = unsure + 1
    is_over = unclaim(message, not message.response.resend)
    if is_over then
      remove_held(lane, message)
      end_answered(lane, message, now)
    else
      save(lane, message)
    end
  end
  if not is_over then left[#left + 1] = message end
end
keep_counts()

local function is_open(message)
  if not message.is_current then return true end
  return message.response.offered_us > now and not is_ended(message.sends)
end
local claimed
for _, message in ipairs(left) do
  if not claimed and message.response.parts[1] and is_open(message) then claimed = message end
end
if not claimed then
  return { is_idle() and IDLE or NOT_YET, unsure }
end
claim(lane, claimed, id, try_number, claimed_us)

-- More may come of what is left of the answers, of a current message that is not at its last part, or of what waits.
local has_more = current and (not current.response or (tonumber(current.sent) or 0) + 1 < current.response.total)
for _, message in ipairs(left) do
  has_more = has_more or not message.response.push or #message.response.parts > 1
end
local heads = read(0, 'LLEN', KEYS[7]) + read(0, 'LLEN', KEYS[8])
local more = (has_more or heads > ((current and not current.packed) and 1 or 0)) and '1' or ''
redis.call('DEL', KEYS[2])
keep_push(push, now, kept_us, 'part', claimed.response.parts[1], 'more', more)
return { PART, unsure, claimed.response.parts[1], more }
