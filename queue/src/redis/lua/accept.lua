#!lua
-- Stores messages that were not stored before: dedup and enqueue in one step. Damaged keys of a lane are set aside, and cost
-- neither its message nor the others.
--
-- Nearly all messages are plain: they come from a push, and their lane has nothing but its first list. All of them are
-- appended under one `pcall`, and what is the same for many is asked and written once. Whatever turns out to be otherwise is
-- stored by itself.
--
-- Uses: base, damage, record, mend, lane, held, end.
--
-- KEYS[1]  base  (none)  prefix of this shard's keys, from which are named: alarm, arrived, classes, damaged, dead, delay,
--                        held, hold, journal, lane, lease, letter, memory, older, ready, run, seen, sends and wake keys
-- KEYS[2]  open  hash    class -> messages not yet at their end. While a slot moves, a key that is there beside one that isn't
--                        makes the call fail
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  dedup window, ms
-- ARGV[3]  letters dead on arrival that a class may hold
-- ARGV[4]  the earliest not_after_us, or ""
-- then for each item: lane; how it comes, a space between: "p" if it may be plain, "l" if it is late, else "o"; not_after_us or "";
-- "wake" or "bury" (held ones) or ""; with "wake" a number of sends, and their end (s); dead reason or ""; and packed message
--
-- Returns: the time now in us as text, then for each item 1 new, 2 duplicate, 3 expired, 4 counted, or text: what is damaged, and
-- nothing is stored.
-- Not allowed when memory is full: what can't be stored must fail before anything is written.

local now = now_us()
local ends = us(now + tonumber(ARGV[2]) * 1000)
local results = { us(now) }
local woken = 0

-- Whether a mark that was read still counts. One that can't be read marks nothing.
local function is_marked(known)
  local until_us = type(known) == 'string' and tonumber(known)
  return until_us and until_us > now
end

-- Whether the id is fresh, marking it as seen if so. The mark's own time decides, not the key's expiry.
local function is_fresh(mark)
  local known = redis.pcall('SET', mark, ends, 'NX', 'GET', 'PX', ARGV[2])
  if not known then return true end
  if type(known) == 'table' and known.err and not is_damage(known) then error(known, 0) end
  if is_marked(known) then return false end
  redis.call('SET', mark, ends, 'PX', ARGV[2])
  return true
end

-- Applies the effect of an appended message to its lane. What may fail is read before anything is written.
local function take_effect(lane, run, busy, effect, sends, until_s)
  local current = busy and redis.call('HMGET', run, 'recorded', 'sends', 'gives_way', 'trigger')
  local is_current = current and current[1]
  local kept = not is_current and redis.call('GET', key('sends:' .. lane))
  if effect == 'wake' then
    local standing = widened(is_current and current[2] or kept, sends, until_s)
    if is_current then
      local trigger, gives_way = tonumber(current[4] or 0), tonumber(current[3] or 0)
      if not trigger or not gives_way then error('its record is damaged', 0) end
      if is_holding() then wake_held(lane) end
      -- The holder of the current message has not seen this waking one: a hold that names an older one comes too late.
      redis.call('HSET', run, 'trigger', us(trigger + 1), 'sends', standing)
      -- A failed message holds it up no longer than its patience lasts.
      if current[3] then share('ZADD', 'delay', 'XX', 'LT', us(gives_way), lane) end
    else
      local woke = is_holding() and wake_held(lane)
      if busy and kept or woke then redis.call('SET', key('sends:' .. lane), standing) end
    end
  elseif effect == 'bury' then
    local standing = closed(is_current and current[2] or kept, 'ended')
    redis.call('DEL', key('memory:' .. lane))
    if is_current then
      redis.call('HSET', run, 'sends', standing, 'forgets', 1)
    else
      redis.call('SET', key('sends:' .. lane), standing)
    end
    for _, one in ipairs(is_holding() and held_of(lane) or {}) do
      bury_held(lane, one, 'a later message of its lane ended the right to answer', now)
    end
  end
end

local appended_to
-- Appends a message to its lane. Damage is an error before anything else is written.
local function enqueue(lane, class, late, packed, effect, sends, until_s)
  local lane_key, older, run, held = key('lane:' .. lane), key('older:' .. lane), key('run:' .. lane), key('held:' .. lane)
  local own, other = late and older or lane_key, late and lane_key or older
  local length = redis.call('RPUSH', own, late and write_late(packed) or packed)
  appended_to = own
  -- The current message of a lane has a record, and stays in its list or in that record. So a lane that had no message
  -- in either list, and has no record, was in no state at all, and only then does it become ready.
  local is_plain = length == 1 and redis.call('EXISTS', other, run, held) == 0
  local busy = length > 1 or not is_plain and redis.call('LLEN', other) + redis.call('HLEN', run) > 0
  if not is_plain and length == 1 then redis.call('HLEN', held) end
  -- A lane that isn't busy and holds nothing has sent nothing that counts.
  if effect == 'bury' or not is_plain and effect ~= '' then take_effect(lane, run, busy, effect, sends, until_s) end
  if not busy then
    line_up('RPUSH', 'ready', class, lane)
    woken = woken + 1
  end
  return busy
