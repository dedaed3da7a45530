--- cli.serve: runs a policy as the program's whole work, until a signal or the policy ends it.

local app = require "watchbot.watcher.app"
local call = require "watchbot.policy.call"
local output = require "watchbot.cli.output"
local scheduler = require "watchbot.scheduler"

-- The exit status that a shell reports for a program ended by a signal.
local STATUS = { HUP = 129, INT = 130, TERM = 143 }

-- SIGHUP of a closed terminal arrives as "TERM".
local function follow_signals(signals, opened, policy, reload, seen)
  signals:patience(policy.drain + policy.kill_grace)
  while true do
    local name = signals:wait()
    if name == "HUP" and reload then
      opened:reload(reload())
    else
      seen.name = seen.name or name
      opened:stop()
    end
  end
end

-- `run --drain && deploy` must not go on while messages are left.
local function status_of(opened, options, seen)
  if not options.until_empty or opened:emptied() then return 0 end
  local reason = seen.name and ("SIG%s ended the watcher"):format(seen.name)
    or (opened:gave_up() or "the watcher has ended"):match "^[^\n]*"
  output.complain(("run: %s; the queue is not empty"):format(reason))
  return seen.name and STATUS[seen.name] or 1
end

-- The work continues without a log, but stderr says so.
local function watch_log(sink)
  while not sink:error() do scheduler.sleep(1) end
  output.complain("the log is lost from this point: " .. sink:error())
end

local function report_dropped(sink)
  local count = sink:dropped()
  if count == 0 then return end
  output.complain(("%d lines of the log were dropped: the disk was full, or nothing read them")
    :format(count))
end

local function report_unwritten(sink, watching)
  if not watching:ended() then
    watching:cancel "the watcher ends"
    local err = sink:error()
    if err then
      output.complain("the log is lost: " .. err)
    elseif sink:pending() > 0 then
      output.complain(("the last %d bytes of the log could not be written"):format(sink:pending()))
    end
  end
end

--- Waits in a task.
---@param policy table
---@param options watchbot.AppOptions
---@param reload? fun(): table?, string? at SIGHUP: the policy as its file is now, or nil and an
--- error; without it, SIGHUP ends the watcher
---@return integer? status
---@return string? err
---@return string? code
return function(policy, options, reload)
  options.supervised = true
  local opened, err, code = app.open(policy, options)
  if not opened then return nil, err, code end
  local seen = {}
  scheduler.on_failure(function(problem)
    opened.journal:error(nil, "error", call.described(problem), "where", "task")
  end)
  -- Caught before the loop turns: who has read a line of the log may send a signal.
  local signals = scheduler.spawn(follow_signals, require "watchbot.signals", opened, policy,
    reload, seen)
  local ok
  local watching = scheduler.spawn(watch_log, opened.sink)
  ok, err, code = opened:run()
  scheduler.on_failure(nil)
  signals:cancel()
  report_unwritten(opened.sink, watching)
  report_dropped(opened.sink)
  if not ok then return nil, err, code end
  return status_of(opened, options, seen)
end
