-- How a take leases what it gives. `taking` is what it has so far, and its limits.

-- Mostly all of so few lanes have only their first list. If not, each is seen by itself.
local LOOKED_AT_ONCE = 8

local function is_paused(taking, scope) return taking.is_pausing and share('HEXISTS', 'paused', scope) == 1 end

-- Leases the head of a popped lane, unless it can't be leased now. Gives whether it did.
local function lease_head(taking, lane, class, beside)
  local now = taking.now
  if is_paused(taking, 'l' .. lane) then
    share('ZADD', 'parked', us(now), lane)
    return false
  end
  local seen = see(lane, beside, now)
  -- A leased lane stood in the line twice: its list was damaged.
  if not seen or taking.is_given[lane] or seen.run.token and share('ZSCORE', 'lease', lane) then return false end
  local packed, run = seen.packed, key('run:' .. lane)
  if not is_known(packed) then error(NEWER, 0) end
  -- An older message of another class has come into the lane since it became ready.
  if class_of(packed) ~= class then
    line_up('RPUSH', 'ready', class_of(packed), lane)
    taking.is_moved = true
    return false
  end
  -- All is read: from here on nothing fails.
  taking.token = taking.token or ARGV[7] .. '.' .. us(share('INCR', 'counter')) .. '.' .. ARGV[6]
  local fields, n = { 'token', proof_of(taking.token, packed), 'worker', ARGV[5], 'recorded', 0 }, 6
  if seen.followed then fields[n + 1], fields[n + 2], n = 'followed', 1, n + 2 end
  if seen.sends then fields[n + 1], fields[n + 2], n = 'sends', seen.sends, n + 2 end
  if seen.older then
    -- It leaves the second list, whose head may change while it is handled, and lives in its record.
    redis.call('LPOP', key('older:' .. lane))
    fields[n + 1], fields[n + 2], n = 'packed', packed, n + 2
    for i, value in ipairs(seen.older) do fields[n + i] = value end
  end
  redis.call('HSET', run, unpack(fields))
  if seen.sends then taking.taken_over[#taking.taken_over + 1] = key('sends:' .. lane) end
  if seen.run.losses or seen.run.unheard then redis.call('HDEL', run, 'confirmed', 'unheard') end
  local message, bytes = message_of(lane, seen, now)
  taking.bytes, taking.is_given[lane] = taking.bytes + bytes, true
  table.insert(taking.lanes, lane)
  table.insert(taking.answer, message)
  return true
end

-- Puts popped lanes, from one of them on, back in front of their line.
-- Defined when first called.
local function put_back(name, lanes, from)
  for i = #lanes, from, -1 do redis.call('LPUSH', key(name), lanes[i]) end
end

-- Pops lanes until so many are leased. Paused lanes are only parked, which is cheap. So twice as many of them as of moves may be
-- popped, and they hide the others from no more than a few calls. What is damaged of a lane is set aside, and it comes again. Gives
-- whether it leased all of them, so that there may be more.
-- Defined when first called.
local function lease_some(taking, line, class, some)
  local enough, name = taking.given + some, line .. ':' .. class
  while taking.looked < taking.looks_max and taking.bytes < taking.bytes_max do
    local asked = math.min(enough - taking.given, taking.looks_max - taking.looked)
    local lanes, before, beside = share('LPOP', name, asked) or {}, taking.given, nil
    for i, lane in ipairs(lanes) do
      if taking.bytes >= taking.bytes_max then
        put_back(name, lanes, i)
        break
      end
      taking.looked = taking.looked + 1
      if i % LOOKED_AT_ONCE == 1 then beside = look_beside(lanes, i, math.min(i + LOOKED_AT_ONCE - 1, #lanes)) end
      local is_done, is_leased = try(lease_head, taking, lane, class, beside[lane])
      if is_done then
        taking.given = taking.given + (is_leased and 1 or 0)
      elseif is_leased == NEWER then
        put_off(lane)
        table.insert(taking.answer, { lane, '' })
        taking.given, taking.is_put_off = taking.given + 1, true
      else
        put_back(name, lanes, i + 1)
        mend(lane)
        make_ready('LPUSH', lane)
        taking.is_put_off = true
        break
      end
    end
    if taking.given == enough then return true end
    -- What wasn't leased may stand in the line again.
    if #lanes < asked and taking.given - before == #lanes then
      -- A line that gave the only message is mostly filled again before the next take.
      if #lanes == 0 or taking.given > 1 then forget_line(line, class) end
      return false
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
  local used = taking.taken_over
  for i = 1, #used, 256 do redis.call('DEL', unpack(used, i, math.min(i + 255, #used))) end
  for i = 1, #leased, 256 do share('ZADD', 'lease', unpack(leased, i, math.min(i + 255, #leased))) end
  redis.call('SET', key('batch:' .. ARGV[6]), write_batch(ARGV[7], taking.token, lanes), 'PX', us(math.max(lease_us / 1000, 1000)))
end

-- The messages of a batch once more, without what has been settled or lost. The leases run anew.
-- Defined when first called.
local function give_again(answer, batch, now, lease_us)
  for _, lane in ipairs(batch.lanes) do
    local is_there, seen = try(see, lane, look_beside({ lane }, 1, 1)[lane], now)
    if is_there and seen and seen.run.token == proof_of(batch.token, seen.packed) then
      seen.followed = seen.run.followed
      share('ZADD', 'lease', us(now + lease_us), lane)
      if seen.run.unheard then redis.call('HDEL', key('run:' .. lane), 'unheard') end
      answer[#answer + 1] = message_of(lane, seen, now)
    end
  end
end
