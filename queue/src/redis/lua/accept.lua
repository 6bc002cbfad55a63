#!lua
-- Stores messages that were not stored before: dedup and enqueue in one step. Damaged keys of a lane are set aside, and cost
-- neither its message nor the others.
--
-- Nearly all messages are plain: they come from a push, and their lane has nothing but its first list. All of them are
-- appended under one `pcall`, and what is the same for many is asked and written once. Whatever turns out to be otherwise is
-- stored by itself.
--
-- Uses: base, damage, record, mend, lane, held, seen, end, store.
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
-- ARGV[5]  a letter for each item: "p" if it may be plain, "l" if it is late, else "o"
-- ARGV[6]  how each item comes, a NUL behind it; a space between: not_after_us or ""; "wake" or "bury" (held ones) or ""; with "wake" a
--          number of sends, and their end (s); dead reason or ""
-- then for each item: lane, packed message
--
-- Returns: the time now in us as text, then for each item 1 new, 2 duplicate, 3 expired, 4 counted, or text: what is damaged, and
-- nothing is stored.
-- Not allowed when memory is full: what can't be stored must fail before anything is written.

local now = now_us()
local ends = us(math.ceil(now / 1000) + tonumber(ARGV[2]))
local results = { us(now) }
local woken, last, at, newly_ready = 0, #ARGV, 7, {}
local classes, ids = {}, {}
for i = at, last, 2 do
  local place = #ids + 1
  classes[place], ids[place] = names_of(ARGV[i + 1])
end
local seen = read_marks(ids, now, tonumber(ARGV[2]))

-- Whether lanes have nothing but their first list: those of the items from one place on to another. While nothing at all is
-- held, one look at `hold` stands for a look at the held messages of each.
local older, run, sends, held = key('older:'), key('run:'), key('sends:'), key('held:')
local function are_plain(from, to)
  local names = holding == nil and { key('hold') } or {}
  for i = from, to, 2 do
    local lane, n = ARGV[i], #names
    names[n + 1], names[n + 2], names[n + 3] = older .. lane, run .. lane, sends .. lane
    if holding then names[n + 4] = held .. lane end
  end
  if redis.call('EXISTS', unpack(names)) == 0 then return true end
  return holding == nil and is_holding() and are_plain(from, to)
end

-- Stores plain messages, up to the first one that isn't.
local function store_plain_ones()
  -- Lanes are looked at together, few enough that mostly all are plain.
  local LOOKS, PLAIN = 8, ('p'):byte()
  local call, list = redis.call, key('lane:')
  local looked, is_plain = at - 1, false
  while at < last do
    if at > looked then
      looked = math.min(at + 2 * LOOKS, last) - 1
      is_plain = are_plain(at, looked)
    end
    -- The first result is the time.
    local lane, place = ARGV[at], #results
    local class, id = classes[place], ids[place]
    if ARGV[5]:byte(place) ~= PLAIN or not is_plain and not are_plain(at, at) or is_seen(seen, place, id, now) then return end
    if call('RPUSH', list .. lane, ARGV[at + 1]) == 1 then
      local lanes = newly_ready[class] or {}
      lanes[#lanes + 1], newly_ready[class] = lane, lanes
    end
    count_open(class, 1)
    mark_seen(seen, id, ends)
    results[place + 1], at = STORED, at + 2
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

-- What is stored is marked and counted, also when the call fails, since a key may not be touched, say.
local function keep_all()
  keep_marks(seen)
  keep_counts()
  wake(woken)
end

-- How the item at a place comes: only the few that aren't plain are asked for it.
local hows
local function how_of(place)
  if not hows then
    hows = {}
    for how in ARGV[6]:gmatch('(%Z*)%z') do hows[#hows + 1] = how end
  end
  return hows[place]
end

local function give_up(problem)
  keep_all()
  error(problem, 0)
end

local is_in_time = ARGV[4] == '' or now <= tonumber(ARGV[4])
while at < last do
  local is_done, problem, is_lined_up, why = true, nil, true, nil
  if is_in_time then
    is_done, problem = pcall(store_plain_ones)
    is_lined_up, why = pcall(line_up_new)
  end
  if not is_lined_up then give_up(why) end
  if not is_done and not is_damage(problem) then give_up(problem) end
  if at < last then
    local place = #results
    local is_known = is_seen(seen, place, ids[place], now)
    local is_stored, result, made_ready = pcall(store, ARGV[at], ARGV[5]:sub(place, place) == 'l', how_of(place), ARGV[at + 1], is_known, now)
    if not is_stored then give_up(result) end
    if result == STORED or result == COUNTED then mark_seen(seen, ids[place], ends) end
    results[place + 1], woken, at = result, woken + made_ready, at + 2
  end
end
keep_all()
return results
