#!lua flags=allow-oom
-- Leases the heads of ready lanes, after moving to ready what is due and what has expired.
--
-- Uses: base, pulse, record, lane, held, end.
--
-- KEYS[1]  base     (none)  prefix of this shard's keys, from which are named:
--                           arrived, dead, letter, memory, older, open, run and sends
-- KEYS[2]  lease    zset    leased lane -> when its lease runs out, us
-- KEYS[3]  delay    zset    delayed lane -> when it is due, us
-- KEYS[4]  counter  string  the last fencing token's number
-- KEYS[5]  batch    string  this worker's last call: a record
-- KEYS[6]  hold     zset    held message -> until when, us
-- KEYS[7]  paused   hash    what is paused: "*", "c" and a class, "l" and a lane
-- KEYS[8]  parked   zset    parked lane -> since when, us
-- KEYS[9]  pulse    hash    when the store was last known to serve
-- KEYS[9 + 2*i - 1]  ready    list  ready lanes of class i
-- KEYS[9 + 2*i]      suspect  list  those of them whose head is a suspect
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  messages at most
-- ARGV[3]  lease, us
-- ARGV[4]  moves at most, of each kind; twice as many popped lanes may give no message
-- ARGV[5]  worker's name
-- ARGV[6]  worker's incarnation
-- ARGV[7]  call number, as text: part of the token, since it never goes back, as the counter does if Redis loses its tail
-- ARGV[8]  "1" if one may be a suspect, else ""
-- then for each class: its name
--
-- Returns: { now us, microseconds until something is due or -1 (text), token, { id, class, reason of what died, ... },
-- message, message, ... }, each message being
-- { lane, packed, memory, failures, losses, snoozes, last_error, replies, sent, sending, trigger, note, sends, followed, answer,
-- unanswered, failing for us }, absent values "" (memory, replies, answer: false), shorter if all the rest is absent.
-- A message of an unknown format, or one whose keys can't be read, isn't leased but put off for a minute, and comes as { lane, "" }.

local UNKNOWN_PAUSE_US = 60000000
local LOSSES_MAX = 3

local lease_key, delay_key = KEYS[2], KEYS[3]
local now = now_us()
local max, lease_us, moves = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local quiet = pulse(now, lease_us)

-- What proves the lease of a message: the token, and the id.
local function proof_of(token, packed) return token .. '/' .. id_of(packed) end

-- A message of which nothing else is known.
local function bare(lane, packed, memory, followed)
  if not followed then return { lane, packed, memory } end
  return { lane, packed, memory, '', '', '', '', false, '', '', '', '', '', 1 }
end

-- A message with the lane's memory and the state of its record. If the lane has waited between two messages with sends
-- that count, the record takes them over here: one read for both, since most lanes have neither.
local function item(lane, packed, followed, has_record)
  local run = key('run:' .. lane)
  local known = redis.call('MGET', key('memory:' .. lane), key('sends:' .. lane))
  local memory, sends = known[1], known[2]
  if sends then
    redis.call('HSET', run, 'sends', sends)
    redis.call('DEL', key('sends:' .. lane))
  end
  if memory then
    local at = memory:find(':', 1, true)
    memory = tonumber(memory:sub(1, at - 1)) > now and memory:sub(at + 1)
  end
  if not has_record and not sends then return bare(lane, packed, memory, followed) end
  local h = redis.call('HMGET', run, 'failures', 'losses', 'snoozes', 'error', 'replies', 'sent', 'sending', 'trigger',
    'note', 'sends', 'answer', 'unanswered', 'unheard', 'followed', 'failing_since')
  if h[13] then redis.call('HDEL', run, 'unheard') end
  return { lane, packed, memory, h[1] or '', h[2] or '', h[3] or '', h[4] or '', h[5], h[6] or '', h[7] or '',
    h[8] or '', h[9] or '', h[10] or '', h[14] or '', h[11], h[12] or '',
    h[15] and us(now - tonumber(h[15])) or '' }
end

local function first_due(zset)
  local first = redis.call('ZRANGE', zset, 0, 0, 'WITHSCORES')
  return first[2] and tonumber(first[2])
end

local function next_due()
  local nearest = -1
  local function consider(due)
    local wait = due and math.max(due - now, 0)
    if wait and (nearest < 0 or wait < nearest) then nearest = wait end
  end
  local leased = first_due(lease_key)
  consider(leased and math.max(leased, quiet))
  consider(first_due(delay_key))
  consider(first_due(KEYS[6]))
  return us(nearest)
