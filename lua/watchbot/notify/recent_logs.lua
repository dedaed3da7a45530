--- recent_logs: what a task elsewhere wrote, from its CloudWatch log group, for a notification.
-- https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
-- AWS allows few such calls a second for a whole account, so one search is under way at a time.

local aws = require "watchbot.aws"
local logs = require "watchbot.stack.logs"
local scheduler = require "watchbot.scheduler"

-- How far back is searched, in hours; the newest of the text that is kept, in bytes.
local HOURS, KEPT = 6, 50 * 1024

-- Seconds for everything, waiting for the others included: with the publishing less than what the
-- watcher gives a notification.
local LIMIT = 10

local recent_logs = {}

-- The search under way: those who come meanwhile wait for its event.
local busy

local function take_turn(deadline)
  while busy do
    local left = deadline - scheduler.now()
    if left <= 0 or not busy:wait(left) then return nil, "too many at once", "Timeout" end
  end
  busy = scheduler.event()
  return setmetatable({}, { __close = function()
    local done = busy
    busy = nil
    done:set()
  end })
end

local function append(kept, events)
  local parts = { kept }
  for _, event in ipairs(events or {}) do
    if type(event.message) == "string" then
      parts[#parts + 1] = (event.message:gsub("\n$", "")) .. "\n"
    end
  end
  return table.concat(parts):sub(-KEPT)
end

-- Pages come oldest first, and may be empty.
local function search(client, parameters, deadline)
  local kept = ""
  while true do
    local left = deadline - scheduler.now()
    if left <= 0 then return nil, "the search took too long", "Timeout" end
    local page, err, code = client:FilterLogEvents(parameters, { within = left })
    if not page then return nil, err, code end
    kept = append(kept, page.events)
    if not page.nextToken then return kept end
    parameters.nextToken = page.nextToken
  end
end

--- The newest 50 KiB of the lines of the last hours that have the id in them. Waits in a task.
---@param group string name or ARN of the log group
---@param id string the message's
---@param options { client: table? }? a client of logs that is there
---@return string? text nil also when there are none
---@return string? err
---@return string? code
function recent_logs.read(group, id, options)
  local deadline = scheduler.now() + LIMIT
  local turn <close>, problem, problem_code = take_turn(deadline)
  if not turn then return nil, problem, problem_code end
  local client, err, code = options and options.client, nil, nil
  if not client then client, err, code = aws("logs", { place = group }) end
  if not client then return nil, err, code end
  local parameters = logs.place(group)
  parameters.filterPattern = logs.term(id)
  parameters.startTime = scheduler.time() - HOURS * 3600 * 1000
  local text
  text, err, code = search(client, parameters, deadline)
  if text == "" then
    return nil, ("no line of the last %d hours has %s in it"):format(HOURS, id), "NotFound"
  end
  return text, err, code
end

return recent_logs
