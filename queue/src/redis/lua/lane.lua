#!lua flags=no-writes,allow-oom
-- Shows one lane, as far as it can be read.
--
-- Uses: base, damage, record, held, read.
--
-- KEYS[1]  base    (none)  prefix of this shard's keys
-- KEYS[2]  lane    list    its packed messages, the head first
-- KEYS[3]  older   list    records of its second list
-- KEYS[4]  run     hash    record of its current message
-- KEYS[5]  held    hash    order -> record of a held message
-- KEYS[6]  lease   zset    leased lane -> when its lease runs out, us
-- KEYS[7]  delay   zset    delayed lane -> when it is due, us
-- KEYS[8]  parked  zset    parked lane -> since when, us
-- KEYS[9]  paused  hash    what is paused
--
-- ARGV[1]  test clock, us, or "" for the time of Redis: not used here
-- ARGV[2]  lane
-- ARGV[3]  messages of each list at most
--
-- Returns: { "leased", "delayed", "awaiting", "parked", "ready" or "idle", due us or "", last error or "",
-- paused 0 or 1, { id, ... } waiting, { id, ... } held }.

local lane, most = ARGV[2], tonumber(ARGV[3])
local waiting = {}
local function add(packed)
  if packed and try(check_packed, packed) then waiting[#waiting + 1] = id_of(packed) end
end

local run = read({}, 'HMGET', KEYS[4], 'recorded', 'packed', 'error', 'awaiting')
local first = read({}, 'LRANGE', KEYS[2], 0, most - 1)
local skip = 0
if run[2] then
  add(run[2])
elseif run[1] then
  add(first[1])
  skip = 1
end
for _, older in ipairs(read({}, 'LRANGE', KEYS[3], 0, most - 1)) do
  local is_read, packed = try(older_packed, older)
  add(is_read and packed)
end
for i = 1 + skip, #first do add(first[i]) end

local held = {}
for i, one in ipairs(held_of(lane)) do held[i] = id_of(one.packed) end

local state, due = #waiting > 0 and 'ready' or 'idle', read(nil, 'ZSCORE', KEYS[7], lane)
if read(nil, 'ZSCORE', KEYS[6], lane) then state = 'leased' end
if due then state = run[4] and 'awaiting' or 'delayed' end
if read(nil, 'ZSCORE', KEYS[8], lane) then state = 'parked' end
return { state, due and us(tonumber(due)) or '', run[3] or '', read(0, 'HEXISTS', KEYS[9], 'l' .. lane), waiting, held }
