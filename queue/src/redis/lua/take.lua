#!lua flags=allow-oom
-- Leases the heads of ready lanes, after moving to ready what is due and what has expired.
--
-- KEYS[1]  base     (none)  prefix of this shard's keys: lane, run and ready keys are named from it, in the same slot
-- KEYS[2]  lease    zset    leased lane -> when its lease runs out, us
-- KEYS[3]  delay    zset    delayed lane -> when it is due, us
-- KEYS[4]  counter  string  the last fencing token's number
-- KEYS[5]  batch    string  this worker's last call, packed by cmsgpack: { call, token, lane, lane, ... }
-- KEYS[5 + i]  ready  list  ready lanes of class i
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  messages at most
-- ARGV[3]  lease, us
-- ARGV[4]  moves to ready at most, of each kind
-- ARGV[5]  worker's name
-- ARGV[6]  worker's incarnation
-- ARGV[7]  call number, as text: part of the token, since it never goes back, as the counter does if Redis loses its tail
--
-- Returns: { now us, microseconds until something is due or -1 (text), token, message, message, ... }, each message being
-- { lane, packed, failures, losses, snoozes, last_error, replies, sent, sending }, absent values "" (replies: false).
-- A message of an unknown format isn't leased but put off for a minute, and comes as { lane, "" }.

local function now_us()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end

local base, lease_key, delay_key = KEYS[1], KEYS[2], KEYS[3]
local now = now_us()
local max, lease_us, moves = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local now_text = string.format('%.0f', now)

local FORMAT = 1
local UNKNOWN_PAUSE_US = 60000000

local function lane_key(lane) return base .. 'lane:' .. lane end
local function run_key(lane) return base .. 'run:' .. lane end

-- Puts a lane into the ready list of its head's class; a lane without a message is in no state, so into none.
local function make_ready(push, lane)
  local head = redis.call('LINDEX', lane_key(lane), 0)
  if head then redis.call(push, base .. 'ready:' .. head:sub(3, 2 + head:byte(2)), lane) end
end

-- A message with the state of its lane's record.
local function item(lane, packed)
  local h = redis.call('HMGET', run_key(lane), 'failures', 'losses', 'snoozes', 'error', 'replies', 'sent', 'sending')
  return { lane, packed, h[1] or '', h[2] or '', h[3] or '', h[4] or '', h[5], h[6] or '', h[7] or '' }
end

local function next_due()
  local nearest = -1
  for _, key in ipairs({ lease_key, delay_key }) do
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if first[2] then
      local wait = math.max(tonumber(first[2]) - now, 0)
      if nearest < 0 or wait < nearest then nearest = wait end
    end
  end
  return string.format('%.0f', nearest)
end

-- What proves the lease of a message: the token, and the id, which stands behind the class in the packed form.
local function proof_of(token, packed)
  local at = 3 + packed:byte(2)
  return token .. '/' .. packed:sub(at + 1, at + packed:byte(at))
end

-- A repeated call: its answer got lost, so the same batch again, without what was settled or lost meanwhile. The leases
-- run anew, as the caller counts them from this call.
local last = redis.call('GET', KEYS[5])
if last then
  local batch = cmsgpack.unpack(last)
  if batch[1] == ARGV[7] then
    local answer = { now_text, '-1', batch[2] }
    for i = 3, #batch do
      local lane = batch[i]
      local packed = redis.call('LINDEX', lane_key(lane), 0)
      if packed and redis.call('HGET', run_key(lane), 'token') == proof_of(batch[2], packed) then
        redis.call('ZADD', lease_key, string.format('%.0f', now + lease_us), lane)
        answer[#answer + 1] = item(lane, packed)
      end
    end
    answer[2] = next_due()
    return answer
  end
  -- An older call that comes late, over a connection that was given up: nobody waits for its answer any more.
  if tonumber(batch[1]) > tonumber(ARGV[7]) then return { now_text, next_due(), '' } end
end

-- What is due goes to the end of ready: it waits for its turn like everybody.
for _, lane in ipairs(redis.call('ZRANGEBYSCORE', delay_key, '-inf', now_text, 'LIMIT', 0, moves)) do
  redis.call('ZREM', delay_key, lane)
  make_ready('RPUSH', lane)
end

-- What has expired goes to the front, the longest expired first: it has had its turn and lost it to a dead worker.
local expired = redis.call('ZRANGEBYSCORE', lease_key, '-inf', now_text, 'LIMIT', 0, moves)
for i = #expired, 1, -1 do
  local lane = expired[i]
  redis.call('ZREM', lease_key, lane)
  if redis.call('EXISTS', lane_key(lane)) == 1 then
    redis.call('HDEL', run_key(lane), 'token')
    redis.call('HINCRBY', run_key(lane), 'losses', 1)
    make_ready('LPUSH', lane)
  end
end

-- Pick first, write after: one lane of each class in turn, starting with another class in every call.
local picked = {}
local classes = #KEYS - 5
local position, dry = tonumber(ARGV[7]) % math.max(classes, 1), 0
while #picked < max and dry < classes do
  local lane = redis.call('LPOP', KEYS[6 + position])
  if lane then
    picked[#picked + 1] = lane
    dry = 0
  else
    dry = dry + 1
  end
  position = (position + 1) % classes
end

if #picked == 0 then return { now_text, next_due(), '' } end

local token = ARGV[7] .. '.' .. redis.call('INCR', KEYS[4]) .. '.' .. ARGV[6]
local ends = string.format('%.0f', now + lease_us)
local answer = { now_text, '-1', token }
local batch = { ARGV[7], token }
for _, lane in ipairs(picked) do
  local packed = redis.call('LINDEX', lane_key(lane), 0)
  if packed and packed:byte(1) == FORMAT then
    redis.call('ZADD', lease_key, ends, lane)
    redis.call('HSET', run_key(lane), 'token', proof_of(token, packed), 'worker', ARGV[5], 'recorded', 0)
    answer[#answer + 1] = item(lane, packed)
    batch[#batch + 1] = lane
  elseif packed then
    redis.call('ZADD', delay_key, string.format('%.0f', now + UNKNOWN_PAUSE_US), lane)
    answer[#answer + 1] = { lane, '' }
  end
end
redis.call('SET', KEYS[5], cmsgpack.pack(batch), 'PX', string.format('%.0f', math.max(lease_us / 1000, 1000)))
answer[2] = next_due()
return answer
