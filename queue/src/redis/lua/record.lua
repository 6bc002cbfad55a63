#!lua flags=allow-oom
-- Records how far the answers to leased messages have got.
--
-- KEYS[i]  run  hash  record of item i's lane
--
-- ARGV, for each item: token, "1" if replies are given or "0", replies, sent, sending or ""
--
-- Returns: for each item 1 recorded, 0 the lease is lost.

local results = {}
for i = 1, #KEYS do
  local a = 5 * (i - 1)
  local run = KEYS[i]
  if redis.call('HGET', run, 'token') == ARGV[a + 1] then
    if ARGV[a + 2] == '1' then
      redis.call('HSET', run, 'replies', ARGV[a + 3], 'sent', ARGV[a + 4], 'sending', ARGV[a + 5])
    else
      redis.call('HSET', run, 'sent', ARGV[a + 4], 'sending', ARGV[a + 5])
    end
    results[i] = 1
  else
    results[i] = 0
  end
end
return results
