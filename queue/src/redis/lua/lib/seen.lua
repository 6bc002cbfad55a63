-- Which ids are known. The mark of an id is a field of one of two hashes, and says when it ends. The hashes take turns: one takes
-- new marks until those of the other are all over. Then that one is dropped, and takes the next ones. So each turn lasts for the
-- dedup window, or for the widest one if callers had several. Rejected: a key for each mark that expires by itself. It needs a
-- command for each message, and another one when Redis removes it; and 145 bytes in place of 90, though for half as long.

-- The field that says since when a hash takes marks, us, and the widest window of those, ms: no id is empty.
local BEGAN = ''

-- Whether a mark still counts. One that can't be read marks nothing.
local function is_marked(mark, now)
  local until_ms = tonumber(mark)
  return until_ms and until_ms * 1000 > now
end

-- When a hash began its turn, and its widest window. What can't be read is still to begin, so that nothing is dropped too early.
local function turn_of(value, now)
  if not value then return -1, 0 end
  local began, widest_ms = value:match('^(%d+) (%d+)$')
  return tonumber(began or now + 1), tonumber(widest_ms or 0)
end

-- Lets a hash take the new marks of a turn that begins now, or goes on with a wider window.
local function keep_turn(seen, began, widest_ms, longest_ms)
  redis.call('HSET', key(seen.name), BEGAN, us(began) .. ' ' .. us(widest_ms))
  -- For a queue that gets no more messages: later than the end of the last mark, and than the next turn.
  redis.call('PEXPIRE', key(seen.name), us(3 * longest_ms))
end

-- What the hashes say of ids, and which of them takes new marks. All that may fail, does so before anything is stored.
local function read_marks(ids, now, window_ms)
  local a, b = share('HMGET', 'seen:a', BEGAN, unpack(ids)), share('HMGET', 'seen:b', BEGAN, unpack(ids))
  local seen = { marks = { a, b }, fresh = {}, new = {} }
  local a_began, a_widest = turn_of(a[1], now)
  local b_began, b_widest = turn_of(b[1], now)
  local turn, began, widest, other_widest = 1, a_began, a_widest, b_widest
  if b_began > a_began then turn, began, widest, other_widest = 2, b_began, b_widest, a_widest end
  local longest = math.max(window_ms, a_widest, b_widest)
  if began < 0 or now - began >= math.max(window_ms, other_widest) * 1000 then
    if began >= 0 then turn = 3 - turn end
    seen.name, seen.marks[turn] = turn == 1 and 'seen:a' or 'seen:b', {}
    redis.call('UNLINK', key(seen.name))
    keep_turn(seen, now, window_ms, longest)
  else
    seen.name = turn == 1 and 'seen:a' or 'seen:b'
    -- After a clock was set back the turn begins anew: else it would last until that time has come again.
    if window_ms > widest or began > now then keep_turn(seen, math.min(began, now), math.max(window_ms, widest), longest) end
  end
  return seen
end

-- Whether the id at a place was known before, or is marked by this call.
local function is_seen(seen, place, id, now)
  local a, b = seen.marks[1][place + 1], seen.marks[2][place + 1]
  return seen.fresh[id] or a and is_marked(a, now) or b and is_marked(b, now)
end

-- `ends` is in ms, since a longer text would take 16 bytes more.
local function mark_seen(seen, id, ends)
  local n = #seen.new
  seen.fresh[id], seen.new[n + 1], seen.new[n + 2] = true, id, ends
end

-- Called once, when all is done: one write for all new marks.
local function keep_marks(seen)
  if seen.new[1] then redis.call('HSET', key(seen.name), unpack(seen.new)) end
end
