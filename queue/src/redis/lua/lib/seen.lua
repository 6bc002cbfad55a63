-- Which ids are known. The mark of an id is a field of one of two hashes, and says when it ends. The hashes take turns: each takes
-- new marks for the length of the dedup window, and then marks of the other one are all over. So that one is dropped, and
-- takes the next ones. Rejected: a key for each mark that expires by itself. It needs a command for each message, and another one
-- when Redis removes it, and half as much memory again.

-- The field that says since when a hash takes marks: no id is empty.
local BEGAN = ''

-- Whether a mark still counts. One that can't be read marks nothing.
local function is_marked(mark, now)
  local until_ms = tonumber(mark)
  return until_ms and until_ms * 1000 > now
end

-- What the hashes say of ids.
local function read_marks(ids)
  local seen = { a = share('HMGET', 'seen:a', BEGAN, unpack(ids)), b = share('HMGET', 'seen:b', BEGAN, unpack(ids)), fresh = {}, new = {} }
  seen.began_a, seen.began_b = tonumber(seen.a[1]) or -1, tonumber(seen.b[1]) or -1
  return seen
end

-- Whether the id at a place was known before, or is marked by this call.
local function is_seen(seen, place, id, now)
  local a, b = seen.a[place + 1], seen.b[place + 1]
  return seen.fresh[id] or a and is_marked(a, now) or b and is_marked(b, now)
end

-- `ends` is in ms, since a longer text would take 16 bytes more.
local function mark_seen(seen, id, ends)
  local n = #seen.new
  seen.fresh[id], seen.new[n + 1], seen.new[n + 2] = true, id, ends
end

-- Called once, when all is done: one write for all new marks.
local function keep_marks(seen, now, window_ms)
  local new, turn, began = seen.new, 'a', seen.began_a
  if #new == 0 then return end
  if seen.began_b > began then turn, began = 'b', seen.began_b end
  local is_over = began < 0 or now - began >= window_ms * 1000
  if is_over and began >= 0 then turn = turn == 'a' and 'b' or 'a' end
  -- A clock that was set back begins the turn anew: else it would last until that time has come again.
  if is_over or now < began then new[#new + 1], new[#new + 2] = BEGAN, us(now) end
  if is_over then redis.call('UNLINK', key('seen:' .. turn)) end
  redis.call('HSET', key('seen:' .. turn), unpack(new))
  -- For a queue that gets no more messages: later than the end of its last mark, and than its next turn.
  if is_over then redis.call('PEXPIRE', key('seen:' .. turn), us(3 * window_ms)) end
end
