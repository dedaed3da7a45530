--- cli.interruptible: runs a command's work so that Ctrl-C, SIGTERM and a closed output (`| head`)
-- end it through its `<close>` variables: received messages are returned, and the terminal is
-- restored. A second signal does not wait for that.

local output = require "watchbot.cli.output"
local scheduler = require "watchbot.scheduler"

-- The exit status that a shell reports for a program ended by a signal.
local STATUS = { HUP = 129, INT = 130, PIPE = 141, TERM = 143 }

local INTERRUPTED = {}

local function follow(work, seen)
  local signals = require "watchbot.signals"
  signals:catch_pipe()
  while true do
    local name = signals:wait()
    if not seen.name then
      seen.name = name
      work:cancel(INTERRUPTED)
    elseif name ~= "PIPE" then
      os.exit(STATUS[name], true)
    end
  end
end

-- What is left of the output is written while a reader that is gone can still end the command.
local function flushed(...)
  output.flush()
  return ...
end

local function run(body, ...)
  return flushed(body(...))
end

local function supervise(body, ...)
  local seen = {}
  local work = scheduler.spawn(run, body, ...)
  local signals = scheduler.spawn(follow, work, seen)
  local results = table.pack(work:join())
  signals:cancel()
  if results[1] then return table.unpack(results, 2, results.n) end
  if results[2] == INTERRUPTED then return STATUS[seen.name] end
  if results[2] == output.LOST then return 1 end
  error(results[2], 0)
end

--- Runs `body` as the program's whole work.
---@param body fun(...): integer?, string?, string? the exit status, or `nil, err, code`
---@return integer? status
---@return string? err
---@return string? code
return function(body, ...)
  return scheduler.run(supervise, body, ...)
end
