--- notify.text: the text of notifications about failed tasks. The format is that of ecs-watchbot,
-- for which people have mail filters.

local limits = require "watchbot.lib.limits"
local scheduler = require "watchbot.scheduler"
local text = require "watchbot.lib.text"

local notification = {}

-- SNS takes subjects of fewer than 100 characters, ASCII, without line breaks, that begin with a
-- letter, number or punctuation: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
local LONGEST_SUBJECT = limits.sns.subject

-- The number of bytes of a task's newest output to show.
local LOGS = 50 * 1024

local outcomes = {
  reject = "failed, removed from queue", retry = "failed, will retry",
  bury = "failed, moved to the dead-letter queue",
}

-- Bytes of the message to show: together with the logs well below the limit of SNS.
local MESSAGE = 64 * 1024

-- In the order of ecs-watchbot.
local variables = {
  "Subject", "Message", "MessageId", "SentTimestamp", "ApproximateFirstReceiveTimestamp",
  "ApproximateReceiveCount",
}

--- Converts a subject to the nearest one that SNS accepts.
---@param subject string
---@return string
function notification.fit(subject)
  local line = subject:gsub("[\128-\255]+", "?"):gsub("%c+", " "):gsub("^%s+", ""):sub(1,
    LONGEST_SUBJECT)
  return line ~= "" and line or "watchbot"
end

--- A subject that SNS accepts, whatever the name of the stack.
---@param stack string?
---@param job watchbot.Job
---@return string
function notification.subject(stack, job)
  local name = stack and stack:find "%S" and stack or "watchbot"
  for _, subject in ipairs {
    ("%s failed processing message %s"):format(name, job.id),
    ("%s failed task"):format(name),
    ("Watchbot task failure: %s"):format(job.id),
  } do
    if #subject <= LONGEST_SUBJECT then return notification.fit(subject) end
  end
  return "Watchbot task failure"
end

local function reason_of(exit)
  if exit.reason then return exit.reason end
  if exit.signal then return "killed by signal " .. exit.signal end
  return ("exit code %s"):format(exit.code)
end

--- A failure on one line, for a summary of many.
---@param job watchbot.Job
---@param outcome "reject"|"retry"|"bury"
---@param exit watchbot.Exit
---@return string
function notification.line(job, outcome, exit)
  return ("%s: %s: %s"):format(text.line(job.id), outcomes[outcome], text.line(reason_of(exit)))
end

local function last_attempt(job, outcome)
  if outcome ~= "retry" or not job.last then return nil end
  return ("This was the last attempt (receive %d): the message goes to the dead letters."):format(
    job.receives)
end

-- Text of several lines: those after the first are indented, so that none of them looks like a line
-- of the notification itself.
local function indented(bytes)
  return (text.plain(bytes):gsub("\n", "\n  "))
end

local function information(job, queue)
  local values, lines = job:variables "iso", { "Message information:" }
  values.Message = text.cut(job.message, MESSAGE)
  if #job.message > MESSAGE then
    values.Message = ("%s... (%d bytes in all)"):format(values.Message, #job.message)
  end
  for _, name in ipairs(variables) do
    local shown = name == "Message" and indented or text.line
    if values[name] then lines[#lines + 1] = ("%s: %s"):format(name, shown(values[name])) end
  end
  if queue then lines[#lines + 1] = "Queue: " .. text.line(queue) end
  return table.concat(lines, "\n")
end

local function resources(exit)
  local lines = {}
  for _, resource in ipairs { { "Cluster", exit.cluster }, { "Instance", exit.instance },
    { "Task", exit.task } } do
    if resource[2] then
      lines[#lines + 1] = ("%s ARN: %s"):format(resource[1], text.line(resource[2]))
    end
  end
  return #lines > 0 and "Runtime resources:\n" .. table.concat(lines, "\n") or nil
end

local function recent_logs(logs)
  if not logs then return "Recent logs: logs not available" end
  return "Recent logs:\n" .. text.plain(logs:sub(-LOGS))
end

--- The text of a notification.
---@param stack string?
---@param job watchbot.Job
---@param outcome "reject"|"retry"|"bury"
---@param exit watchbot.Exit
---@param logs string? the newest output of the task; default: that of the exit
---@param queue string? its URL, where a watcher has several
---@return string
function notification.body(stack, job, outcome, exit, logs, queue)
  local now = scheduler.http_date(scheduler.time() // 1000)
  local paragraphs, all = {}, {
    ("At %s, processing message %s failed on %s"):format(now, text.line(job.id),
      stack or "watchbot"),
    "Task outcome: " .. outcomes[outcome],
    "Task stopped reason: " .. indented(reason_of(exit)),
    last_attempt(job, outcome) or false,
    information(job, queue),
    resources(exit) or false,
    recent_logs(logs or exit.logs),
  }
  for _, paragraph in ipairs(all) do paragraphs[#paragraphs + 1] = paragraph or nil end
  return text.plain(table.concat(paragraphs, "\n\n"))
end

return notification
