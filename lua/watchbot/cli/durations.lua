--- cli.durations: how long something took or is ago, and how large it is, in a few characters.

local durations = {}

--- Seconds, in the two largest units: "4 m 12 s".
---@param seconds number
---@return string
function durations.words(seconds)
  local whole = math.floor(seconds)
  if whole < 60 then return ("%d s"):format(whole) end
  if whole < 3600 then return ("%d m %d s"):format(whole // 60, whole % 60) end
  if whole < 86400 then return ("%d h %d m"):format(whole // 3600, whole % 3600 // 60) end
  return ("%d d %d h"):format(whole // 86400, whole % 86400 // 3600)
end

--- Milliseconds; below ten seconds with a fraction: "0.25 s".
---@param milliseconds integer
---@return string
function durations.exact(milliseconds)
  if milliseconds < 1000 then return ("%d ms"):format(milliseconds) end
  if milliseconds < 10000 then return ("%.1f s"):format(milliseconds / 1000) end
  return durations.words(milliseconds / 1000)
end

--- Bytes: "12 MiB".
---@param bytes integer
---@return string
function durations.size(bytes)
  local units, unit = { "bytes", "KiB", "MiB", "GiB" }, 1
  local value = bytes
  while value >= 1024 and unit < #units do value, unit = value / 1024, unit + 1 end
  return (unit > 1 and value < 10 and "%.1f %s" or "%.0f %s"):format(value, units[unit])
end

return durations
