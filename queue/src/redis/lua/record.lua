#!lua flags=allow-oom
-- Records how far the answers to leased messages have got.
--
-- KEYS[i]  run  hash  record of item i's lane
--
-- ARGV, for each item: proof, the caller's number of this call, "1" if replies are given or "0", replies, sent, sending or ""
--
-- Returns: for each item 1 recorded, or overtaken by a later call; 0 the lease is lost.

local results = {}
for i = 1, #KEYS do
  local a = 6 * (i - 1)
  local run = KEYS[i]
  local held = redis.call('HMGET', run, 'token', 'recorded')
  if held[1] == ARGV[a + 1] then
    -- A call that comes late, over a connection that was given up, must not undo what a later one recorded.
    if tonumber(held[2]) < tonumber(ARGV[a + 2]) then
      redis.call('HSET', run, 'recorded', ARGV[a + 2], 'sent', ARGV[a + 5], 'sending', ARGV[a + 6])
      if ARGV[a + 3] == '1' then redis.call('HSET', run, 'replies', ARGV[a + 4]) end
    end
    results[i] = 1
  else
    results[i] = 0
  end
end
return results
