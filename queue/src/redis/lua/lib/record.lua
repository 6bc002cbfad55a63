-- What lies in the store, by name. Every record begins with the byte of its format. Only this file knows where in a record
-- something lies.

local FORMAT = 7

-- A packed message: see packed.rs. Class and id keep their places in every later format.
local function is_known(packed) return packed:byte(1) == FORMAT end

local function class_of(packed) return packed:sub(3, 2 + packed:byte(2)) end

local function id_of(packed)
  local at = 3 + packed:byte(2)
  return packed:sub(at + 1, at + packed:byte(at))
end

-- Both at once, of a message in this format.
local function names_of(packed)
  local class, id = struct.unpack('xBc0Bc0', packed)
  return class, id
end

-- What a newer version wrote is left where it is, for a worker that can read it.
local NEWER, FORMATS_MAX = 'it has a newer format than this version knows', 31

-- An error unless class and id of a message can be read, and all of it if it has this format.
local function check_packed(packed)
  local format, class_bytes = packed:byte(1, 2)
  local id_bytes = class_bytes and packed:byte(3 + class_bytes)
  local bytes = id_bytes and 3 + class_bytes + id_bytes + (format == FORMAT and 8 or 0)
  if not bytes or #packed < bytes or class_bytes == 0 or id_bytes == 0 or format < FORMAT or format > FORMATS_MAX then
    error('it is not a message', 0)
  end
  return packed
end

-- In a format that this version doesn't know, only class and id have known places: such a message counts as the oldest.
local function arrived_of(packed)
  if not is_known(packed) then return 0 end
  local at = 3 + packed:byte(2)
  return struct.unpack('>I8', packed, at + packed:byte(at) + 1)
end

local function write_record(values) return string.char(FORMAT) .. cmsgpack.pack(values) end

local function read_record(bytes)
  local format = bytes:byte(1)
  if format ~= FORMAT then
    error(format and format > FORMAT and format <= FORMATS_MAX and NEWER or 'it is not a record', 0)
  end
  local _, values = cmsgpack.unpack_one(bytes, 1)
  for _, value in pairs(values) do
    if type(value) == 'table' then error('it is not a record', 0) end
  end
  return values
end

-- The fields of a run hash that outlive a hold, and their places in a record behind the message.
local KEPT = { 'failures', 'snoozes', 'error', 'replies', 'sent', 'sending', 'answer' }

-- What a lane has sent and may send: "sends allowed until closed". Announced sends; if it is known, how many there may be in
-- all, until when (s), and what has closed that since. Rights don't add up: the larger number that is left counts, and the
-- later end.
local STANDING = '^%d+ ?%d* ?%d* ?%a*$'
local function sends_of(standing)
  local sends, allowed, ends = (standing or '0'):match('^(%d+) ?(%d*) ?(%d*)')
  if not sends then error('its sends are damaged', 0) end
  return sends, allowed, ends
end
local function widened(standing, more, until_s)
  local sends, allowed, ends = sends_of(standing)
  allowed = math.max(tonumber(allowed) or 0, sends + more)
  return sends .. ' ' .. us(allowed) .. ' ' .. us(math.max(tonumber(ends) or 0, tonumber(until_s)))
end
local function closed(standing, by) return (sends_of(standing)) .. ' 0 0 ' .. by end
local function is_ended(standing) return standing and standing:find(' ended', 1, true) end

-- A record of a lane's second list: a message that came late, or one that was held, with what is known of it.
local function write_late(packed) return write_record({ packed }) end
local function write_woken(held)
  return write_record({ held.packed, held.failures, held.snoozes, held.error, held.replies, held.sent, held.sending,
    held.answer, true })
end
-- Defined when first called.
local function older_packed(bytes) return check_packed(read_record(bytes)[1]) end

-- The fields of a run hash that a take gives or decides by, those that are numbers first.
local function run_fields()
  return { 'recorded', 'failures', 'losses', 'snoozes', 'sent', 'sending', 'trigger', 'followed', 'unanswered', 'failing_since',
    'unheard', 'gives_way', 'sends', 'packed', 'error', 'replies', 'answer', 'token' }
end
local RUN_NUMBERS = 12

