-- The end of a message.

-- Adds to a count that lies in a hash; one that is no number begins anew.
local function add_to_count(name, field, by)
  local kept = redis.pcall('HINCRBY', key(name), field, by)
  if type(kept) ~= 'table' then return end
  if kept.err:find('hash value', 1, true) or kept.err:find('overflow', 1, true) then redis.call('HDEL', key(name), field) end
  share('HINCRBY', name, field, by)
end

-- By class: how many messages not yet at their end this script has added so far, or taken away.
local counted = {}
local function count_open(class, by) counted[class] = (counted[class] or 0) + by end

-- Called once, when all is done: one write for each class.
local function keep_counts()
  for class, by in pairs(counted) do
    if by ~= 0 then add_to_count('open', class, by) end
  end
end

-- Takes a letter away, whatever it is.
local function remove_letter(id)
  local letter = redis.pcall('HMGET', key('letter:' .. id), 'packed', 'on_arrival')
  local is_read, class = try(class_of, letter[1])
  if is_read and letter[2] then add_to_count('arrived', class, -1) end
  redis.call('DEL', key('letter:' .. id))
end

-- Writes a dead letter, in place of one with the same id from an earlier life.
-- Defined when first called.
local function write_letter(packed, lane, reason, failures, losses, now, on_arrival)
  local id = id_of(packed)
  remove_letter(id)
  share('ZADD', 'dead', us(now), id)
  redis.call('HSET', key('letter:' .. id), 'packed', packed, 'lane', lane, 'reason', reason, 'died_us', us(now),
    'failures', failures or 0, 'losses', losses or 0)
  if on_arrival then
    redis.call('HSET', key('letter:' .. id), 'on_arrival', 1)
    add_to_count('arrived', class_of(packed), 1)
  end
end

-- Writes how a message ended. What is known of it: failures, losses, sent, note. Trouble with the journal keeps no message from
-- its end.
local function write_journal(packed, lane, known, dies_of)
  local clock = ARGV[1]
  if clock:sub(-1) == '-' then return end
  local id = clock == '' and '*' or us(math.floor(now_us() / 1000)) .. '-*'
  local at = 3 + packed:byte(2)
  local fields = { 'head', packed:sub(1, at + packed:byte(at) + 8), 'lane', lane }
  -- What is 0 or empty is left out: each field costs the append-only file.
  for _, name in ipairs({ 'note', 'sent', 'failures', 'losses' }) do
    local value = known[name]
    local is_worth = type(value) == 'number' and value ~= 0 or type(value) == 'string' and value ~= '' and value ~= '0'
    if is_worth then fields[#fields + 1], fields[#fields + 2] = name, value end
  end
  if dies_of then fields[#fields + 1], fields[#fields + 2] = 'dies_of', dies_of end
  local written = redis.pcall('XADD', key('journal'), id, unpack(fields))
  if type(written) ~= 'table' or not written.err then return end
  if written.err:find('WRONGTYPE', 1, true) then
    set_aside('journal', written)
  elseif redis.call('EXISTS', key('alarm')) == 0 then
    raise_alarm('journal', written)
  end
end

-- The one place where a message ends. What is known of it: failures, losses, sent, note.
local function end_message(packed, lane, known, dies_of)
  count_open(class_of(packed), -1)
  write_journal(packed, lane, known, dies_of)
end

local function bury_message(packed, lane, known, reason, now)
  end_message(packed, lane, known, reason)
  write_letter(packed, lane, reason, known.failures, known.losses, now)
end

-- Defined when first called.
local function bury_held(lane, held, reason, now)
  remove_held(lane, held)
  bury_message(held.packed, lane, held, reason, now)
end

-- The oldest held message of a lane that has too many of them.
-- Defined when first called.
local function bury_oldest(lane, reason, now)
  local oldest = held_of(lane)[1]
  if not oldest then return end
  bury_held(lane, oldest, reason, now)
  keep_counts()
end
