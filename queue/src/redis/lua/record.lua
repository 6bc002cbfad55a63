#!lua flags=allow-oom
-- Records how far the answers to leased messages have got, and counts the sends of their lanes. If there is an answer by call
-- back that its handler hasn't had, a message comes again with that answer instead of getting replies.
--
-- Uses: base, damage, record, mend, lane.
--
-- KEYS[1]  base   (none)  prefix of this shard's keys, from which are named: alarm, classes, damaged,
--                         delay, held, lane, memory, older, ready, run, suspect and wake
-- KEYS[2]  lease  zset    leased lane -> when its lease runs out, us
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- then for each item: lane, proof, the caller's number of this call, "1" if replies are given or "0", replies, sent,
-- sending or "", how long the memory is kept in ms or "" if it stays, memory
--
-- Returns: for each item { trigger, what the lane may send, followed or "" } as they are afterwards: recorded, or overtaken by a later call; 3 it comes
-- again with its answer, 0 the lease is lost, or nothing can be read of it.

local results, woken = {}, 0
local function record(a)
  local run = key('run:' .. ARGV[a])
  local held = redis.call('HMGET', run, 'token', 'recorded', 'replies', 'sent', 'sending', 'sends',
    'trigger', 'unheard', 'followed', 'forgets')
  if held[1] ~= ARGV[a + 1] then return 0 end
  local recorded, sends, right = tonumber(held[2]), (held[6] or '0'):match('^(%d+)(.*)$')
  if not recorded or not sends then error('its record is damaged', 0) end
  -- A call that comes late, over a connection that was given up, must not undo what a later one recorded.
  if recorded < tonumber(ARGV[a + 2]) then
    if held[8] and ARGV[a + 3] == '1' then
      woken = woken + come_again(ARGV[a])
      return 3
    end
    local before, sending = held[5] or '', ARGV[a + 6]
    if sending ~= '' and sending ~= before then
      sends = sends + 1
    elseif sending == '' and before ~= '' and tonumber(held[4] or 0) == tonumber(ARGV[a + 5]) then
      -- The send was taken back.
      sends = math.max(sends - 1, 0)
    end
    -- One write for all of it: each further one costs Redis as much again for its append-only file.
    if ARGV[a + 3] ~= '1' then
      redis.call('HSET', run, 'recorded', ARGV[a + 2], 'sent', ARGV[a + 5], 'sending', sending, 'sends', sends .. right)
    else
      redis.call('HSET', run, 'recorded', ARGV[a + 2], 'sent', ARGV[a + 5], 'sending', sending, 'sends', sends .. right,
        'replies', ARGV[a + 4])
      if ARGV[a + 7] ~= '' and not held[3] and not held[10] then
        if ARGV[a + 8] == '' then
          redis.call('DEL', key('memory:' .. ARGV[a]))
        else
          local ends = us(now_us() + tonumber(ARGV[a + 7]) * 1000)
          redis.call('SET', key('memory:' .. ARGV[a]), ends .. ':' .. ARGV[a + 8], 'PX', ARGV[a + 7])
        end
      end
    end
  end
  return { held[7] or '0', sends .. right, held[9] or '' }
end

for i = 1, (#ARGV - 1) / 9 do
  local is_read, result = try(record, 9 * i - 7)
  results[i] = is_read and result or 0
end
wake(woken)
return results