end

-- A repeated call: its answer got lost, so the same batch again, without what was settled or lost meanwhile. The leases
-- run anew, as the caller counts them from this call.
local last = redis.call('GET', KEYS[5])
if last then
  local batch = read_batch(last)
  if batch.call == ARGV[7] then
    local answer = { us(now), '-1', batch.token, {} }
    for _, lane in ipairs(batch.lanes) do
      local packed = head_of(lane)
      if packed and redis.call('HGET', key('run:' .. lane), 'token') == proof_of(batch.token, packed) then
        redis.call('ZADD', lease_key, us(now + lease_us), lane)
        answer[#answer + 1] = item(lane, packed, nil, true)
      end
    end
    answer[2] = next_due()
    return answer
  end
  -- An older call that comes late, over a connection that was given up: nobody waits for its answer any more.
  if tonumber(batch.call) > tonumber(ARGV[7]) then return { us(now), next_due(), '', {} } end
end

-- What is due goes to the end of ready: it waits for its turn like everybody.
for _, lane in ipairs(redis.call('ZRANGEBYSCORE', delay_key, '-inf', us(now), 'LIMIT', 0, moves)) do
  redis.call('ZREM', delay_key, lane)
  if redis.call('HDEL', key('run:' .. lane), 'awaiting') == 1 then
    redis.call('HSET', key('run:' .. lane), 'unanswered', 1)
  end
  make_ready('RPUSH', lane)
end

local buried = {}
local function note_buried(packed, reason)
  for _, value in ipairs({ id_of(packed), class_of(packed), reason }) do buried[#buried + 1] = value end
end

-- What has expired goes to the front, the longest expired first: it has had its turn and lost it to a dead worker.
local function reclaim(lane, deadline)
  local run = key('run:' .. lane)
  local h = redis.call('HMGET', run, 'packed', 'failures', 'losses', 'confirmed', 'worker', 'lost_by', 'sends')
  local losses = tonumber(h[3] or 0)
  redis.call('ZREM', lease_key, lane)
  if deadline > quiet and (losses == 0 or h[4]) then
    losses = losses + 1
    local lost_by = h[6] and h[6] .. ', ' .. h[5] or h[5]
    if losses >= LOSSES_MAX then
      local packed = h[1] or redis.call('LINDEX', key('lane:' .. lane), 0)
      local reason = losses .. ' workers died while they handled it: ' .. lost_by
      bury_message(packed, lane, reason, now, h[2], losses)
      note_buried(packed, reason)
      go_on(lane, h[1], h[7])
      return
    end
    redis.call('HSET', run, 'losses', losses, 'lost_by', lost_by)
  end
  redis.call('HDEL', run, 'token', 'confirmed')
  make_ready('LPUSH', lane)
end

if now >= quiet then
  local expired = redis.call('ZRANGEBYSCORE', lease_key, '-inf', us(now), 'WITHSCORES', 'LIMIT', 0, moves)
  for i = #expired - 1, 1, -2 do reclaim(expired[i], tonumber(expired[i + 1])) end
end

for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', us(now), 'LIMIT', 0, moves)) do
  local split = 1 + member:byte(1)
  local lane, order = member:sub(split + 1), member:sub(2, split)
  local held = read_held(redis.call('HGET', key('held:' .. lane), order))
  bury_held(lane, held, held.reason, now)
  note_buried(held.packed, held.reason)
end
keep_counts()

-- One lane of each class in turn, starting with another class in every call.
local answer = { us(now), '-1', '', buried }
local batch = {}
local pausing = redis.call('EXISTS', KEYS[7]) == 1
local function is_paused(scope) return pausing and redis.call('HEXISTS', KEYS[7], scope) == 1 end

local classes = {}
if not is_paused('*') then
  for i = 9, #ARGV do
    if not is_paused('c' .. ARGV[i]) then
      classes[#classes + 1] = { name = ARGV[i], ready = KEYS[9 + 2 * (i - 8) - 1], suspect = KEYS[9 + 2 * (i - 8)] }
    end
  end
end

-- The current message of a lane, which is `popped` if it came from the second list, and whether others wait behind it: whoever
-- once did still does.
local function current_of(lane, popped, followed)
  local first = redis.call('LRANGE', key('lane:' .. lane), 0, 1)
  followed = followed or first[popped and 1 or 2] or redis.call('EXISTS', key('older:' .. lane)) == 1
  return popped or first[1], followed
end

local token
local ends, leased = us(now + lease_us), {}
-- Leases the head of a lane that was popped, unless it turns out to be none for now. Whether it did.
local function lease(lane, class)
  if is_paused('l' .. lane) then
    redis.call('ZADD', KEYS[8], us(now), lane)
    return false
  end
  local run = key('run:' .. lane)
  local packed, followed, older, current, losses
  -- Nearly all lanes have only their first list: one look tells.
  local plain = redis.call('EXISTS', run, key('older:' .. lane), key('memory:' .. lane), key('sends:' .. lane)) == 0
  if plain then
    local heads = redis.call('LRANGE', key('lane:' .. lane), 0, 1)
    packed, followed = heads[1], heads[2]
  else
    local h = redis.call('HMGET', run, 'recorded', 'packed', 'losses', 'followed')
    current, losses, followed = h[1], h[3], h[4]
    if current then
      packed, followed = current_of(lane, h[2], followed)
    else
      packed, followed, older = next_of(lane)
    end
  end
  if not packed then return false end
  if not is_known(packed) then
    redis.call('ZADD', delay_key, us(now + UNKNOWN_PAUSE_US), lane)
    answer[#answer + 1] = { lane, '' }
    return true
  end
  -- An older message of another class has come into the lane since it became ready.
  if class_of(packed) ~= class then
    redis.call('RPUSH', key('ready:' .. class_of(packed)), lane)
    return false
  end
  if not token then
    token = ARGV[7] .. '.' .. redis.call('INCR', KEYS[4]) .. '.' .. ARGV[6]
    answer[3] = token
  end
  leased[#leased + 1] = ends
  leased[#leased + 1] = lane
  if followed then
    redis.call('HSET', run, 'token', proof_of(token, packed), 'worker', ARGV[5], 'recorded', 0, 'followed', 1)
  else
    redis.call('HSET', run, 'token', proof_of(token, packed), 'worker', ARGV[5], 'recorded', 0)
  end
  if losses then redis.call('HDEL', run, 'confirmed') end
  if older then
    -- It leaves the second list, whose head may change while it is handled, and lives in its record.
    redis.call('LPOP', key('older:' .. lane))
    redis.call('HSET', run, 'packed', packed, unpack(older_fields(older)))
  end
  answer[#answer + 1] = plain and bare(lane, packed, false, followed)
    or item(lane, packed, followed, current or older)
  batch[#batch + 1] = lane
  return true
end

-- The same, whatever is in the lane's keys: what can't be read must not cost the lanes that this call has leased already.
local function lease_safely(lane, class)
  local leases, messages, lanes = #leased, #answer, #batch
  local is_read, is_leased = pcall(lease, lane, class)
  if is_read then return is_leased end
  for list, length in pairs({ [leased] = leases, [answer] = messages, [batch] = lanes }) do
    for i = #list, length + 1, -1 do list[i] = nil end
  end
  redis.call('ZADD', delay_key, us(now + UNKNOWN_PAUSE_US), lane)
  answer[#answer + 1] = { lane, '' }
  return true
end

-- Pops lanes until one is leased, so many at most. Lanes that are paused are only parked, which is cheap: of them twice as
-- many as of moves, lest they hide the others.
local looked, given = 0, 0
local function lease_one(list, class)
  while looked < max + 2 * moves do
    local lane = redis.call('LPOP', list)
    if not lane then return false end
    looked = looked + 1
    if lease_safely(lane, class) then return true end
  end
  return false
end

local first = tonumber(ARGV[7]) % math.max(#classes, 1)
if ARGV[8] == '1' and max > 0 then
  for i = 1, #classes do
    local class = classes[(first + i - 1) % #classes + 1]
    if lease_one(class.suspect, class.name) then
      given = 1
      break
    end
  end
end
local position, dry = first, 0
while given < max and dry < #classes do
  local class = classes[position + 1]
  if lease_one(class.ready, class.name) then
    given, dry = given + 1, 0
  else
    dry = dry + 1
  end
  position = (position + 1) % #classes
end

if token then
  -- In parts, since the number of a call's arguments is limited.
  for i = 1, #leased, 256 do redis.call('ZADD', lease_key, unpack(leased, i, math.min(i + 255, #leased))) end
  redis.call('SET', KEYS[5], write_batch(ARGV[7], token, batch), 'PX', us(math.max(lease_us / 1000, 1000)))
end
answer[2] = next_due()
return answer
