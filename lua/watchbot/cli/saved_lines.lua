--- cli.saved_lines: a file of saved messages, read in batches. An invalid line is reported, and the
-- others are read.

local decode_saved = require("watchbot.message.saved").decode
local lines = require "watchbot.lib.lines"
local opened = require "watchbot.lib.opened"

-- Messages in a batch, and the bytes of lines that may wait for one.
local BITE, BYTES = 100, 4 << 20

local saved_lines = {}

-- Bytes of a file that are read at once.
local BLOCK = 64 * 1024

local function lines_of(path)
  if path == "-" then return lines.open(0) end
  local file, err = opened(path)
  if not file then return nil, err, "ENOENT" end
  return lines.of { read = function()
    local bytes, problem = file:read(BLOCK)
    if not bytes then file:close() end
    return bytes, problem and problem:lower()
  end }
end

-- => a function that returns the next line, nil at the end
local function reader(path)
  local input, failure, code = lines_of(path)
  if not input then return nil, failure, code end
  local waiting, at = {}, 0
  return function()
    while at == #waiting do
      local read, err, why = input:read()
      if not read then return nil, err, why end
      waiting, at = read, 0
    end
    at = at + 1
    return waiting[at]
  end
end

local function is_full(bite)
  return #bite.messages >= BITE or bite.bytes >= BYTES
end

local function add(bite, line, path)
  if not line:find "%S" then return end
  local saved, problem = decode_saved(line)
  bite.bytes = bite.bytes + #line
  if saved then
    local index = #bite.messages + 1
    bite.messages[index], bite.lines[index] = saved, bite.last_line
  else
    table.insert(bite.problems, ("line %d of '%s' is not a saved message: %s"):format(
      bite.last_line, path, problem))
  end
end

-- => bite | nil err code
local function read_bite(read, path, number)
  local bite = { messages = {}, lines = {}, problems = {}, bytes = 0, last_line = number }
  while not (is_full(bite) or bite.is_last) do
    local line, err = read()
    if err then return nil, ("'%s': %s"):format(path, err), "ReadFailed" end
    bite.is_last = not line
    bite.last_line = bite.last_line + 1
    if line then add(bite, line, path) end
  end
  return bite
end

--- Passes the messages of a file on. Waits in a task.
---@param path string "-": standard input
---@param visit fun(messages: table[], lines: integer[], problems: string[]): true?,
--- string?, string? also gets the errors of other lines; returns nil to stop
---@return true? ok
---@return string? err
---@return string? code
function saved_lines.each(path, visit)
  local read, err, code = reader(path)
  if not read then return nil, err, code end
  local bite = { last_line = 0 }
  repeat
    bite, err, code = read_bite(read, path, bite.last_line)
    if not bite then return nil, err, code end
    local ok = true
    if #bite.messages + #bite.problems > 0 then
      ok, err, code = visit(bite.messages, bite.lines, bite.problems)
    end
    if not ok then return nil, err, code end
  until bite.is_last
  return true
end

return saved_lines
