--- cli.output: the one way to standard output and to standard error of a command. What a command
--- prints is gathered, and
-- written to its last byte or reported as lost: a full disk, a closed descriptor, a pipe that is
-- nonblocking.
-- Nothing that could drive a terminal gets through but colours: see lib/text.lua.

local core = require "watchbot.core".terminal
local json = require "watchbot.lib.json"
local scheduler = require "watchbot.scheduler"
local text = require "watchbot.lib.text"

local STDOUT = 1

-- Bytes that are gathered before they are written.
local GATHERED = 64 * 1024

local output = {}

local parts, size = {}, 0

-- The first failure: message and code. What is printed after it goes nowhere.
local failure

--- What `give_up` raises; the end of the program reports why.
output.LOST = setmetatable({}, {
  __tostring = function() return "standard output cannot be written" end })

-- The signal's own task has its turn, and may cancel this one.
local function let_signals_in()
  if scheduler.running() then scheduler.sleep(0) end
end

-- Where SIGPIPE is caught, it ends the command as a signal does, not as a failure.
local function let_pipe_in()
  if scheduler.running() then scheduler.sleep(0.05) end
end

local function write_all(bytes)
  local at = 1
  while at <= #bytes do
    local next_at, err, code = core.write(STDOUT, bytes, at)
    if code == "EPIPE" then let_pipe_in() end
    if not next_at then return nil, err, code end
    at = next_at
    if at <= #bytes then let_signals_in() end
  end
  return true
end

--- Writes what was gathered.
---@return true? ok
---@return string? err
---@return string? code "ENOSPC", "EPIPE", "EBADF"
function output.flush()
  local bytes = table.concat(parts)
  parts, size = {}, 0
  if not failure then
    -- What a policy has printed stands in Lua's own buffer.
    local ok, err = io.stdout:flush()
    if not ok then failure = { "could not write to standard output: " .. err, "WriteFailed" } end
    local written, problem, code = write_all(bytes)
    if not written then failure = { problem, code } end
  end
  if failure then return nil, failure[1], failure[2] end
  return true
end

--- Adds bytes as they are: a template, a log that was asked for with --raw.
---@param bytes string
---@return true? ok nil once something could not be written: there is no use in going on
---@return string? err
---@return string? code
function output.bytes(bytes)
  parts[#parts + 1], size = bytes, size + #bytes
  if size >= GATHERED or core.is_terminal(STDOUT) then return output.flush() end
  if failure then return nil, failure[1], failure[2] end
  return true
end

--- Adds text for people, with a newline.
---@param line string
---@return true? ok
---@return string? err
---@return string? code
function output.line(line)
  return output.bytes(text.coloured(line) .. "\n")
end

--- Adds a value as one line of JSON.
---@param value any
---@return true? ok
---@return string? err
---@return string? code
function output.json(value)
  return output.bytes(assert(json.encode(value, "replace")) .. "\n")
end

--- Adds text without a newline, and writes it: a question.
---@param words string
function output.ask(words)
  output.bytes(text.coloured(words))
  return output.flush()
end

--- Ends a command that would go on printing for nothing.
---@param ok true? what `line` and the others have returned
function output.check(ok)
  if not ok then error(output.LOST, 0) end
end

--- Writes text to standard error at once; nobody can be told where that fails.
---@param words string
function output.note(words)
  io.stderr:write(text.coloured(words))
end

local complaint

--- Says on standard error what is wrong.
---@param err string
function output.complain(err)
  complaint = err
  output.note("watchbot: " .. err .. "\n")
end

--- The end of a command: everything is written, or its status is a failure and standard error says
--- why.
---@param status integer the command's
---@return integer status
function output.finish(status)
  local ok, err = output.flush()
  if ok then return status end
  if not (complaint and complaint:find(err, 1, true)) then output.complain(err) end
  return status == 0 and 1 or status
end

return output
