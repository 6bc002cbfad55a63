#!lua flags=allow-oom
-- Tries every command that the scripts call, on a key of its own that is gone afterwards. So a command that this user may not
-- run, or that this server does not know, is found at the start and not with the first message that needs it.
--
-- KEYS[1]  base   (none)  prefix of this shard's keys
-- KEYS[2]  probe  (any)   the key to try them on
--
-- ARGV[1]  test clock, us, or "" for the time of Redis: not used here
--
-- Returns: nil, or the first command that failed and what was said.

-- The key follows the name of the command; `@` stands for the key once more.
local calls = {
  'TIME', 'DEL',
  'SET 1 PX 1000', 'GET', 'INCR', 'MGET', 'MSET 1', 'EXISTS', 'DEL',
  'HSET a 1', 'HGET a', 'HMGET a b', 'HGETALL', 'HKEYS', 'HVALS', 'HLEN', 'HEXISTS a', 'HINCRBY a 1', 'HDEL a', 'DEL',
  'RPUSH a', 'LPUSH b', 'LLEN', 'LINDEX 0', 'LRANGE 0 1', 'LPOS a', 'LMOVE @ LEFT RIGHT', 'RENAME @',
  'TYPE', 'PEXPIRE 1000', 'RPOP', 'LPOP', 'LREM 0 a', 'DEL', 'SADD a', 'SMISMEMBER a', 'UNLINK',
  'ZADD 1 a', 'ZCARD', 'ZCOUNT 0 1', 'ZRANGE 0 1', 'ZRANGEBYSCORE 0 1', 'ZREVRANK a', 'ZSCORE a', 'ZMSCORE a',
  'ZREMRANGEBYSCORE 0 0', 'ZREM a', 'DEL',
  'XADD * a b', 'XLEN', 'XRANGE - + COUNT 1', 'XREVRANGE + - COUNT 1', 'XTRIM MAXLEN ~ 1 LIMIT 10', 'XDEL 1-1', 'DEL',
}
for _, call in ipairs(calls) do
  local words = {}
  for word in call:gmatch('%S+') do words[#words + 1] = word == '@' and KEYS[2] or word end
  if words[1] ~= 'TIME' then table.insert(words, 2, KEYS[2]) end
  local answer = redis.pcall(unpack(words))
  if type(answer) == 'table' and answer.err then
    redis.pcall('DEL', KEYS[2])
    return words[1] .. ': ' .. answer.err
  end
end
return false
