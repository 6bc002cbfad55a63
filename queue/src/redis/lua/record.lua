#!lua flags=allow-oom
-- Records how far the answers to leased messages have got, and counts the sends of their lanes. If an answer lies
-- there that its handler has not had, a message comes again with it instead of getting replies.
--
-- Uses: base, record, lane.
--
-- KEYS[1]  base  (none)  prefix of this shard's keys, from which are named: lane, lease, older, ready, suspect and wake
-- KEYS[1 + 2*i - 1]  run     hash    record of item i's lane
-- KEYS[1 + 2*i]      memory  string  the lane's memory: until when, us, a colon, the bytes. Expires
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
-- then for each item: lane, proof, the caller's number of this call, "1" if replies are given or "0", replies, sent,
-- sending or "", how long the memory is kept in ms or "" if it stays, memory
--
-- Returns: for each item { trigger, note or "", sends, followed or "" } as they are afterwards: recorded, or overtaken by a later call; 3 it comes
-- again with its answer, 0 the lease is lost.

local results, woken = {}, 0
for i = 1, (#KEYS - 1) / 2 do
  local a = 2 + 9 * (i - 1)
  local run, memory = KEYS[2 * i], KEYS[2 * i + 1]
  local held = redis.call('HMGET', run, 'token', 'recorded', 'replies', 'sent', 'sending', 'sends',
    'trigger', 'note', 'unheard', 'followed')
  -- A call that comes late, over a connection that was given up, must not undo what a later one recorded.
  local is_newest = held[1] == ARGV[a + 1] and tonumber(held[2]) < tonumber(ARGV[a + 2])
  if is_newest and held[9] and ARGV[a + 3] == '1' then
    woken = woken + come_again(ARGV[a])
    results[i] = 3
  elseif held[1] == ARGV[a + 1] then
    local sends = tonumber(held[6] or 0)
    if is_newest then
      local before, sending = held[5] or '', ARGV[a + 6]
      if sending ~= '' and sending ~= before then
        sends = sends + 1
      elseif sending == '' and before ~= '' and tonumber(held[4] or 0) == tonumber(ARGV[a + 5]) then
        -- The send was taken back. A waking message that came meanwhile has it forgotten already.
        sends = math.max(sends - 1, 0)
      end
      -- One write for all of it: each costs Redis as much again for its file.
      if ARGV[a + 3] ~= '1' then
        redis.call('HSET', run, 'recorded', ARGV[a + 2], 'sent', ARGV[a + 5], 'sending', sending, 'sends', sends)
      else
        redis.call('HSET', run, 'recorded', ARGV[a + 2], 'sent', ARGV[a + 5], 'sending', sending, 'sends', sends,
          'replies', ARGV[a + 4])
        if ARGV[a + 7] ~= '' and not held[3] then
          if ARGV[a + 8] == '' then
            redis.call('DEL', memory)
          else
            local ends = us(now_us() + tonumber(ARGV[a + 7]) * 1000)
            redis.call('SET', memory, ends .. ':' .. ARGV[a + 8], 'PX', ARGV[a + 7])
          end
        end
      end
    end
    results[i] = { held[7] or '0', held[8] or '', sends, held[10] or '' }
  else
    results[i] = 0
  end
end
wake(woken)
return results
