--- lines: the lines of a file descriptor, returned as they arrive.

local core = require "watchbot.core".input

-- Bytes of a line without its end: a device may have none.
local LONGEST = 16 << 20

---@class watchbot.InputLines
local Lines = {}
Lines.__index = Lines

local input_lines = {}

---@param fd integer remains owned by the caller
---@return watchbot.InputLines
function input_lines.open(fd)
  return input_lines.of(core.open(fd))
end

---@param input { read: fun(self: any): string?, string?, string? } nil at the end
---@return watchbot.InputLines
function input_lines.of(input)
  return setmetatable({ input = input, partial = {}, size = 0 }, Lines)
end

-- An incomplete line is kept in pieces, which are joined once, however long the line gets.
function Lines:split(bytes, lines)
  local start = 1
  while true do
    local newline = bytes:find("\n", start, true)
    if not newline then break end
    self.partial[#self.partial + 1] = bytes:sub(start, newline - 1)
    lines[#lines + 1] = table.concat(self.partial)
    self.partial, self.size, start = {}, 0, newline + 1
  end
  if start > #bytes then return end
  self.partial[#self.partial + 1] = bytes:sub(start)
  self.size = self.size + #bytes - start + 1
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
    if self.size <= LONGEST then return lines end
    return nil, ("a line has more than %d MiB"):format(LONGEST >> 20), "TooLong"
  end
  if #self.partial == 0 then return nil end
  lines[1] = table.concat(self.partial)
  self.partial = {}
  return lines
end

return input_lines
