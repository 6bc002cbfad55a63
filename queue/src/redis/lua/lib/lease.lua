-- How a take leases what it gives. `taking` is what it has so far, and its limits.

local function is_paused(taking, scope) return taking.is_pausing and share('HEXISTS', 'paused', scope) == 1 end

-- Leases the head of a popped lane, unless it can't be leased now. Gives whether it did.
local function lease_head(taking, lane, class)
  local now = taking.now
  if is_paused(taking, 'l' .. lane) then
    share('ZADD', 'parked', us(now), lane)
    return false
  end
  local seen = see(lane, now)
  -- A leased lane stood in the line twice: its list was damaged.
  if not seen or taking.is_given[lane] or seen.run.token and share('ZSCORE', 'lease', lane) then return false end
  local packed, run = seen.packed, key('run:' .. lane)
  if not is_known(packed) then error(NEWER, 0) end
  -- An older message of another class has come into the lane since it became ready.
  if class_of(packed) ~= class then
    line_up('RPUSH', 'ready', class_of(packed), lane)
    return false
  end
  -- All is read: from here on nothing fails.
  taking.token = taking.token or ARGV[7] .. '.' .. us(share('INCR', 'counter')) .. '.' .. ARGV[6]
  local fields = { 'token', proof_of(taking.token, packed), 'worker', ARGV[5], 'recorded', 0 }
  local function set(field, value) fields[#fields + 1], fields[#fields + 2] = field, value end
  if seen.followed then set('followed', 1) end
  if seen.sends then set('sends', seen.sends) end
  if seen.older then
    -- It leaves the second list, whose head may change while it is handled, and lives in its record.
    redis.call('LPOP', key('older:' .. lane))
    set('packed', packed)
    for i = 1, #seen.older, 2 do set(seen.older[i], seen.older[i + 1]) end
  end
  redis.call('HSET', run, unpack(fields))
  if seen.sends then redis.call('DEL', key('sends:' .. lane)) end
  if seen.run.losses or seen.run.unheard then redis.call('HDEL', run, 'confirmed', 'unheard') end
  local message, bytes = message_of(lane, seen, now)
  taking.bytes, taking.is_given[lane] = taking.bytes + bytes, true
  table.insert(taking.lanes, lane)
  table.insert(taking.answer, message)
  return true
end

-- The same, whatever is in the lane's keys. What is damaged is set aside, and the lane comes again.
local function lease_safely(taking, lane, class)
  local is_done, result = try(lease_head, taking, lane, class)
  if is_done then return result end
  if result == NEWER then
    put_off(lane)
    table.insert(taking.answer, { lane, '' })
    return true
  end
  mend(lane)
  make_ready('LPUSH', lane)
  return false
end

-- Pops lanes until one is leased, so many at most. Paused lanes are only parked, which is cheap. So twice as many of them as
-- of moves may be popped, and they hide the others from no more than a few calls.
-- Defined when first called.
local function lease_one(taking, line, class)
  while taking.looked < taking.looks_max do
    local lane = share('LPOP', line .. ':' .. class)
    if not lane then
      forget_line(line, class)
      return false
    end
    taking.looked = taking.looked + 1
    if lease_safely(taking, lane, class) then
      taking.given = taking.given + 1
      return true
    end
  end
  taking.is_cut = true
  return false
end

-- The end of a take that gave something: the leases, and what it gave.
-- Defined when first called.
local function keep_leases(taking, lease_us)
  local ends, lanes, leased = us(taking.now + lease_us), taking.lanes, {}
  for i, lane in ipairs(lanes) do leased[2 * i - 1], leased[2 * i] = ends, lane end
  -- In parts, since the number of a call's arguments is limited.
  for i = 1, #leased, 256 do share('ZADD', 'lease', unpack(leased, i, math.min(i + 255, #leased))) end
  redis.call('SET', key('batch:' .. ARGV[6]), write_batch(ARGV[7], taking.token, lanes), 'PX', us(math.max(lease_us / 1000, 1000)))
end

-- The messages of a batch once more, without what has been settled or lost. The leases run anew.
-- Defined when first called.
local function give_again(answer, batch, now, lease_us)
  for _, lane in ipairs(batch.lanes) do
    local is_there, seen = try(see, lane, now)
    if is_there and seen and seen.run.token == proof_of(batch.token, seen.packed) then
      seen.followed = seen.run.followed
      share('ZADD', 'lease', us(now + lease_us), lane)
      if seen.run.unheard then redis.call('HDEL', key('run:' .. lane), 'unheard') end
      answer[#answer + 1] = message_of(lane, seen, now)
    end
  end
end
