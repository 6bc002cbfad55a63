-- The end of a message, and how its lane goes on.

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
    following = older_packed(older)
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

-- How many more messages of each class aren't at their end, or fewer, by what this script has done so far.
local counted = {}
local function count_open(class, by) counted[class] = (counted[class] or 0) + by end

-- Once, when all is done: one write for each class.
local function keep_counts()
  for class, by in pairs(counted) do
    if by ~= 0 then redis.call('HINCRBY', key('open'), class, by) end
  end
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

-- The one end of a message: whatever ends it comes here.
local function end_message(packed) count_open(class_of(packed), -1) end

local function bury_message(packed, lane, reason, now, failures, losses)
  end_message(packed)
  write_letter(packed, lane, reason, failures, losses, now)
end

local function bury_held(lane, held, reason, now)
  redis.call('HDEL', key('held:' .. lane), held.order)
  redis.call('ZREM', key('hold'), held_member(held, lane))
  bury_message(held.packed, lane, reason, now, held.failures)
end
