-- Messages that are held.

-- What stands for one in `hold`: the length of its order, the order, the lane.
local function held_member(held, lane) return string.char(#held.order) .. held.order .. lane end

-- The held messages of a lane, in their order.
local function held_of(lane)
  local all = {}
  for i, bytes in ipairs(redis.call('HVALS', key('held:' .. lane))) do all[i] = read_held(bytes) end
  table.sort(all, function(a, b) return a.number < b.number end)
  return all
end
