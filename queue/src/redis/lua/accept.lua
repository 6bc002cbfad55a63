#!lua
-- Stores messages that were not stored before: dedup and enqueue in one step. Damaged keys of a lane are set aside, and cost
-- neither its message nor the others.
--
-- Nearly all messages are plain: they come from a push, and their lane has nothing but its first list. All of them are
-- appended under one `pcall`, and what is the same for many is asked and written once. Whatever turns out to be otherwise is
-- stored by itself.
--
-- Uses: base, damage, record, mend, lane, held, end, store.
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
local woken, last, at, is_its_mark, newly_ready = 0, #ARGV, 5, false, {}

-- Whether lanes have nothing but their first list: those of the items from one place on to another. While nothing at all is
-- held, one look at `hold` stands for a look at the held messages of each.
local older, run, sends, held = key('older:'), key('run:'), key('sends:'), key('held:')
local function are_plain(from, to)
  local names = holding == nil and { key('hold') } or {}
  for i = from, to, 3 do
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

-- The call fails: a key may not be touched, say. What it has stored is counted; a mark of this call without its message would
-- make the next push of it a duplicate, which is acked.
local function give_up(problem)
  local _, id = names_of(ARGV[at + 2])
  if redis.pcall('GET', key('seen:' .. id)) == ends then redis.call('DEL', key('seen:' .. id)) end
  keep_counts()
  wake(woken)
  error(problem, 0)
end

local is_in_time = ARGV[4] == '' or now <= tonumber(ARGV[4])
while at < last do
  local is_done, problem = true, nil
  if is_in_time then
    is_done, problem = pcall(store_plain_ones)
    line_up_new()
  end
  if not is_done and not is_damage(problem) then give_up(problem) end
  if at < last then
    local is_stored, result, made_ready = pcall(store, ARGV[at], ARGV[at + 1], ARGV[at + 2], is_its_mark, now, ends)
    if not is_stored then give_up(result) end
    results[#results + 1], woken, is_its_mark, at = result, woken + made_ready, false, at + 3
  end
end
keep_counts()
wake(woken)
return results
