#!lua flags=allow-oom
-- Leases the heads of ready lanes, after moving to ready what is due and what has expired. What is damaged is set aside and told
-- once, and costs no other lane anything.
--
-- Uses: base, damage, pulse, record, mend, lane, turn, held; seldom: on, end, due.
--
-- KEYS[1]  base     (none)  prefix of this shard's keys, from which are named: alarm, arrived, classes, damaged, dead, filter,
--                           held, lane, letter, memory, older, open, ready, run, sends and suspect
-- KEYS[2]  lease    zset    leased lane -> when its lease runs out, us
-- KEYS[3]  delay    zset    delayed lane -> when it is due, us
-- KEYS[4]  counter  string  the last fencing token's number
-- KEYS[5]  batch    string  this worker's last call: a record
-- KEYS[6]  hold     zset    held message -> until when, us
-- KEYS[7]  paused   hash    what is paused: "*", "c" and a class, "l" and a lane
-- KEYS[8]  parked   zset    parked lane -> since when, us
-- KEYS[9]  pulse    hash    when the store was last known to serve
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- ARGV[2]  messages at most
-- ARGV[3]  lease, us
-- ARGV[4]  moves at most, of each kind; twice as many popped lanes may give no message
-- ARGV[5]  worker's name
-- ARGV[6]  worker's incarnation
-- ARGV[7]  call number, as text: part of the token, since it never goes back, as the counter does if Redis loses its tail
-- ARGV[8]  "1" if one may be a suspect, else ""
-- ARGV[9]  bytes of messages: reached, no more of them are given
-- ARGV[10] what the worker's classes together are called, or "" if it takes none
-- ARGV[11] the class whose turn it is
-- then, if they may not be known under that name: the classes
--
-- Returns: 0 if it must be called with the classes; else { now us, microseconds until something is due or -1 (text), token,
-- { id, class, reason of what died, ... }, { what was set aside, a NUL and why, ... }, "1" if the looks were over too soon or "",
-- message, message, ... }, each message being
-- { lane, packed, memory, failures, losses, snoozes, last_error, replies, sent, sending, trigger, sends, followed, answer,
-- unanswered, failing for us }, absent values "" (memory, replies, answer: false), shorter if all the rest is absent.
-- A message of a newer format isn't leased but put off for a minute, and comes as { lane, "" }.

local now = now_us()
local max, lease_us, moves = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local quiet = pulse(now, lease_us)

-- What proves the lease of a message: the token, and the id.
local function proof_of(token, packed) return token .. '/' .. id_of(packed) end

-- Whether a send was refused of which a message of the lane is still held.
local holding
local function is_refused(lane)
  if holding == nil then holding = redis.call('EXISTS', KEYS[6]) == 1 end
  for _, held in ipairs(holding and held_of(lane) or {}) do
    if held.refused then return true end
  end
  return false
end

-- All that is known of the head of a lane, or nil if there is none. It only reads.
local function look(lane)
  local run = key('run:' .. lane)
  -- Nearly all lanes have only their first list: one look tells.
  if redis.call('EXISTS', run, key('older:' .. lane), key('memory:' .. lane), key('sends:' .. lane), key('held:' .. lane)) == 0 then
    local heads = redis.call('LRANGE', key('lane:' .. lane), 0, 1)
    return heads[1] and { packed = check_packed(heads[1]), followed = heads[2], run = {} }
  end
  local seen = { run = read_run(redis.call('HMGET', run, unpack(run_fields()))), has_record = true }
  local packed, followed, older = seen.run.packed, seen.run.followed, nil
  if seen.run.recorded then
    local first = redis.call('LRANGE', key('lane:' .. lane), 0, 1)
    -- Whoever waited behind it once still does.
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
  local known = redis.call('MGET', key('memory:' .. lane), key('sends:' .. lane))
  local at = known[1] and known[1]:find(':', 1, true)
  local ends = at and tonumber(known[1]:sub(1, at - 1))
  seen.memory = ends and ends > now and known[1]:sub(at + 1)
  -- The lane has waited between two messages: the record takes over what it has sent and may send, and that a send was refused.
  seen.sends = known[2]
  if seen.sends and not seen.sends:find(STANDING) then error('its sends are damaged', 0) end
  if not seen.run.recorded and is_refused(lane) then seen.sends = closed(seen.sends, 'refused') end
  if seen.sends then seen.run.sends = seen.sends end
  return seen
end

local function next_due()
  local nearest = -1
  for _, name in ipairs({ 'lease', 'delay', 'hold' }) do
    local first = share('ZRANGE', name, 0, 0, 'WITHSCORES')
    local due = first[2] and tonumber(first[2])
    local wait = due and math.max((name == 'lease' and math.max(due, quiet) or due) - now, 0)
    if wait and (nearest < 0 or wait < nearest) then nearest = wait end
  end
  return us(nearest)
end

local bytes = 0
local function item(lane, seen)
  local r = seen.run
  for _, part in ipairs({ seen.packed, seen.memory or '', r.replies or '', r.answer or '' }) do bytes = bytes + #part end
  if not seen.has_record and not seen.sends then
    if not seen.followed then return { lane, seen.packed, seen.memory or false } end
    return { lane, seen.packed, seen.memory or false, '', '', '', '', false, '', '', '', '', 1 }
  end
  return { lane, seen.packed, seen.memory or false, r.failures or '', r.losses or '', r.snoozes or '', r.error or '',
    r.replies or false, r.sent or '', r.sending or '', r.trigger or '', r.sends or '', seen.followed and 1 or '',
    r.answer or false, r.unanswered or '', r.failing_since and us(now - tonumber(r.failing_since)) or '' }
end

