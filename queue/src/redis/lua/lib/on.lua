-- How a lane goes on when its current message is over.

-- The id of the message whose lease a proof proves.
local function id_in(proof) return proof:sub(proof:find('/', 1, true) + 1) end

local function is_message(packed, id)
  local is_read, its_id = try(id_of, packed)
  return is_read and its_id == id
end

-- The class of the message after the current one. The current one is the head of the first list, or not in it any more.
local function class_after(lane, place)
  -- Which list is next matters only for its class, and a take sees whether that is right.
  local following = redis.call('LINDEX', key('lane:' .. lane), place)
  if following then return class_of(check_packed(following)) end
  local older = redis.call('LINDEX', key('older:' .. lane), 0)
  return older and class_of(older_packed(older))
end

-- The current message of a lane is over. The lane goes on with its next message, and the caller makes it ready, at the end;
-- without one it is in no state. The record and the lease are left to `forget`. What the lane has sent and may send goes on
-- with the next message: until a take begins that one, it lies in a key of its own, which `forget` writes. Gives the class in which
-- the lane becomes ready, or nil; the message, unless it is gone: then another message lies in its place, and stays; and that key,
-- if there is anything to keep.
local function pass_on(lane, popped, sends, id)
  -- What may fail is read before anything is written.
  local is_read, class = try(class_after, lane, popped and 0 or 1)
  local is_list, packed = true, popped
  if not popped then is_list, packed = try(redis.call, 'LPOP', key('lane:' .. lane)) end
  if not is_list then packed = nil end
  if packed and not popped and not is_message(packed, id) then
    redis.call('LPUSH', key('lane:' .. lane), packed)
    packed, is_read, class = nil, false, nil
  end
  if not is_read then is_read, class = try_again(class, true, class_after, lane, 0) end
  if not is_read then class = nil end
  return class, packed, class and sends and sends ~= '0' and sends:find(STANDING) and key('sends:' .. lane)
end

-- Removes the records and leases of some lanes, a batch at most, and writes what they have sent and may send: keys and values in
-- turn.
local function forget(lanes, standings)
  if #lanes == 0 then return end
  local records = {}
  for i, lane in ipairs(lanes) do records[i] = key('run:' .. lane) end
  if standings[1] then redis.call('MSET', unpack(standings)) end
  redis.call('DEL', unpack(records))
  share('ZREM', 'lease', unpack(lanes))
end

-- Gives how many lanes it made ready.
local function go_on(lane, popped, sends, id)
  local class, _, kept_in = pass_on(lane, popped, sends, id)
  if class then line_up('RPUSH', 'ready', class, lane) end
  forget({ lane }, kept_in and { kept_in, sends } or {})
  return class and 1 or 0
end
