--- measure: what a process has: open descriptors and resident memory, from /proc, and whether
-- either grows over a run.

local measure = {}

---@class watchbot.soak.Size
---@field descriptors integer
---@field resident integer KiB

--- What a process has now; nil where it has ended.
---@param pid integer
---@return watchbot.soak.Size?
function measure.of(pid)
  local pipe <close> = io.popen(("ls /proc/%d/fd 2>/dev/null | wc -l; "
    .. "sed -n 's/^VmRSS:[^0-9]*//p' /proc/%d/status 2>/dev/null"):format(pid, pid))
  local descriptors, resident = pipe:read("n", "n")
  return resident and { descriptors = descriptors, resident = resident } or nil
end

-- The median of a field over the samples between two shares of them.
local function median(samples, field, from, to)
  local values = {}
  for index = #samples * from // 1 + 1, math.max(#samples * to // 1, 1) do
    values[#values + 1] = samples[index][field]
  end
  table.sort(values)
  return values[#values // 2 + 1] or 0
end

--- Whether neither grows: the last fifth compared with the second and third.
---@param samples watchbot.soak.Size[] in order of time
---@return boolean flat
---@return string line the figures
function measure.flat(samples)
  local figures, flat = {}, true
  for _, field in ipairs { "descriptors", "resident" } do
    local early, late = median(samples, field, 0.2, 0.6), median(samples, field, 0.8, 1)
    local room = field == "descriptors" and 20 or early * 0.25 + 2048
    flat = flat and late <= early + room
    figures[#figures + 1] = ("%s %d, then %d%s"):format(field, early, late,
      field == "resident" and " KiB" or "")
  end
  return flat, table.concat(figures, "; ")
end

return measure
