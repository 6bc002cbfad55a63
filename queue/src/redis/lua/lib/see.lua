-- What a take sees of a lane, and gives of it.

-- What proves the lease of a message: the token, and the id.
local function proof_of(token, packed) return token .. '/' .. id_of(packed) end

-- Whether a send was refused and its message is still held in the lane.
local function is_refused(lane)
  for _, held in ipairs(is_holding() and held_of(lane) or {}) do
    if held.refused then return true end
  end
  return false
end

-- What lies beside the first lists of lanes, those from one place on to another, by lane: whether there is neither a record nor
-- a second list, the memory, and what the lane has sent. Looked up together: a command costs as much as several keys.
-- Defined when first called.
local function look_beside(lanes, from, to)
  local run, older, held, memory, sends = key('run:'), key('older:'), key('held:'), key('memory:'), key('sends:')
  local names, beside = {}, {}
  for i = from, to do
    names[#names + 1], names[#names + 2] = run .. lanes[i], older .. lanes[i]
    if is_holding() then names[#names + 1] = held .. lanes[i] end
  end
  local rare = #names
  for i = from, to do names[#names + 1], names[#names + 2] = memory .. lanes[i], sends .. lanes[i] end
  local is_bare, values = redis.call('EXISTS', unpack(names)) == 0, {}
  if not is_bare then
    is_bare = redis.call('EXISTS', unpack(names, 1, rare)) == 0
    values = redis.call('MGET', unpack(names, rare + 1))
  end
  for i = from, to do
    local n = 2 * (i - from)
    beside[lanes[i]] = { is_bare = is_bare, memory = values[n + 1], sends = values[n + 2] }
  end
  return beside
end

-- What a lane's record, its lists and the record of its second list say of its head, or nil if there is none.
-- Defined when first called.
local function see_all(lane)
  local run = key('run:' .. lane)
  local seen = { run = read_run(redis.call('HMGET', run, unpack(run_fields()))), has_record = true }
  local packed, followed, older = seen.run.packed, seen.run.followed, nil
  if seen.run.recorded then
    local first = redis.call('LRANGE', key('lane:' .. lane), 0, 1)
    -- What waited behind it once still does.
    followed = followed or first[packed and 1 or 2] or redis.call('LLEN', key('older:' .. lane)) > 0
    packed = packed or first[1]
    if not packed then error('its message is missing', 0) end
  else
    if redis.call('EXISTS', run) == 1 then error('no take began its record', 0) end
    packed, followed, older = next_of(lane)
    if older then seen.older = older_fields(older) end
    for i = 1, older and #seen.older or 0, 2 do seen.run[seen.older[i]] = seen.older[i + 1] end
    seen.has_record = older
  end
  if not packed then return nil end
  seen.packed, seen.followed = check_packed(packed), followed
  return seen
end

-- All that is known of the head of a lane, or nil if there is none. It only reads.
-- Defined when first called.
local function see(lane, beside, now)
  local seen
  if beside.is_bare then
    local heads = redis.call('LRANGE', key('lane:' .. lane), 0, 1)
    seen = heads[1] and { packed = check_packed(heads[1]), followed = heads[2], run = {} }
  else
    seen = see_all(lane)
  end
  if not seen then return nil end
  local memory = beside.memory
  local at = memory and memory:find(':', 1, true)
  local ends = at and tonumber(memory:sub(1, at - 1))
  seen.memory = ends and ends > now and memory:sub(at + 1)
  -- The lane has waited between two messages: the record takes over what it has sent and may send, and that a send was refused.
  seen.sends = beside.sends
  if seen.sends and not seen.sends:find(STANDING) then error('its sends are damaged', 0) end
  if not beside.is_bare and not seen.run.recorded and is_refused(lane) then seen.sends = closed(seen.sends, 'refused') end
  if seen.sends then seen.run.sends = seen.sends end
  return seen
end

-- A lane's message as a take gives it, and its bytes.
-- Defined when first called.
local function message_of(lane, seen, now)
  local r = seen.run
  local bytes = #seen.packed + #(seen.memory or '') + #(r.replies or '') + #(r.answer or '')
  if not seen.has_record and not seen.sends then
    if not seen.followed then return { lane, seen.packed, seen.memory or false }, bytes end
    return { lane, seen.packed, seen.memory or false, '', '', '', '', false, '', '', '', '', 1 }, bytes
  end
  return { lane, seen.packed, seen.memory or false, r.failures or '', r.losses or '', r.snoozes or '', r.error or '',
    r.replies or false, r.sent or '', r.sending or '', r.trigger or '', r.sends or '', seen.followed and 1 or '',
    r.answer or false, r.unanswered or '', r.failing_since and us(now - tonumber(r.failing_since)) or '' }, bytes
end
