--- cli.output: a command's standard output and standard error. Output is buffered, and either
-- written completely or reported as lost: a full disk, a closed descriptor, a nonblocking pipe.
-- Control characters are escaped, except colors: see lib/text.lua.

local core = require "watchbot.core".terminal
local json = require "watchbot.lib.json"
local scheduler = require "watchbot.scheduler"
local text = require "watchbot.lib.text"
local urls = require "watchbot.lib.urls"

local STDOUT = 1

-- As they were before a policy was loaded.
local lua_stdout, flush_file = io.stdout, io.stdout.flush

-- Bytes to buffer before a write.
local GATHERED = 64 * 1024

local output = {}

local parts, size = {}, 0

-- The first failure: err and code. Later output is dropped.
local failure

--- What `give_up` raises; the program's end reports the failure.
output.LOST = setmetatable({}, {
  __tostring = function() return "standard output cannot be written" end })

-- Lets the signal's task run: it may cancel this one.
local function let_signals_in()
  if scheduler.running() then scheduler.sleep(0) end
end

-- A caught SIGPIPE ends the command like the signal, not as a failure.
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

--- Writes the buffer.
---@return true? ok
---@return string? err
---@return string? code "ENOSPC", "EPIPE", "EBADF"
function output.flush()
  local bytes = table.concat(parts)
  parts, size = {}, 0
  if not failure then
    -- A policy's own output is in Lua's buffer.
    local ok, err = true, nil
    if io.type(lua_stdout) == "file" then ok, err = flush_file(lua_stdout) end
    if not ok then failure = { "could not write to standard output: " .. err, "WriteFailed" } end
    local written, problem, code = write_all(bytes)
    if not written then failure = { problem, code } end
  end
  if failure then return nil, failure[1], failure[2] end
  return true
end

--- Adds bytes unchanged: a template, a log with --raw.
---@param bytes string
---@return true? ok nil once a write has failed: the caller should stop
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

--- Adds a line that is fit for its reader as it is, with a newline.
---@param line string
---@return true? ok
---@return string? err
---@return string? code
function output.whole_line(line)
  return output.bytes(line .. "\n")
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

--- Ends a command whose output cannot be written.
---@param ok true? what `line` and the other functions returned
function output.check(ok)
  if not ok then error(output.LOST, 0) end
end

--- Writes text to standard error at once; a failure cannot be reported anywhere.
---@param words string
function output.note(words)
  io.stderr:write(text.coloured(words))
end

local complaint

-- Bytes of an error. What is quoted in it may be of any size.
local LONGEST = 8 * 1024

--- Reports an error on standard error: without colors, without the passwords of URLs, and without a
--- line that looks like another error of watchbot.
---@param err string
function output.complain(err)
  complaint = err
  local shown = text.plain(text.cut(urls.hide(err), LONGEST)):gsub("\n(%s*watchbot)", "\n  %1")
  io.stderr:write("watchbot: ", shown, #err > LONGEST and "..." or "", "\n")
end

--- Ends a command: all output is written, or the status is a failure and standard error has the
--- reason.
---@param status integer the command's exit status
---@return integer status
function output.finish(status)
  local ok, err = output.flush()
  if ok then return status end
  if not (complaint and complaint:find(err, 1, true)) then output.complain(err) end
  return status == 0 and 1 or status
end

return output
