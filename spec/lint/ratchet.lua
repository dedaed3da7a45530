--- ratchet: how many findings of a rule each file may still have. The counts are in
-- spec/lint/allowed.lua and only go down: `lua5.4 spec/lint/run.lua --lower` writes the lower ones,
-- and never a higher one.

local ratchet = {}

--- The findings of files that have more than they may.
---@param allowed table<string, integer> by file
---@param findings { file: string }[]
---@return { file: string }[] over
function ratchet.over(allowed, findings)
  local counts, over = {}, {}
  for _, one in ipairs(findings) do counts[one.file] = (counts[one.file] or 0) + 1 end
  for _, one in ipairs(findings) do
    if counts[one.file] > (allowed[one.file] or 0) then over[#over + 1] = one end
  end
  return over
end

--- What may be allowed from now on: the lower of what is and what was.
---@param allowed table<string, integer>
---@param findings { file: string }[]
---@return table<string, integer>
function ratchet.lowered(allowed, findings)
  local counts, lowered = {}, {}
  for _, one in ipairs(findings) do counts[one.file] = (counts[one.file] or 0) + 1 end
  for file, count in pairs(counts) do
    local least = math.min(count, allowed[file] or 0)
    lowered[file] = least > 0 and least or nil
  end
  return lowered
end

--- The text of spec/lint/allowed.lua.
---@param rules table<string, table<string, integer>> counts by rule and file
---@return string
function ratchet.text(rules)
  local names, lines = {}, {
    "--- allowed: how many findings of each rule a file may still have. Numbers only go down",
    "-- (spec/lint/ratchet.lua).",
    "", "return {",
  }
  for name in pairs(rules) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local files = {}
    for file in pairs(rules[name]) do files[#files + 1] = file end
    table.sort(files)
    lines[#lines + 1] = ("  %s = {"):format(name)
    for _, file in ipairs(files) do
      lines[#lines + 1] = ("    [%q] = %d,"):format(file, rules[name][file]) end
    lines[#lines + 1] = "  },"
  end
  lines[#lines + 1] = "}"
  return table.concat(lines, "\n") .. "\n"
end

return ratchet