-- Their values by name, which are those of a run hash; an error if one can't be read.
-- Defined when first called.
local function read_run(values)
  local run = {}
  for i, field in ipairs(run_fields()) do
    local value = values[i]
    if value and value ~= '' and i <= RUN_NUMBERS and not value:find('^%d+$') then error('its ' .. field .. ' is not a number', 0) end
    run[field] = value
  end
  if run.sends and not run.sends:find(STANDING) then error('its sends are damaged', 0) end
  if run.packed then check_packed(run.packed) end
  return run
end

-- Its fields for the run hash, each with its value, in one list.
-- Defined when first called.
local function older_fields(bytes)
  local values, fields = read_record(bytes), {}
  for i, field in ipairs(KEPT) do
    if values[i + 1] then
      if type(values[i + 1]) ~= 'string' then error('it is not a record', 0) end
      fields[#fields + 1] = field
      fields[#fields + 1] = values[i + 1]
    end
  end
  -- The message that woke it gets an answer of its own.
  if values[9] then
    fields[#fields + 1] = 'trigger'
    fields[#fields + 1] = 1
  end
  return fields
end

-- A held message: the order in which it was held, by which it is known (an id may come twice, after the dedup window), until when,
-- what it dies of then, what is known of it (KEPT), whether a send was refused, its answer if that may go out in responses, and its
-- last holder's note.
local function write_held(held, response)
  local values = { held.number, held.until_us, held.reason, held.packed }
  for i, field in ipairs(KEPT) do values[4 + i] = held[field] or false end
  values[5 + #KEPT], values[6 + #KEPT], values[7 + #KEPT] = held.refused, response or false, held.note
  return write_record(values)
end
local function read_held(bytes)
  local v = read_record(bytes)
  check_packed(v[4])
  local held = { order = string.format('%.0f', v[1]), number = v[1], until_us = v[2], reason = v[3], packed = v[4],
    refused = v[5 + #KEPT], response = v[6 + #KEPT], note = v[7 + #KEPT] }
  for i, field in ipairs(KEPT) do held[field] = v[4 + i] end
  return held
end

-- An answer that may go out in responses: the id of its message, how many parts it has in all, what its message dies of with the
-- last one, whether a held part goes out again, until when it is offered (0: it is held), who has claimed its next part (a push
-- and its try) and until when, and the parts that are left.
-- Defined when first called.
local function write_response(r)
  local values = { r.id, r.total, r.dies_of or false, r.resend, r.offered_us, r.push or false, r.number or 0, r.claimed_us or 0 }
  for i, part in ipairs(r.parts) do values[8 + i] = part end
  return write_record(values)
end
-- Defined when first called.
local function read_response(bytes)
  local v = read_record(bytes)
  local r = { id = v[1], total = v[2], dies_of = v[3], resend = v[4], offered_us = v[5], push = v[6], number = v[7],
    claimed_us = v[8], parts = {} }
  local kinds = { 'string', 'number', 'string', 'boolean', 'number', 'string', 'number', 'number' }
  for i = 1, math.max(#v, #kinds) do
    local kind = kinds[i] or 'string'
    if type(v[i]) ~= kind and (kinds[i] ~= 'string' or v[i] ~= false) then error('it is not an answer', 0) end
    if i > #kinds then r.parts[i - #kinds] = v[i] end
  end
  return r
end

-- The newest push of a lane that is kept open: until when, and by which receiver.
local function write_newest(until_us, push, receiver) return write_record({ until_us, push, receiver }) end
-- Defined when first called.
local function read_newest(bytes)
  local v = read_record(bytes)
  if type(v[1]) ~= 'number' or type(v[2]) ~= 'string' or type(v[3]) ~= 'string' then error('it is not a push', 0) end
  return { until_us = v[1], push = v[2], receiver = v[3] }
end

-- A worker's last take.
local function write_batch(call, token, lanes)
  local values = { call, token }
  for i, lane in ipairs(lanes) do values[2 + i] = lane end
  return write_record(values)
end
-- Defined when first called.
local function read_batch(bytes)
  local v, lanes = read_record(bytes), {}
  for i = 3, #v do lanes[i - 2] = v[i] end
  return { call = v[1], token = v[2], lanes = lanes }
end
