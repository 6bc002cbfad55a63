-- What the scripts share: put between a script's header and its code. KEYS[1] is always the prefix of the shard's keys,
-- ARGV[1] always the test clock. The other KEYS are declared for a cluster's sake; where a key is known only here, it is
-- named from the prefix, in the same slot.

local WAKE_MAX = 64
local SUSPECT_LOSSES, LOSSES_MAX = 2, 3
local FORMAT = 1

local function now_us()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end

-- A time as text with all its digits.
local function us(time) return string.format('%.0f', time) end

local function key(name) return KEYS[1] .. name end

local function class_of(packed) return packed:sub(3, 2 + packed:byte(2)) end

local function id_of(packed)
  local at = 3 + packed:byte(2)
  return packed:sub(at + 1, at + packed:byte(at))
end

-- Of a format this version doesn't know only class and id have known places: it counts as the oldest.
local function arrived_of(packed)
  if packed:byte(1) ~= FORMAT then return 0 end
  local at = 3 + packed:byte(2)
  return struct.unpack('>I8', packed, at + packed:byte(at) + 1)
end

-- What proves the lease of a message: the token, and the id.
local function proof_of(token, packed) return token .. '/' .. id_of(packed) end

-- What is next in a lane without a current message, whether others wait behind it, and its record if it comes from the lane's
-- second list. False or nil: the lane has nothing.
local function next_of(lane)
  local first = redis.call('LRANGE', key('lane:' .. lane), 0, 1)
  local older = redis.call('LRANGE', key('older:' .. lane), 0, 1)
  if not older[1] then return first[1], first[2] end
  local record = cmsgpack.unpack(older[1])
  local followed = first[1] or older[2]
  if first[1] and arrived_of(first[1]) < arrived_of(record[1]) then return first[1], followed end
  return record[1], followed, record
end

-- The current message of a lane; without one, the next.
local function head_of(lane)
  local run = redis.call('HMGET', key('run:' .. lane), 'recorded', 'packed')
  if not run[1] then return (next_of(lane)) end
  return run[2] or redis.call('LINDEX', key('lane:' .. lane), 0)
end

-- Puts a lane into the ready list of its head's class, or into that of suspects; a lane without a message is in no
-- state, so into none. How many lanes it made ready.
local function make_ready(push, lane)
  local head = head_of(lane)
  if not head then return 0 end
  local losses = tonumber(redis.call('HGET', key('run:' .. lane), 'losses') or 0)
  local list = losses >= SUSPECT_LOSSES and 'suspect:' or 'ready:'
  redis.call(push, key(list .. class_of(head)), lane)
  return 1
end

-- The current message of a lane is over. The lane goes on with its next message, which is the caller's to make ready, at the end;
-- without one it is in no state. The record and the lease are left to `forget`. The sends that the record counted go on with the
-- next message: until a take begins with that, in a key of their own. The class in which the lane is to be made ready, or nil, and
-- the message.
local function pass_on(lane, popped, sends)
  local packed = popped or redis.call('LPOP', key('lane:' .. lane))
  -- Which list is next matters only for its class, and a take sees whether that is right.
  local following = redis.call('LINDEX', key('lane:' .. lane), 0)
  if not following then
    local older = redis.call('LINDEX', key('older:' .. lane), 0)
    if not older then return nil, packed end
    following = cmsgpack.unpack(older)[1]
  end
  if sends and tonumber(sends) > 0 then redis.call('SET', key('sends:' .. lane), sends) end
  return class_of(following), packed
end

-- Away with the records and leases of some lanes, a batch at most.
local function forget(lanes)
  if #lanes == 0 then return end
  local records = {}
  for i, lane in ipairs(lanes) do records[i] = key('run:' .. lane) end
  redis.call('DEL', unpack(records))
  redis.call('ZREM', key('lease'), unpack(lanes))
end

-- How many lanes it made ready.
local function go_on(lane, popped, sends)
  local class = pass_on(lane, popped, sends)
  if class then redis.call('RPUSH', key('ready:' .. class), lane) end
  forget({ lane })
  return class and 1 or 0
end

-- Wakes as many idle workers, as far as there is room for tokens.
local function wake(count)
  local room = count > 0 and WAKE_MAX - redis.call('LLEN', key('wake')) or 0
  for _ = 1, math.min(count, room) do redis.call('RPUSH', key('wake'), '') end
