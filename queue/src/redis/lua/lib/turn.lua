-- The classes that have ready lanes, in their order, and which of them a worker takes.

-- Remembers the classes that this name stands for, the arguments from `first` on, and looks which of them have ready lanes,
-- since the list of those could be lost.
-- Defined when first called.
local function keep_filter(filter, first)
  local FILTER_MS = 600000
  for i = first, #ARGV, 256 do share('SADD', 'filter:' .. filter, unpack(ARGV, i, math.min(i + 255, #ARGV))) end
  redis.call('PEXPIRE', key('filter:' .. filter), FILTER_MS)
  for i = first, #ARGV do
    local class = ARGV[i]
    for _, line in ipairs(redis.call('EXISTS', key('ready:' .. class), key('suspect:' .. class)) > 0 and { 'ready', 'suspect' } or {}) do
      if share('LLEN', line .. ':' .. class) > 0 then share('ZADD', 'classes:' .. line, 0, class) end
    end
  end
end

-- Whether one name is before another in a list. By bytes, as Redis orders them: the `<` of Lua goes by the locale of the machine.
local function is_before(one, other)
  for i = 1, math.min(#one, #other) do
    local a, b = one:byte(i), other:byte(i)
    if a ~= b then return a < b end
  end
  return #one < #other
end

-- Gives `use` each of the worker's classes that has a line of this kind, from `first` on, until `use` returns true, and whether
-- it is the only one. About `enough` classes are read first, more only if these don't suffice.
local function each_class(line, filter, first, enough, use)
  local PAGE_MAX = 64
  local size = math.min(enough + 3, PAGE_MAX)
  local function its(page) return share('SMISMEMBER', 'filter:' .. filter, unpack(page)) end
  local all = share('ZRANGE', 'classes:' .. line, '-', '+', 'BYLEX', 'LIMIT', 0, size)
  if #all == 0 then return end
  if #all < size then
    local is_its, start = its(all), 0
    while all[start + 1] and is_before(all[start + 1], first) do start = start + 1 end
    for n = start, start + #all - 1 do
      local i = n % #all + 1
      if is_its[i] == 1 and use(all[i], #all == 1) then return end
    end
    return
  end
  for _, range in ipairs({ { '[' .. first, '+' }, { '-', '(' .. first } }) do
    local from = range[1]
    repeat
      local page = redis.call('ZRANGE', key('classes:' .. line), from, range[2], 'BYLEX', 'LIMIT', 0, size)
      local is_its = #page > 0 and its(page) or {}
      for i, class in ipairs(page) do
        if is_its[i] == 1 and use(class) then return end
        from = '(' .. class
      end
      local is_last = #page < size
      size = math.min(size * 4, PAGE_MAX)
    until is_last
  end
end

-- A line has turned out to be empty.
local function forget_line(line, class) redis.call('ZREM', key('classes:' .. line), class) end
