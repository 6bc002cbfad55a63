-- Answers that go out in the response of a push: what is known of pushes, and what of a lane may go out.

-- A push as it is known: its tries, what went out for it, and whether there was more. Its own time decides, not the key's expiry. A
-- look that gives no part leaves it as it is: there are many of these, and each write costs the append-only file.
local function push_of(id, now)
  local name = 'push:' .. id
  local h = share('HMGET', name, 'until', 'tries', 'part', 'more')
  if (tonumber(h[1] or 0) or 0) > now then
    return { key = key(name), tries = tonumber(h[2] or 0) or 0, part = h[3], more = h[4] }
  end
  if h[1] then redis.call('DEL', key(name)) end
  return { key = key(name), tries = 0, part = false }
end

-- Remembers some fields of a push with their values, for some time from now on.
local function keep_push(push, now, kept_us, ...)
  redis.call('HSET', push.key, 'until', us(now + kept_us), ...)
  redis.call('PEXPIRE', push.key, us(2 * kept_us / 1000))
end

-- The newest push of a lane, while it is open. One that can't be read waits for nothing.
-- Defined when first called.
local function newest_of(lane, now)
  local bytes = share('GET', 'newest:' .. lane)
  local is_read, newest = try(read_newest, bytes or '')
  return is_read and newest.until_us > now and newest or nil
end

-- Tells the receiver that keeps a push open to look at its lane. News that nobody fetches is forgotten.
-- Defined when first called.
local function post(newest, lane)
  local NEWS_MAX, NEWS_MS = 4096, 10000
  if not newest then return end
  local name = 'news:' .. newest.receiver
  if share('RPUSH', name, lane) > NEWS_MAX then redis.call('LPOP', key(name)) end
  redis.call('PEXPIRE', key(name), NEWS_MS)
end

-- The answer that stands in the arguments from `at` on: "1" if replies are given or "0", replies, how many parts are sent, how many
-- there are in all, what the message dies of, behind a 1, or "", "1" if a held part goes out again or "", how long the memory is
-- kept in ms or "" if it stays, memory, the next parts. Gives the replies or false, the parts sent, and the record of the rest. The
-- first replies of a message bring the memory, unless it `forgets`.
-- Defined when first called.
local function keep_answer(at, lane, id, offered_us, had_replies, forgets)
  local replies, dies_of = ARGV[at] == '1' and ARGV[at + 1], ARGV[at + 4]
  local parts = {}
  for i = at + 8, #ARGV do parts[#parts + 1] = ARGV[i] end
  if replies and ARGV[at + 6] ~= '' and not had_replies and not forgets then
    if ARGV[at + 7] == '' then
      redis.call('DEL', key('memory:' .. lane))
    else
      local ends = us(now_us() + tonumber(ARGV[at + 6]) * 1000)
      redis.call('SET', key('memory:' .. lane), ends .. ':' .. ARGV[at + 7], 'PX', ARGV[at + 6])
    end
  end
  return replies, ARGV[at + 2], write_response({ id = id, total = tonumber(ARGV[at + 3]), resend = ARGV[at + 5] == '1',
    dies_of = dies_of ~= '' and dies_of:sub(2), offered_us = offered_us, parts = parts })
end

-- The messages of a lane whose answers may go out: the held ones in their order, then the current one while its lane is delayed.
-- What can't be read of one is left alone. Also gives the current message, if there is one.
local function answers_of(lane)
  local answers = {}
  local function add(message)
    local is_read, response = try(read_response, message.response or '')
    message.response = is_read and response
    if is_read then answers[#answers + 1] = message end
  end
  for _, held in ipairs(held_of(lane)) do add(held) end
  local is_read, h = try(redis.call, 'HMGET', key('run:' .. lane), 'recorded', 'packed', 'failures', 'sent', 'sends', 'response', 'note',
    'losses')
  if not is_read then return answers, {} end
  local current = h[1] and { is_current = true, packed = h[2], failures = h[3], sent = h[4], sends = h[5], response = h[6],
    note = h[7], losses = h[8] }
  if h[6] and share('ZSCORE', 'delay', lane) then
    add(current)
  elseif current then
    current.response = false
  end
  return answers, current
end

-- Writes what has changed of a message whose answer may go out.
-- Defined when first called.
local function save(lane, message)
  local response, sent, sending = write_response(message.response), message.sent or '0', message.sending
  if message.is_current then
    redis.call('HSET', key('run:' .. lane), 'response', response, 'sent', sent, 'sending', sending)
  else
    redis.call('HSET', key('held:' .. lane), message.order, write_held(message, response))
  end
end

-- Gives the next part of a message to a try of a push. The lane of a current one waits for it.
-- Defined when first called.
local function claim(lane, message, push, number, claimed_us)
  local response = message.response
  response.push, response.number, response.claimed_us, message.sending = push, number, claimed_us, message.sent or '0'
  save(lane, message)
  if message.is_current then share('ZADD', 'delay', us(claimed_us), lane) end
end

-- Takes a claim away. If the part `is_sent`, whether it was the last.
-- Defined when first called.
local function unclaim(message, is_sent)
  message.response.push, message.sending = false, ''
  if not is_sent then return false end
  table.remove(message.response.parts, 1)
  local sent = (tonumber(message.sent) or 0) + 1
  message.sent = us(sent)
  return sent >= message.response.total
end

-- A message all of whose parts are sent. Its lane is the caller's.
-- Defined when first called.
local function end_answered(lane, message, now)
  local dies_of = message.response.dies_of
  if dies_of then
    bury_message(message.packed, lane, message, dies_of, now)
  else
    end_message(message.packed, lane, message)
  end
end
