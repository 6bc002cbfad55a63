#!lua flags=allow-oom
-- Makes leases run anew, and notes that the store serves. A lease that has run out is revived as long as nobody has taken
-- its message. A message that has lost a lease before is confirmed: losing another one counts, and the note is kept for its end.
--
-- Uses: base, damage, pulse.
--
-- KEYS[1]  base   (none)  prefix of this shard's keys: alarm and damaged keys are named from it
-- KEYS[2]  lease  zset    leased lane -> when its lease runs out, us
-- KEYS[3]  pulse  hash    when the store was last known to serve
-- KEYS[3 + i]  run  hash  record of item i's lane
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  lease, us
-- then for each item: lane, proof (token and id), note
--
-- Returns: for each item 1 kept, 0 lost.

local now = now_us()
pulse(now, tonumber(ARGV[2]))
local ends = us(now + tonumber(ARGV[2]))
local results = {}
for i = 1, #KEYS - 3 do
  local lane, proof, note = ARGV[3 * i], ARGV[3 * i + 1], ARGV[3 * i + 2]
  local run = KEYS[3 + i]
  local is_read, held = try(redis.call, 'HMGET', run, 'token', 'losses')
  if is_read and held[1] == proof then
    share('ZADD', 'lease', ends, lane)
    if held[2] then redis.call('HSET', run, 'confirmed', 1) end
    if held[2] and note ~= '' then redis.call('HSET', run, 'note', note) end
    results[i] = 1
  else
    results[i] = 0
  end
end
return results
