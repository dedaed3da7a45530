--- lines: the lines of a file descriptor, returned as they arrive.

local core = require "watchbot.core".input

---@class watchbot.InputLines
local Lines = {}
Lines.__index = Lines

local input_lines = {}

---@param fd integer remains owned by the caller
---@return watchbot.InputLines
function input_lines.open(fd)
  return setmetatable({ input = core.open(fd), partial = {} }, Lines)
end

-- An incomplete line is kept in pieces, which are joined once, however long the line gets.
function Lines:split(bytes, lines)
  local start = 1
  while true do
    local newline = bytes:find("\n", start, true)
    if not newline then break end
    self.partial[#self.partial + 1] = bytes:sub(start, newline - 1)
    lines[#lines + 1] = table.concat(self.partial)
    self.partial, start = {}, newline + 1
  end
  if start <= #bytes then self.partial[#self.partial + 1] = bytes:sub(start) end
end

--- Waits for input and returns the lines that it completes, maybe none; a last line without a
--- newline counts as one.
---@return string[]? lines nil at the end
---@return string? err nil at the end of the input
---@return string? code
function Lines:read()
  local bytes, err, code = self.input:read()
  if err then return nil, err, code end
  local lines = {}
  if bytes then
    self:split(bytes, lines)
    return lines
  end
  if #self.partial == 0 then return nil end
  lines[1] = table.concat(self.partial)
  self.partial = {}
  return lines
end

return input_lines
