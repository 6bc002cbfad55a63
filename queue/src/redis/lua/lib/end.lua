-- The end of a message, and how its lane goes on.

-- The id of the message whose lease a proof proves.
local function id_in(proof) return proof:sub(proof:find('/', 1, true) + 1) end

local function is_message(packed, id)
  local is_read, its_id = try(id_of, packed)
  return is_read and its_id == id
end

-- The class of what comes after the current message, which is not in the first list any more or its head.
local function class_after(lane, place)
  -- Which list is next matters only for its class, and a take sees whether that is right.
  local following = redis.call('LINDEX', key('lane:' .. lane), place)
  if following then return class_of(check_packed(following)) end
  local older = redis.call('LINDEX', key('older:' .. lane), 0)
  return older and class_of(older_packed(older))
end

-- The current message of a lane is over. The lane goes on with its next message, which is the caller's to make ready, at the end;
-- without one it is in no state. The record and the lease are left to `forget`. The sends that the record counted go on with the
-- next message: until a take begins with that, in a key of their own. The class in which the lane is to be made ready, or nil, and
-- the message, unless it is gone: what lies in its place is another one then, and stays.
local function pass_on(lane, popped, sends, id)
  -- All is read before anything is written.
  local is_read, class = try(class_after, lane, popped and 0 or 1)
  if not is_read and class ~= NEWER then mend_lists(lane) end
  local packed = popped or redis.call('LPOP', key('lane:' .. lane))
  if packed and not popped and not is_message(packed, id) then
    redis.call('LPUSH', key('lane:' .. lane), packed)
    packed, is_read = nil, false
    mend_lists(lane)
  end
  if not is_read then is_read, class = try(class_after, lane, 0) end
  if not is_read then
    put_off(lane)
    class = nil
  end
  if class and sends and (tonumber(sends) or 0) > 0 then redis.call('SET', key('sends:' .. lane), sends) end
  return class, packed
end

-- Away with the records and leases of some lanes, a batch at most.
local function forget(lanes)
  if #lanes == 0 then return end
  local records = {}
  for i, lane in ipairs(lanes) do records[i] = key('run:' .. lane) end
  redis.call('DEL', unpack(records))
  share('ZREM', 'lease', unpack(lanes))
end

-- How many lanes it made ready.
local function go_on(lane, popped, sends, id)
  local class = pass_on(lane, popped, sends, id)
  if class then line_up('RPUSH', 'ready', class, lane) end
  forget({ lane })
  return class and 1 or 0
end

-- Adds to a count that lies in a hash; one that is no number begins anew.
local function count(name, field, by)
  local kept = redis.pcall('HINCRBY', key(name), field, by)
  if type(kept) ~= 'table' then return end
  if kept.err:find('hash value', 1, true) or kept.err:find('overflow', 1, true) then redis.call('HDEL', key(name), field) end
  share('HINCRBY', name, field, by)
end

-- How many more messages of each class aren't at their end, or fewer, by what this script has done so far.
local counted = {}
local function count_open(class, by) counted[class] = (counted[class] or 0) + by end

-- Once, when all is done: one write for each class.
local function keep_counts()
  for class, by in pairs(counted) do
    if by ~= 0 then count('open', class, by) end
  end
end

-- Takes a letter away, whatever it is. Whether there was one.
local function remove_letter(id)
  local letter = redis.pcall('HMGET', key('letter:' .. id), 'packed', 'on_arrival')
  local is_read, class = try(class_of, letter[1])
  if is_read and letter[2] then count('arrived', class, -1) end
  return redis.call('DEL', key('letter:' .. id)) == 1
end

-- Writes a dead letter. One that has the same id, from an earlier life, gives way.
local function write_letter(packed, lane, reason, failures, losses, now, on_arrival)
  local id = id_of(packed)
  remove_letter(id)
  share('ZADD', 'dead', us(now), id)
  redis.call('HSET', key('letter:' .. id), 'packed', packed, 'lane', lane, 'reason', reason, 'died_us', us(now),
    'failures', failures or 0, 'losses', losses or 0)
  if on_arrival then
    redis.call('HSET', key('letter:' .. id), 'on_arrival', 1)
    count('arrived', class_of(packed), 1)
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
  share('ZREM', 'hold', held_member(held, lane))
  bury_message(held.packed, lane, reason, now, held.failures)
end
