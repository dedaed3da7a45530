--- viewing: the policy's `console`: the pages at its `listen`, and what the watcher itself knows of
-- them where the queue cannot say it: what runs, and that it is alive.

local clock = require("watchbot.core").histogram.clock
local console = require "watchbot.console"
local pid = require("watchbot.core").systemd.pid
local scheduler = require "watchbot.scheduler"
local version = require "watchbot.version"

local viewing = {}

-- As queue.sqlite.jobs lists them. `running_at` is measured since the watcher listens.
local function running(watcher)
  local rows, now, at = {}, scheduler.time(), clock()
  for index, entry in ipairs(watcher.jobs:all "running") do
    rows[index] = {
      id = entry.id, state = "running", receives = entry.job.receives, subject = entry.job.subject,
      message = entry.job.message,
      taken = entry.running_at and now - math.floor((at - entry.running_at) * 1000) or nil,
    }
  end
  table.sort(rows, function(a, b) return (a.taken or 0) < (b.taken or 0) end)
  return rows
end

-- Where a message of SQS is found.
local function place_of(policy)
  local task = type(policy.task) == "table" and policy.task or {}
  return {
    log_group = policy.log_group, cluster = task.cluster, definition = task.definition,
  }
end

--- The console of a watcher, which answers below /console.
---@param watcher watchbot.Watcher|watchbot.Several
---@param queues { watcher: watchbot.Watcher }[] one for each of its queues
---@param policy watchbot.Policy
---@param port integer? at which it listens; nil: a Unix socket
---@return watchbot.Console?
---@return string? err
---@return "Usage"? code
function viewing.open(watcher, queues, policy, port)
  local token, started, all = os.getenv "ConsoleToken" or "", scheduler.time(), {}
  local places = {}
  for index, one in ipairs(queues) do
    all[index], places[index] = one.watcher.queue.name, place_of(one.watcher.hooks.policy)
  end
  local opened, err, code = console.new {
    queues = all, places = places, write = policy.console == "write", hosts = policy.console_hosts,
    token = token ~= "" and token or nil, port = port, base = "/console",
    note = function(words)
      watcher.journal:warning(nil, "event", "console", "done", words)
    end,
    itself = function(number)
      local one = queues[number].watcher
      return running(one), {
        id = one.keeper and one.keeper.id, host = "this watcher", pid = pid(), version = version,
        policy = one.journal.identity, started = started,
        seen = scheduler.time(), workers = watcher:slots(), running = one.jobs.slots,
      }
    end,
  }
  if not opened then return nil, err, code end
  opened:start(function(...) return watcher:supervise(...) end)
  return opened
end

--- Logs its address. A random token is in it: who reads the log of this machine may look; one that
-- was chosen is not logged.
---@param opened watchbot.Console
---@param journal watchbot.Journal
---@param where string the address at which the watcher listens
function viewing.announce(opened, journal, where)
  local origin = "http://" .. (where:find "^/" and "localhost" or where)
  local chosen = (os.getenv "ConsoleToken" or "") ~= ""
  journal:info(nil, "event", "console", "url",
    chosen and origin .. "/console/" or opened:url(origin))
end

return viewing
