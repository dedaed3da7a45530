--- console.embedded.job_list: the jobs of an embedded queue, for the console: lists, one job, and
-- its end before its time. queue.sqlite.jobs has what is shown.

local cancels = require "watchbot.queue.sqlite.cancels"
local jobs = require "watchbot.queue.sqlite.jobs"
local open_queue = require("watchbot.queue").open

-- Those of watchbot.ConsoleSource.
local methods = {}

--- A page of jobs. Waits in a task.
---@param filter watchbot.JobFilter
---@return watchbot.JobPage?
---@return string? err
function methods:jobs(filter)
  local queue, err = self:open()
  if not queue then return nil, err end
  return jobs.list(queue, filter)
end

--- All about one message. Waits in a task.
---@param id string
---@return watchbot.JobDetails|false|nil job false: it is not known
---@return string? err
function methods:job(id)
  local queue, err = self:open()
  if not queue then return nil, err end
  return jobs.show(queue, id)
end

--- Cancels a job, or begins one that is delayed. Waits in a task.
---@param what "cancel"|"retry"
---@param id string
---@return string? done see queue.sqlite.cancels
---@return string? err
function methods:change_job(what, id)
  local queue <close>, err = open_queue(self.url, { create = false, patience = 10 })
  if not queue then return nil, err end
  return cancels[what](queue, id)
end

return methods
