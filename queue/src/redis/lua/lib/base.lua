-- Time and the names of keys. KEYS[1] is always the prefix of the shard's keys, ARGV[1] always the test clock, with a "-" behind it
-- where ends leave no records. The other KEYS are declared for a cluster's sake; where a key is known only here, it is named from
-- the prefix, in the same slot.

local function now_us()
  local clock = ARGV[1] ~= '' and tonumber((ARGV[1]:gsub('-', '')))
  if clock then return clock end
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end

-- A time as text with all its digits.
local function us(time) return string.format('%.0f', time) end

local function key(name) return KEYS[1] .. name end
