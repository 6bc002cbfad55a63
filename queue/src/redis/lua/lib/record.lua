-- What lies in the store, by name. Every record begins with the byte of its format; where in it what lies is known here alone.

local FORMAT = 5

-- A packed message: see packed.rs. Class and id keep their places in every later format.
local function is_known(packed) return packed:byte(1) == FORMAT end

local function class_of(packed) return packed:sub(3, 2 + packed:byte(2)) end

local function id_of(packed)
  local at = 3 + packed:byte(2)
  return packed:sub(at + 1, at + packed:byte(at))
end

-- Of a format this version doesn't know only class and id have known places: it counts as the oldest.
local function arrived_of(packed)
  if not is_known(packed) then return 0 end
  local at = 3 + packed:byte(2)
  return struct.unpack('>I8', packed, at + packed:byte(at) + 1)
end

local function write_record(values) return string.char(FORMAT) .. cmsgpack.pack(values) end

local function read_record(bytes)
  if bytes:byte(1) ~= FORMAT then error('a record of an unknown format') end
  local _, values = cmsgpack.unpack_one(bytes, 1)
  return values
end

-- The fields of a run hash that outlive a hold, and their places in a record behind the message.
local KEPT = { 'failures', 'snoozes', 'error', 'replies', 'sent', 'sending', 'answer' }

-- A record of a lane's second list: a message that came late, or one that was held, with what is known of it and the note of what
-- woke it.
local function write_late(packed) return write_record({ packed }) end
local function write_woken(held, note)
  return write_record({ held.packed, held.failures, held.snoozes, held.error, held.replies, held.sent, held.sending,
    held.answer, note })
end
local function older_packed(bytes) return read_record(bytes)[1] end

-- Its fields for the run hash, each with its value, in one list.
local function older_fields(bytes)
  local values, fields = read_record(bytes), {}
  for i, field in ipairs(KEPT) do
    if values[i + 1] then
      fields[#fields + 1] = field
      fields[#fields + 1] = values[i + 1]
    end
  end
  if values[9] then
    fields[#fields + 1] = 'note'
    fields[#fields + 1] = values[9]
  end
  return fields
end

-- A held message: the order in which it was held, by which it is known (an id may come twice, after the dedup window), until when,
-- what it dies of then, and what is known of it: the values of KEPT, in their order.
local function write_held(order, until_us, reason, packed, kept)
  local values = { order, until_us, reason, packed }
  for i = 1, #KEPT do values[4 + i] = kept[i] or false end
  return write_record(values)
end
local function read_held(bytes)
  local v = read_record(bytes)
  return { order = string.format('%.0f', v[1]), number = v[1], reason = v[3], packed = v[4], failures = v[5], snoozes = v[6],
    error = v[7], replies = v[8], sent = v[9], sending = v[10], answer = v[11] }
end

-- A worker's last take.
local function write_batch(call, token, lanes)
  local values = { call, token }
  for i, lane in ipairs(lanes) do values[2 + i] = lane end
  return write_record(values)
end
local function read_batch(bytes)
  local v, lanes = read_record(bytes), {}
  for i = 3, #v do lanes[i - 2] = v[i] end
  return { call = v[1], token = v[2], lanes = lanes }
end
