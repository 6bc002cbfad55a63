#!lua flags=no-writes,allow-oom
-- Reads the shared values whose names begin alike.
--
-- Uses: base, damage, read.
--
-- KEYS[1]  base    (none)  prefix of this shard's keys: value keys are named from it
-- KEYS[2]  folder  zset    name of a value -> until when, us
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
--
-- Returns: { name, bytes, ... }.

local now, values = now_us(), {}
for _, name in ipairs(read({}, 'ZRANGEBYSCORE', KEYS[2], '(' .. us(now), '+inf')) do
  local value = read(false, 'GET', key('value:' .. name))
  local at = value and value:find(':', 1, true)
  if at then
    values[#values + 1] = name
    values[#values + 1] = value:sub(at + 1)
  end
end
return values
