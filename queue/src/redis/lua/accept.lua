#!lua
-- Stores messages that were not stored before: dedup and enqueue in one step.
--
-- Uses: base, record, lane, held, end.
--
-- KEYS[1]  base     (none)  prefix of this shard's keys: delay and sends keys are named from it
-- KEYS[2]  wake     list    wake-up tokens of idle workers
-- KEYS[3]  open     hash    class -> messages not yet at their end
-- KEYS[4]  dead     zset    id of a dead letter -> time of death, us
-- KEYS[5]  arrived  hash    class -> letters dead on arrival; "class\0" -> those that were only counted
-- KEYS[6]  hold     zset    held message -> until when, us
-- KEYS[6 + 7*i - 6]  seen    string  the dedup mark of item i: when it ends, us
-- KEYS[6 + 7*i - 5]  lane    list    packed messages of item i's lane, the head first
-- KEYS[6 + 7*i - 4]  older   list    records of the lane's second list
-- KEYS[6 + 7*i - 3]  run     hash    record of the lane's current message
-- KEYS[6 + 7*i - 2]  held    hash    order -> record of a held message of the lane
-- KEYS[6 + 7*i - 1]  ready   list    ready lanes of item i's class
-- KEYS[6 + 7*i]      letter  hash    item i as a dead letter
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  dedup window, ms
-- ARGV[3]  letters dead on arrival that a class may hold
-- then for each item: id, lane, class, not_after_us or "", "wake" or "bury" (held ones) with a colon and the note (a number)
-- or "", "1" (late) or "", dead reason or "", packed message
--
-- Returns: the time now in us as text, then for each item 1 new, 2 duplicate, 3 expired, 4 counted.
-- Not allowed when memory is full: what can't be stored must fail before anything is written.

local now = now_us()
local ends = us(now + tonumber(ARGV[2]) * 1000)
local results = { us(now) }
local woken = 0
local holding = redis.call('EXISTS', KEYS[6]) == 1

-- Whether the id is fresh, marking it as seen if so. The mark's own time decides, not the key's expiry.
local function is_fresh(mark)
  local known = redis.call('SET', mark, ends, 'NX', 'GET', 'PX', ARGV[2])
  if not known then return true end
  if tonumber(known) > now then return false end
  redis.call('SET', mark, ends, 'PX', ARGV[2])
  return true
end

-- Puts the held messages of a lane back to waiting, in their order and in front. They know what woke them.
local function wake_held(lane, note)
  local held = held_of(lane)
  for i = #held, 1, -1 do
    redis.call('ZREM', KEYS[6], held_member(held[i], lane))
    redis.call('LPUSH', key('older:' .. lane), write_woken(held[i], note))
  end
  redis.call('DEL', key('held:' .. lane))
end

for i = 1, (#ARGV - 3) / 8 do
  local k, a = 6 + 7 * (i - 1), 3 + 8 * (i - 1)
  local lane, class, not_after = ARGV[a + 2], ARGV[a + 3], ARGV[a + 4]
  local late, reason, packed = ARGV[a + 6], ARGV[a + 7], ARGV[a + 8]
  -- Both words have four letters. A note isn't read as a number: it may have more digits than one keeps.
  local effect, note = ARGV[a + 5]:sub(1, 4), ARGV[a + 5]:sub(6)
  local lane_key, older, run = KEYS[k + 2], KEYS[k + 3], KEYS[k + 4]
  local result
  if not_after ~= '' and now > tonumber(not_after) then
    local known = redis.call('GET', KEYS[k + 1])
    result = (known and tonumber(known) > now) and 2 or 3
  elseif not is_fresh(KEYS[k + 1]) then
    result = 2
  elseif reason ~= '' then
    -- One that has waited in a spool was acked long ago: it is kept whatever there is.
    if late ~= '1' and tonumber(redis.call('HGET', KEYS[5], class) or 0) >= tonumber(ARGV[3]) then
      redis.call('HINCRBY', KEYS[5], class .. '\0', 1)
      result = 4
    else
      write_letter(packed, lane, reason, 0, 0, now, true)
      result = 1
    end
  else
    -- The current message of a lane has a record, and stays in its list or in that record. So a lane that had no message
    -- in either list, and has no record, was in no state at all, and only then does it become ready.
    local busy
    if late == '1' then
      busy = redis.call('RPUSH', older, write_late(packed)) > 1 or redis.call('EXISTS', lane_key, run) > 0
    else
      busy = redis.call('RPUSH', lane_key, packed) > 1 or redis.call('EXISTS', older, run) > 0
    end
    if effect == 'wake' then
      -- A lane that isn't busy has nothing to be forgotten: this costs only the others.
      local current = busy and redis.call('HMGET', run, 'recorded', 'gives_way')
      if current and current[1] then
        -- A waking message that the current one has not seen: a hold that names an older one comes too late.
        redis.call('HINCRBY', run, 'trigger', 1)
        redis.call('HSET', run, 'note', note, 'sends', 0)
        -- One that failed holds it up no longer than its patience lasts.
        if current[2] then redis.call('ZADD', key('delay'), 'XX', 'LT', current[2], lane) end
      elseif busy then
        redis.call('DEL', key('sends:' .. lane))
      end
      if holding then wake_held(lane, note) end
    elseif effect == 'bury' then
      if busy and redis.call('EXISTS', run) == 1 then redis.call('HSET', run, 'note', note) end
      for _, one in ipairs(holding and held_of(lane) or {}) do
        bury_held(lane, one, 'a later message of its lane ended the right to answer', now)
      end
    end
    if not busy then
      redis.call('RPUSH', KEYS[k + 6], lane)
      woken = woken + 1
    end
    count_open(class, 1)
    result = 1
  end
  results[i + 1] = result
end

keep_counts()
wake(woken)
return results
