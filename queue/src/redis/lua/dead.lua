#!lua flags=no-writes,allow-oom
-- A page of the dead letters that match and can be read, the youngest first.
--
-- Uses: base, damage, record.
--
-- KEYS[1]  base  (none)  prefix of this shard's keys: letter keys are named from it
-- KEYS[2]  dead  zset    id of a dead letter -> time of death, us
--
-- ARGV[1]  test clock, us, or "" for the time of Redis: not used here
-- ARGV[2]  id behind which to go on, or ""
-- ARGV[3]  when that letter died, us
-- ARGV[4]  letters on the page at most
-- ARGV[5]  letters to look through at most
-- ARGV[6]  "1" and a class, or ""
-- ARGV[7]  "1" and a lane, or ""
-- ARGV[8]  text that the reason must contain, or ""
--
-- Returns: { letters in all, "1" if there may be more or "", when the last one looked at died us, its id,
-- { packed, lane, reason, died us, failures, losses }, ... }.

local class = ARGV[6] ~= '' and ARGV[6]:sub(2)
local lane = ARGV[7] ~= '' and ARGV[7]:sub(2)
local first = 0
if ARGV[2] ~= '' then
  local rank = redis.call('ZREVRANK', KEYS[2], ARGV[2])
  -- Somebody has taken that letter away: letters that died after it stand before its place.
  first = rank and rank + 1 or redis.call('ZCOUNT', KEYS[2], '(' .. ARGV[3], '+inf')
end

local answer = { redis.call('ZCARD', KEYS[2]), '', '', '' }
local page, most = tonumber(ARGV[4]), tonumber(ARGV[5])
-- One letter more than is looked at tells whether there are more.
local ids = redis.call('ZRANGE', KEYS[2], first, first + most, 'REV', 'WITHSCORES')
for i = 1, math.min(#ids, 2 * most), 2 do
  if #answer - 4 >= page then break end
  local is_read, letter = try(redis.call, 'HMGET', key('letter:' .. ids[i]), 'packed', 'lane', 'reason', 'died_us', 'failures', 'losses')
  if is_read and letter[1] and try(check_packed, letter[1]) and (not class or class_of(letter[1]) == class)
    and (not lane or letter[2] == lane) and (ARGV[8] == '' or (letter[3] or ''):find(ARGV[8], 1, true)) then answer[#answer + 1] = letter end
  answer[3], answer[4] = us(tonumber(ids[i + 1])), ids[i]
  answer[2] = i + 2 <= #ids and '1' or ''
end
return answer
