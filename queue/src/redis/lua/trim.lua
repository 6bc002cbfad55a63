#!lua flags=allow-oom
-- Takes the oldest records of the journal away that are too old or too many: some ten thousand at most, and of a long journal only
-- whole nodes of the stream, which costs next to nothing. With no room for any it goes whole.
--
-- Uses: base, damage.
--
-- KEYS[1]  base     (none)  prefix of this shard's keys, from which are named: alarm, damaged
-- KEYS[2]  journal  stream  how messages ended, at which time, ms
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  bytes that all may have
-- ARGV[3]  how old they may be, us
--
-- Returns: { records, how many bytes they take, when the oldest ended (ms-n) or "" }.

-- A sample tells what a record takes; besides its values, about so much.
local SAMPLE, BESIDES = 32, 60
local function weigh(entries)
  local bytes = 0
  for _, entry in ipairs(entries) do
    bytes = bytes + BESIDES
    for i = 2, #entry[2], 2 do bytes = bytes + #entry[2][i] end
  end
  return bytes
end

if ARGV[2] == '0' then
  redis.call('DEL', KEYS[2])
  return { 0, 0, '' }
end
-- A short one is trimmed to the last record, a long one by whole nodes.
local how = share('XLEN', 'journal') < 1000 and '=' or '~'
share('XTRIM', 'journal', 'MINID', how, us(math.max(math.floor((now_us() - tonumber(ARGV[3])) / 1000), 0)))
local oldest = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', SAMPLE)
local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', SAMPLE)
if #oldest == 0 then return { 0, 0, '' } end
local each = (weigh(oldest) + weigh(newest)) / (#oldest + #newest)
redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', us(math.floor(tonumber(ARGV[2]) / each)))
local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
local records = redis.call('XLEN', KEYS[2])
return { records, math.floor(records * each), first and first[1] or '' }