end

-- A leased message is its lane's next again, last in line, and nothing else has changed. How many lanes it made ready.
local function come_again(lane)
  redis.call('HDEL', key('run:' .. lane), 'token')
  redis.call('ZREM', key('lease'), lane)
  return make_ready('RPUSH', lane)
end

-- Writes a dead letter. One that has the same id, from an earlier life, gives way.
local function write_letter(packed, lane, reason, failures, losses, now, on_arrival)
  local id, class = id_of(packed), class_of(packed)
  local letter = key('letter:' .. id)
  local earlier = redis.call('HMGET', letter, 'packed', 'on_arrival')
  if earlier[2] then redis.call('HINCRBY', key('arrived'), class_of(earlier[1]), -1) end
  redis.call('DEL', letter)
  redis.call('ZADD', key('dead'), us(now), id)
  redis.call('HSET', letter, 'packed', packed, 'lane', lane, 'reason', reason, 'died_us', us(now),
    'failures', failures or 0, 'losses', losses or 0)
  if on_arrival then
    redis.call('HSET', letter, 'on_arrival', 1)
    redis.call('HINCRBY', key('arrived'), class, 1)
  end
end

-- How many more messages of each class aren't at their end, or fewer, by what this script has done so far.
local counted = {}
local function count_open(class, by) counted[class] = (counted[class] or 0) + by end

-- Once, when all is done: one write for each class.
local function keep_counts()
  for class, by in pairs(counted) do
    if by ~= 0 then redis.call('HINCRBY', key('open'), class, by) end
  end
end

-- The one end of a message: whatever ends it comes here.
local function end_message(packed) count_open(class_of(packed), -1) end

local function bury_message(packed, lane, reason, now, failures, losses)
  end_message(packed)
  write_letter(packed, lane, reason, failures, losses, now)
end

-- Held messages: a record is { order, until us, reason, packed, failures, losses, snoozes, error, replies, sent, sending,
-- answer }, and what follows the reason is a record of the second list.
-- A held message is known by its order: an id may come twice, after the dedup window.
local function order_of(record) return string.format('%.0f', record[1]) end
local function held_member(record, lane)
  local order = order_of(record)
  return string.char(#order) .. order .. lane
end

local function held_of(lane)
  local records = {}
  for i, packed in ipairs(redis.call('HVALS', key('held:' .. lane))) do records[i] = cmsgpack.unpack(packed) end
  table.sort(records, function(a, b) return a[1] < b[1] end)
  return records
end

local function bury_held(lane, record, reason, now)
  redis.call('HDEL', key('held:' .. lane), order_of(record))
  redis.call('ZREM', key('hold'), held_member(record, lane))
  bury_message(record[4], lane, reason, now, record[5], record[6])
end

-- Notes that the store serves, and gives the end of the pause after its last gap: until then no lease is taken back, and
-- what ran out before costs nothing. Whoever uses the store does so every half second. The gap that matters is half the
-- shortest of the leases known, the pause a heartbeat of the longest and a second.
local GAP_LEAST_US, KNOWN_FOR_US = 1500000, 60000000
local function pulse(now, lease_us)
  local h = redis.call('HMGET', key('pulse'), 'beat', 'quiet', 'short', 'long', 'since')
  local quiet, short, long = tonumber(h[2] or 0), tonumber(h[3] or lease_us), tonumber(h[4] or lease_us)
  if lease_us then short, long = math.min(short, lease_us), math.max(long, lease_us) end
  if short then
    local pause = math.floor(long / 5) + 1000000
    local gap = now - tonumber(h[1] or now)
    if gap > math.max(short / 2, GAP_LEAST_US) then quiet = now + pause end
    -- A clock that was set back must not make it longer.
    if gap < 0 then quiet = math.min(quiet, now + pause) end
    local since = tonumber(h[5] or 0)
    -- A length that nobody has asked for lately is forgotten.
    if lease_us and math.abs(now - since) > KNOWN_FOR_US then short, long, since = lease_us, lease_us, now end
    redis.call('HSET', key('pulse'), 'short', us(short), 'long', us(long), 'since', us(since))
  end
  redis.call('HSET', key('pulse'), 'beat', us(now), 'quiet', us(quiet))
  return quiet
end
