-- Messages that are held.

local holding
-- Whether any message is held: asked once, and only for a lane that has more than one plain message.
local function is_holding()
  if holding == nil then holding = redis.call('EXISTS', key('hold')) == 1 end
  return holding
end

-- What stands for one in `hold`: the length of its order, the order, the lane.
local function held_member(held, lane) return string.char(#held.order) .. held.order .. lane end

-- The lane of one, and its order there.
local function held_place(member)
  local split = 1 + (member:byte() or 0)
  return member:sub(split + 1), member:sub(2, split)
end

-- The held messages of a lane, in their order. One that can't be read is left to the take that finds its time to be over.
-- Defined when first called.
local function held_of(lane)
  local all = {}
  local is_hash, records = try(redis.call, 'HVALS', key('held:' .. lane))
  for _, bytes in ipairs(is_hash and records or {}) do
    local is_read, held = try(read_held, bytes)
    if is_read then all[#all + 1] = held end
  end
  table.sort(all, function(a, b) return a.number < b.number end)
  return all
end

local function remove_held(lane, held)
  share('ZREM', 'hold', held_member(held, lane))
  redis.call('HDEL', key('held:' .. lane), held.order)
end

-- Puts the held messages of a lane back to waiting, in their order and in front. Gives whether there were any.
-- Defined when first called.
local function wake_held(lane)
  local held = held_of(lane)
  for i = #held, 1, -1 do
    redis.call('LPUSH', key('older:' .. lane), write_woken(held[i]))
    remove_held(lane, held[i])
  end
  return #held > 0
end
