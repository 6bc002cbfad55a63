-- What a command reads. What can't be read counts as `instead`.
local function read(instead, ...)
  local is_read, value = try(redis.call, ...)
  return is_read and value or instead
end
