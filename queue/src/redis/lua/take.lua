#!lua flags=allow-oom
-- Leases the heads of ready lanes, after it has moved due and expired lanes to ready. What is damaged is set aside and
-- reported once, and costs no other lane anything.
--
-- Uses: base, damage, pulse, record, mend, lane, turn, held, see, lease, on, end, due.
--
-- KEYS[1]  base     (none)  prefix of this shard's keys, from which are named: alarm, arrived, classes, damaged, dead, filter,
--                           held, journal, lane, letter, memory, older, open, ready, run, sends, suspect and wake
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
-- { id, class, reason of what died, ... }, { what was set aside, a NUL and why, ... }, "1" if looks or bytes were over too soon or "",
-- message, message, ... }, each message being
-- { lane, packed, memory, failures, losses, snoozes, last_error, replies, sent, sending, trigger, sends, followed, answer,
-- unanswered, failing for us }, absent values "" (memory, replies, answer: false), shorter if all the rest is absent.
-- A message of a newer format isn't leased but put off for a minute, and comes as { lane, "" }.

local now = now_us()
local max, lease_us, moves = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local quiet = pulse(now, lease_us)

-- When the first of a sorted set is due.
local function first_of(name)
  local first = share('ZRANGE', name, 0, 0, 'WITHSCORES')
  return first[2] and tonumber(first[2])
end

-- How long until the nearest of what is due, as text.
local function nearest(lease, delay, hold)
  local least = math.min(lease and math.max(lease, quiet) or math.huge, delay or math.huge, hold or math.huge)
  return least == math.huge and '-1' or us(math.max(least - now, 0))
end

local function next_due() return nearest(first_of('lease'), first_of('delay'), first_of('hold')) end

-- A repeated call: its answer got lost, so the same batch again. The caller counts the leases from this call.
local last = share('GET', 'batch:' .. ARGV[6])
local is_read, batch = false, nil
if last then is_read, batch = try(read_batch, last) end
if is_read and batch.call == ARGV[7] then
  local answer = { us(now), '-1', batch.token, {}, {}, '' }
  give_again(answer, batch, now, lease_us)
  answer[2] = next_due()
  return answer
end
-- An older call that comes late, over a connection that was given up: nobody waits for its answer any more.
if is_read and (tonumber(batch.call) or 0) > tonumber(ARGV[7]) then
  return { us(now), next_due(), '', {}, {}, '' }
end

-- One look for all that there mostly isn't, and for the filter. A key that is named six times counts six times.
local filter = key('filter:' .. ARGV[10])
if #ARGV > 11 then keep_filter(ARGV[10], 12) end
local found = redis.call('EXISTS', filter, filter, filter, filter, filter, filter, KEYS[3], KEYS[6], KEYS[7], key('alarm'),
  key('classes:suspect'))
if found < 6 and ARGV[10] ~= '' then return 0 end
local is_rare = found % 6 > 0
local lease, delay, hold = first_of('lease'), is_rare and first_of('delay'), is_rare and first_of('hold')
holding = hold and true or false
local function due_in(zset, first, ...)
  return first and first <= now and share('ZRANGEBYSCORE', zset, '-inf', us(now), ...) or {}
end
local due, over = due_in('delay', delay, 'LIMIT', 0, moves), due_in('hold', hold, 'LIMIT', 0, moves)
local expired = now >= quiet and due_in('lease', lease, 'WITHSCORES', 'LIMIT', 0, moves) or {}
local is_due = #due + #expired + #over > 0
local answer = { us(now), '-1', '', is_due and move_due(due, expired, over, now, quiet) or {}, {}, '' }
local is_either = is_rare and redis.call('EXISTS', KEYS[7], key('alarm')) > 0
local taking = { answer = answer, now = now, looked = 0, looks_max = max + 2 * moves, given = 0, bytes = 0,
  bytes_max = tonumber(ARGV[9]), lanes = {}, is_given = {}, taken_over = {}, is_pausing = is_either and redis.call('EXISTS', KEYS[7]) == 1 }
local function is_full() return taking.given >= max or taking.bytes >= taking.bytes_max or taking.is_cut end
local function take_some(line, class, some) return not is_paused(taking, 'c' .. class) and lease_some(taking, line, class, some) end

if max > 0 and ARGV[10] ~= '' and not is_paused(taking, '*') then
  if ARGV[8] == '1' and (is_rare or is_due) then
    each_class('suspect', ARGV[10], ARGV[11], 1, function(class) return take_some('suspect', class, 1) end)
  end
  -- One lane of each class in turn, beginning with another one in every call. Once more if a lane went over to another class.
  repeat
    local classes = {}
    taking.is_moved = false
    each_class('ready', ARGV[10], ARGV[11], max, function(class, is_only)
      if not is_full() and take_some('ready', class, is_only and max - taking.given or 1) then classes[#classes + 1] = class end
      return is_full()
    end)
    while #classes > 0 and not is_full() do
      local more, some = {}, #classes == 1 and max - taking.given or 1
      for _, class in ipairs(classes) do
        if not is_full() and lease_some(taking, 'ready', class, some) then more[#more + 1] = class end
      end
      classes = more
    end
  until is_full() or not taking.is_moved
end

if taking.token then
  answer[3] = taking.token
  keep_leases(taking, lease_us)
end
if taking.is_cut or taking.is_put_off or taking.given < max and is_full() then answer[6] = '1' end
if taking.given < max then
  -- What was seen before is still so, unless something was moved or put off.
  if is_due or is_alarmed or taking.is_put_off then
    answer[2] = next_due()
  else
    answer[2] = nearest(taking.token and math.min(lease or math.huge, now + lease_us) or lease, delay, hold)
  end
  -- A worker that is woken now finds nothing. With one message the token has mostly gone that woke this worker.
  if taking.given ~= 1 and redis.call('EXISTS', key('classes:ready'), key('classes:suspect')) == 0 then share('DEL', 'wake') end
end
if is_either or is_alarmed then answer[5] = share('LPOP', 'alarm', 64) or {} end
return answer
