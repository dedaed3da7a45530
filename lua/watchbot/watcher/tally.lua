--- tally: the outcomes of all messages, for the last line of the log.

---@class watchbot.Tally
local own = require "watchbot.lib.own"
local Tally = {}
Tally.__index = Tally

local tally = {}

---@return watchbot.Tally
function tally.new()
  return own({
    complete = 0, reject = 0, release = 0, retry = 0, bury = 0, blameless = 0, duplicate = 0,
    returned = 0, cancelled = 0, once_done = 0, once_doubt = 0,
  }, Tally)
end

---@param what string an outcome, "blameless" (the job did not cause it), "duplicate" or "returned"
function Tally:count(what)
  self[what] = self[what] + 1
end

--- The number of jobs that have ended.
---@return integer
function Tally:jobs()
  return self.complete + self.reject + self.release + self.retry + self.bury + self.blameless
    + self.cancelled
end

--- Logs the counts, and the number of calls if calls cost money.
---@param journal watchbot.Journal
---@param calls integer?
function Tally:log(journal, calls)
  local jobs = self:jobs()
  journal:info(nil, "event", "stopped", "complete", self.complete, "reject", self.reject, "release",
  self.release,
    "retry", self.retry, "bury", self.bury > 0 and self.bury or nil,
    "blameless", self.blameless > 0 and self.blameless or nil,
    "cancelled", self.cancelled > 0 and self.cancelled or nil,
    "not_run", self.once_done > 0 and self.once_done or nil,
    "in_doubt", self.once_doubt > 0 and self.once_doubt or nil,
    "duplicate", self.duplicate, "returned", self.returned, "api_calls", calls,
    "api_calls_per_job", calls and jobs > 0 and calls / jobs or nil,
    "log_lines_dropped", journal:dropped())
end

return tally
