-- When the store was known to serve.

-- Notes that the store serves, and gives the end of the pause after its last gap: until then no lease is taken back, and
-- leases that ran out before cost nothing. Every user of the store does so every half second. If leases differ in length,
-- half the shortest makes the gap; the pause is a heartbeat of the longest and a second. A beat just after another is not written.
local function pulse(now, lease_us)
  local GAP_LEAST_US, KNOWN_FOR_US, JUST_US, CUT_AT_MOST = 1500000, 60000000, 50000, 256
  local h = share('HMGET', 'pulse', 'beat', 'quiet', 'short', 'long', 'since', 'ahead')
  -- A field that is no number counts as missing.
  for i = 1, 6 do h[i] = tonumber(h[i] or nil) end
  local quiet, short, long = h[2] or 0, h[3] or lease_us, h[4] or lease_us
  if lease_us then short, long = math.min(short, lease_us), math.max(long, lease_us) end
  if short then
    local pause, ahead = math.floor(long / 5) + 1000000, h[6] or 0
    local gap = now - (h[1] or now)
    if gap > math.max(short / 2, GAP_LEAST_US) then quiet = now + pause end
    if gap < 0 then
      -- A clock that was set back must not make the pause longer, and no lease may run longer than a lease from now.
      quiet, ahead = math.min(quiet, now + pause), math.max(ahead, now - gap + long)
      redis.call('HSET', key('pulse'), 'ahead', us(ahead))
    end
    -- Until the clock is where it was: living workers renew and aren't cut, dead ones have deadlines from before.
    if now < ahead then
      local late = share('ZRANGEBYSCORE', 'lease', '(' .. us(now + long), '+inf', 'LIMIT', 0, CUT_AT_MOST)
      for _, lane in ipairs(late) do redis.call('ZADD', key('lease'), us(now + long), lane) end
    end
    local since = h[5] or 0
    -- A length that nobody has asked for lately is forgotten.
    local is_old = lease_us and math.abs(now - since) > KNOWN_FOR_US
    if not is_old and h[1] and gap >= 0 and gap < JUST_US and h[3] == short and h[4] == long then return quiet end
    if is_old then short, long, since = lease_us, lease_us, now end
    -- One write for all of it: each further one costs Redis as much again for its append-only file.
    redis.call('HSET', key('pulse'), 'beat', us(now), 'quiet', us(quiet), 'short', us(short), 'long', us(long), 'since', us(since))
  else
    redis.call('HSET', key('pulse'), 'beat', us(now), 'quiet', us(quiet))
  end
  return quiet
end