-- A repeated call: its answer got lost, so the same batch again, without what was settled or lost meanwhile. The leases
-- run anew, as the caller counts them from this call.
local last = share('GET', 'batch:' .. ARGV[6])
local is_read, batch = try(read_batch, last or '')
if is_read and batch.call == ARGV[7] then
  local answer = { us(now), '-1', batch.token, {}, {}, '' }
  for _, lane in ipairs(batch.lanes) do
    local is_there, seen = try(look, lane)
    local run = key('run:' .. lane)
    if is_there and seen and seen.run.token == proof_of(batch.token, seen.packed) then
      seen.followed = seen.run.followed
      share('ZADD', 'lease', us(now + lease_us), lane)
      if seen.run.unheard then redis.call('HDEL', run, 'unheard') end
      answer[#answer + 1] = item(lane, seen)
    end
  end
  answer[2] = next_due()
  return answer
end
-- An older call that comes late, over a connection that was given up: nobody waits for its answer any more.
if is_read and (tonumber(batch.call) or 0) > tonumber(ARGV[7]) then
  return { us(now), next_due(), '', {}, {}, '' }
end

if #ARGV > 11 then
  keep_filter(ARGV[10], 12)
elseif ARGV[10] ~= '' and redis.call('EXISTS', key('filter:' .. ARGV[10])) == 0 then
  return 0
end
local function due_in(zset, ...) return share('ZRANGEBYSCORE', zset, '-inf', us(now), ...) end
local due, over = due_in('delay', 'LIMIT', 0, moves), due_in('hold', 'LIMIT', 0, moves)
local expired = now >= quiet and due_in('lease', 'WITHSCORES', 'LIMIT', 0, moves) or {}
local is_due = #due + #expired + #over > 0
local answer = { us(now), '-1', '', is_due and seldom()(due, expired, over, now, quiet) or {}, {}, '' }
local is_either = redis.call('EXISTS', KEYS[7], key('alarm')) > 0 -- one look for both: mostly there is neither
local pausing = is_either and redis.call('EXISTS', KEYS[7]) == 1
local function is_paused(scope) return pausing and share('HEXISTS', 'paused', scope) == 1 end

local token
local lanes, leased, is_given = {}, {}, {}
-- Leases the head of a lane that was popped, unless it turns out to be none for now. Whether it did.
local function lease(lane, class)
  if is_paused('l' .. lane) then
    share('ZADD', 'parked', us(now), lane)
    return false
  end
  local seen = look(lane)
  -- One that is leased stood in the line twice: its list was damaged.
  if not seen or is_given[lane] or seen.run.token and share('ZSCORE', 'lease', lane) then return false end
  local packed, run = seen.packed, key('run:' .. lane)
  if not is_known(packed) then error(NEWER, 0) end
  -- An older message of another class has come into the lane since it became ready.
  if class_of(packed) ~= class then
    line_up('RPUSH', 'ready', class_of(packed), lane)
    return false
  end
  -- All is read: from here on nothing fails.
  if not token then
    token = ARGV[7] .. '.' .. us(share('INCR', 'counter')) .. '.' .. ARGV[6]
    answer[3] = token
  end
  leased[#leased + 1] = us(now + lease_us)
  leased[#leased + 1] = lane
  local fields = { 'token', proof_of(token, packed), 'worker', ARGV[5], 'recorded', 0 }
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
  answer[#answer + 1] = item(lane, seen)
  lanes[#lanes + 1] = lane
  is_given[lane] = true
  return true
end

-- The same, whatever is in the lane's keys. What is damaged is set aside, and the lane comes again.
local function lease_safely(lane, class)
  local is_done, result = try(lease, lane, class)
  if is_done then return result end
  if result == NEWER then
    put_off(lane)
    answer[#answer + 1] = { lane, '' }
    return true
  end
  mend(lane)
  make_ready('LPUSH', lane)
  return false
end

-- Pops lanes until one is leased, so many at most. Lanes that are paused are only parked, which is cheap: of them twice as
-- many as of moves, so that they hide the others from no more than a few calls.
local looked, given = 0, 0
local function lease_one(line, class)
  while looked < max + 2 * moves do
    local lane = share('LPOP', line .. ':' .. class)
    if not lane then
      forget_line(line, class)
      return false
    end
    looked = looked + 1
    if lease_safely(lane, class) then
      given = given + 1
      return true
    end
  end
  answer[6] = '1'
  return false
end
local function is_full() return given >= max or bytes >= tonumber(ARGV[9]) or answer[6] ~= '' end

if max > 0 and ARGV[10] ~= '' and not is_paused('*') then
  if ARGV[8] == '1' then
    each_class('suspect', ARGV[10], ARGV[11], 1, function(class)
      return not is_paused('c' .. class) and lease_one('suspect', class)
    end)
  end
  -- One lane of each class in turn, beginning with another one in every call.
  local classes = {}
  each_class('ready', ARGV[10], ARGV[11], max, function(class)
    if not is_full() and not is_paused('c' .. class) and lease_one('ready', class) then classes[#classes + 1] = class end
    return is_full()
  end)
  while #classes > 0 and not is_full() do
    local more = {}
    for _, class in ipairs(classes) do
      if not is_full() and lease_one('ready', class) then more[#more + 1] = class end
    end
    classes = more
  end
end

if token then
  -- In parts, since the number of a call's arguments is limited.
  for i = 1, #leased, 256 do share('ZADD', 'lease', unpack(leased, i, math.min(i + 255, #leased))) end
  redis.call('SET', KEYS[5], write_batch(ARGV[7], token, lanes), 'PX', us(math.max(lease_us / 1000, 1000)))
end
if given < max then answer[2] = next_due() end
if is_either or is_alarmed then answer[5] = share('LPOP', 'alarm', 64) or {} end
return answer
