-- When the store was known to serve.

-- Notes that the store serves, and gives the end of the pause after its last gap: until then no lease is taken back, and
-- what ran out before costs nothing. Whoever uses the store does so every half second. The gap that matters is half the
-- shortest of the leases known, the pause a heartbeat of the longest and a second.
local GAP_LEAST_US, KNOWN_FOR_US, CUT_AT_MOST = 1500000, 60000000, 256
local function pulse(now, lease_us)
  local h = redis.call('HMGET', key('pulse'), 'beat', 'quiet', 'short', 'long', 'since', 'ahead')
  local quiet, short, long = tonumber(h[2] or 0), tonumber(h[3] or lease_us), tonumber(h[4] or lease_us)
  if lease_us then short, long = math.min(short, lease_us), math.max(long, lease_us) end
  if short then
    local pause, ahead = math.floor(long / 5) + 1000000, tonumber(h[6] or 0)
    local gap = now - tonumber(h[1] or now)
    if gap > math.max(short / 2, GAP_LEAST_US) then quiet = now + pause end
    if gap < 0 then
      -- A clock that was set back must not make it longer, and what is leased may run no longer than a lease from now.
      quiet, ahead = math.min(quiet, now + pause), math.max(ahead, now - gap + long)
      redis.call('HSET', key('pulse'), 'ahead', us(ahead))
    end
    -- Until the clock is where it was: the living renew and are not cut, the dead have deadlines from before.
    if now < ahead then
      local late = redis.call('ZRANGEBYSCORE', key('lease'), '(' .. us(now + long), '+inf', 'LIMIT', 0, CUT_AT_MOST)
      for _, lane in ipairs(late) do redis.call('ZADD', key('lease'), us(now + long), lane) end
    end
    local since = tonumber(h[5] or 0)
    -- A length that nobody has asked for lately is forgotten.
    if lease_us and math.abs(now - since) > KNOWN_FOR_US then short, long, since = lease_us, lease_us, now end
    redis.call('HSET', key('pulse'), 'short', us(short), 'long', us(long), 'since', us(since))
  end
  redis.call('HSET', key('pulse'), 'beat', us(now), 'quiet', us(quiet))
  return quiet
end
