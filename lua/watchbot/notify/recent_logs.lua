--- recent_logs: a remote task's recent output, from its CloudWatch log group, for a notification.
-- https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
-- AWS allows few such calls a second for a whole account, so only one search runs at a time.

local aws = require "watchbot.aws"
local logs = require "watchbot.stack.logs"
local scheduler = require "watchbot.scheduler"

-- How many hours to search, and how many bytes of the newest text to keep.
local HOURS, KEPT = 6, 50 * 1024

-- Seconds for everything, including the wait for other searches: together with publishing less than
-- the watcher allows a notification.
local LIMIT = 10

local recent_logs = {}

-- The running search: later ones wait for its event.
local busy

-- Seconds between two looks whether the running search's task is still there: one that is aborted
-- runs no code any more.
local LOOK = 0.5

local function is_taken()
  if busy and busy.task:ended() then busy = nil end
  return busy ~= nil
end

local function take_turn(deadline)
  while is_taken() do
    local left = deadline - scheduler.now()
    if left <= 0 then return nil, "too many at once", "Timeout" end
    busy.done:wait(math.min(left, LOOK))
  end
  local mine = { done = scheduler.event(), task = scheduler.current() }
  busy = mine
  return setmetatable({}, { __close = function()
    if busy == mine then busy = nil end
    mine.done:set()
  end })
end

local function append(kept, events)
  local parts = { kept }
  for _, event in ipairs(type(events) == "table" and events or {}) do
    if type(event) == "table" and type(event.message) == "string" then
      parts[#parts + 1] = (event.message:gsub("\n$", "")) .. "\n"
    end
  end
  return table.concat(parts):sub(-KEPT)
end

-- Pages start with the oldest lines, and may be empty.
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

--- The newest 50 KiB of the last hours' lines that contain the id. Waits in a task.
---@param group string its name or ARN
---@param id string of the message
---@param options { client: table? }? an existing client of logs
---@return string? text nil also if there are no lines
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
    return nil, ("no line of the last %d hours contains %s"):format(HOURS, id), "NotFound"
  end
  return text, err, code
end

return recent_logs