end

-- The same, after what is damaged of the lane was set aside.
local function enqueue_safely(mark, lane, ...)
  appended_to = nil
  local is_done, result = try(enqueue, lane, ...)
  if is_done then return end
  if appended_to then redis.call('RPOP', appended_to) end
  local is_nowhere = mend(lane)
  appended_to = nil
  is_done, result = try(enqueue, lane, ...)
  if not is_done then
    if appended_to then redis.call('RPOP', appended_to) end
    redis.call('DEL', mark)
    return type(result) == 'table' and result.err or result
  end
  if result and is_nowhere then woken = woken + make_ready('RPUSH', lane) end
end

-- Stores one message, whatever it is, and gives what became of it. Its id may be marked already.
local function store(lane, how, packed, is_its_mark)
  local kind, not_after, effect, sends, until_s, reason = how:match('^(%a) (%d*) (%a*) (%d*) (%d*) (.*)$')
  local class, id = names_of(packed)
  local mark, late = key('seen:' .. id), kind == 'l'
  if not is_its_mark then
    if not_after ~= '' and now > tonumber(not_after) then return is_marked(redis.pcall('GET', mark)) and 2 or 3 end
    if not is_fresh(mark) then return 2 end
  end
  if reason == '' then
    local problem = enqueue_safely(mark, lane, class, late, packed, effect, sends, until_s)
    if problem then return problem end
    count_open(class, 1)
    return 1
  end
  -- A message from a spool was acked long ago: it is kept, however many there are.
  if not late and (tonumber(share('HGET', 'arrived', class) or 0) or 0) >= tonumber(ARGV[3]) then
    add_to_count('arrived', class .. '\0', 1)
    return 4
  end
  write_letter(packed, lane, reason, 0, 0, now, true)
  write_journal(packed, lane, {}, reason)
  return 1
end

local last, at, is_its_mark, newly_ready = #ARGV, 5, false, {}

-- Whether lanes have nothing but their first list: those of the items from one place on to another.
local function are_plain(from, to)
  local names, n = {}, 0
  for i = from, to, 3 do
    local lane = ARGV[i]
    names[n + 1], names[n + 2] = key('older:' .. lane), key('run:' .. lane)
    names[n + 3], names[n + 4] = key('sends:' .. lane), key('held:' .. lane)
    n = n + 4
  end
  return redis.call('EXISTS', unpack(names)) == 0
end

-- Stores plain messages, up to the first one that isn't.
local function store_plain_ones()
  -- Lanes are looked at together, few enough that mostly all are plain.
  local LOOKS, PLAIN = 8, ('p'):byte()
  local call, seen, list, window = redis.call, key('seen:'), key('lane:'), ARGV[2]
  local looked, is_plain = at - 1, false
  while at < last do
    if at > looked then
      looked = math.min(at + 3 * LOOKS, last) - 1
      is_plain = are_plain(at, looked)
    end
    local lane, packed = ARGV[at], ARGV[at + 2]
    if ARGV[at + 1]:byte() ~= PLAIN or not is_plain and not are_plain(at, at) then return end
    local class, id = names_of(packed)
    is_its_mark = call('SET', seen .. id, ends, 'NX', 'PX', window)
    if not is_its_mark then return end
    if call('RPUSH', list .. lane, packed) == 1 then
      local lanes = newly_ready[class] or {}
      lanes[#lanes + 1], newly_ready[class] = lane, lanes
    end
    count_open(class, 1)
    is_its_mark, results[#results + 1], at = false, 1, at + 3
  end
end

-- One write for all lanes of a class: each further one costs Redis as much again for its append-only file.
local function line_up_new()
  for class, lanes in pairs(newly_ready) do
    line_up('RPUSH', 'ready', class, unpack(lanes))
    woken = woken + #lanes
  end
  newly_ready = {}
end

local is_in_time = ARGV[4] == '' or now <= tonumber(ARGV[4])
while at < last do
  local is_done, problem = true, nil
  if is_in_time then
    is_done, problem = pcall(store_plain_ones)
    line_up_new()
  end
  if not is_done and not is_damage(problem) then error(problem, 0) end
  if at < last then
    results[#results + 1] = store(ARGV[at], ARGV[at + 1], ARGV[at + 2], is_its_mark)
    is_its_mark, at = false, at + 3
  end
end
keep_counts()
wake(woken)
return results
