--- stack.logs: the lines of a CloudWatch log group, of all streams in the order of their time;
-- once, or continuously.
-- https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
-- CloudWatch returns a line some seconds after it was written, and not in order. So following reads
-- the last minute again each time and drops lines that it has seen: no line is missed or repeated.

local aws = require "watchbot.aws"
local denied = require "watchbot.aws.denied"
local limits = require "watchbot.lib.limits"
local scheduler = require "watchbot.scheduler"

-- Milliseconds that are read again, and seconds between two reads: AWS allows few calls a second
-- for an account.
local OVERLAP, PAUSE = 60 * 1000, 2

-- Streams that one call can name:
-- https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
local STREAMS = limits.logs.streams

---@class watchbot.LogEvent
---@field eventId string
---@field timestamp integer milliseconds since 1970
---@field message string
---@field logStreamName string

---@class watchbot.LogQuery
---@field id string? only lines that contain this message id
---@field grep string? only lines that also contain this text; case-sensitive
---@field since integer milliseconds since 1970
---@field until_ integer? the same; default: now
---@field streams string[]? only these streams, at most 100

---@class watchbot.Logs
---@field client table
---@field group string
local Logs = {}
Logs.__index = Logs

local logs = {}

--- The parameters for a group: either its name or its ARN; templates end the ARN with ":*".
---@param group string
---@return table parameters
function logs.place(group)
  local arn = group:match "^(arn:.-):?%*?$"
  if arn then return { logGroupIdentifier = arn } end
  return { logGroupName = group }
end

--- A text as a term of a filter pattern.
---@param text string
---@return string
function logs.term(text)
  return '"' .. text:gsub('[\\"]', "\\%0") .. '"'
end

local function pattern_of(query)
  local terms = {}
  for _, text in ipairs { query.id or query.grep, query.id and query.grep } do
    terms[#terms + 1] = logs.term(text)
  end
  return #terms > 0 and table.concat(terms, " ") or nil
end

--- Opens a log group; makes no call yet.
---@param group string name or ARN
---@param client table? of logs, instead of a new one
---@return watchbot.Logs?
---@return string? err
---@return string? code
function logs.open(group, client)
  local err, code
  if not client then client, err, code = aws("logs", { place = group }) end
  if not client then return nil, err, code end
  return setmetatable({ group = group, client = client }, Logs)
end

function Logs:explain(operation, err, code)
  if denied.is(code) then
    return nil, denied.message("logs:" .. operation, ("'%s'"):format(self.group), err)
  elseif code == "ResourceNotFoundException" then
    return nil, ("log group '%s' does not exist: AWS_REGION chooses another region, AWS_PROFILE "
      .. "another account"):format(
      self.group), "LogGroupNotFound"
  end
  return nil, err, code
end

-- Events of the same time keep their order.
local function in_order(events)
  local place = {}
  for index, event in ipairs(events) do place[event] = index end
  table.sort(events, function(a, b)
    if a.timestamp ~= b.timestamp then return a.timestamp < b.timestamp end
    return place[a] < place[b]
  end)
  return events
end

-- Skips events without their members: an emulator or a proxy may respond with anything.
local function sound(events)
  local kept = {}
  for _, event in ipairs(type(events) == "table" and events or {}) do
    if type(event) == "table" and type(event.message) == "string"
      and type(event.timestamp) == "number" then
      kept[#kept + 1] = event
    end
  end
  return kept
end

local function parameters_of(self, query)
  local parameters = logs.place(self.group)
  parameters.startTime, parameters.endTime = query.since, query.until_
  parameters.filterPattern, parameters.logStreamNames = pattern_of(query), query.streams
  return parameters
end

--- Visits the events of a query, page after page. Waits in a task.
---@param query watchbot.LogQuery
---@param visit fun(event: watchbot.LogEvent)
---@param told fun(count: integer)? called after each page with the number of events so far
---@return true? ok
---@return string? err
---@return string? code "NotAllowed", "LogGroupNotFound", "InvalidParameterException" and others
function Logs:each(query, visit, told)
  local parameters, count = parameters_of(self, query), 0
  repeat
    local page, err, code = self.client:FilterLogEvents(parameters)
    if not page then return self:explain("FilterLogEvents", err, code) end
    local events = sound(page.events)
    for _, event in ipairs(in_order(events)) do visit(event) end
    count = count + #events
    if told then told(count) end
    parameters.nextToken = page.nextToken
  until not page.nextToken
  return true
end

--- Visits the events of a query, and then new ones, until the task is cancelled or a call fails.
--- Waits in a task.
---@param query watchbot.LogQuery
---@param visit fun(event: watchbot.LogEvent)
---@param pause number? seconds between two readings
---@return nil
---@return string err
---@return string code
function Logs:follow(query, visit, pause)
  local seen, newest = {}, query.since
  local wanted = { id = query.id, grep = query.grep, streams = query.streams, since = query.since }
  local function take(event)
    if seen[event.eventId] then return end
    seen[event.eventId] = event.timestamp
    newest = math.max(newest, event.timestamp)
    visit(event)
  end
  while true do
    local ok, err, code = self:each(wanted, take)
    if not ok then return nil, err, code end
    wanted.since = math.max(query.since, newest - OVERLAP)
    for id, timestamp in pairs(seen) do
      if timestamp < wanted.since then seen[id] = nil end
    end
    scheduler.sleep(pause or PAUSE)
  end
end

--- The streams whose names end with one of these texts, newest first: streams of ECS tasks end with
--- the task's id.
---@param endings string[]
---@param since integer milliseconds since 1970: skips streams that ended before
---@return string[]? names at most 100
---@return string? err
---@return string? code
function Logs:streams(endings, since)
  local parameters, names = logs.place(self.group), {}
  parameters.orderBy, parameters.descending = "LastEventTime", true
  repeat
    local page, err, code = self.client:DescribeLogStreams(parameters)
    if not page then return self:explain("DescribeLogStreams", err, code) end
    local old = false
    for _, stream in ipairs(page.logStreams or {}) do
      old = old or (stream.lastIngestionTime or math.huge) < since
      for _, ending in ipairs(endings) do
        local name = tostring(stream.logStreamName)
        if #names < STREAMS and name:sub(-#ending) == ending then names[#names + 1] = name end
      end
    end
    parameters.nextToken = page.nextToken
  until not page.nextToken or old or #names == STREAMS
  return names
end

--- Visits the lines of a message: those that contain its id and, if the watcher's lines name its
--- ECS tasks, all lines of these tasks. Waits in a task.
---@param query watchbot.LogQuery with `id`
---@param visit fun(event: watchbot.LogEvent)
---@param told fun(count: integer)?
---@return true? ok
---@return string? err
---@return string? code
function Logs:of_message(query, visit, told)
  local events, known, endings = {}, {}, {}
  local function keep(event)
    if not known[event.eventId] then events[#events + 1] = event end
    known[event.eventId] = true
    local task = event.message:match '"task":"arn:[^"]*/([^"/]+)"'
    if task and not endings[task] then endings[task], endings[#endings + 1] = true, "/" .. task end
  end
  local ok, err, code = self:each(query, keep, told)
  if not ok then return nil, err, code end
  if #endings > 0 then
    local streams
    streams, err, code = self:streams(endings, query.since)
    if not streams then return nil, err, code end
    local whole = {
      grep = query.grep, since = query.since, until_ = query.until_, streams = streams,
    }
    if #streams > 0 then ok, err, code = self:each(whole, keep, told) end
    if not ok then return nil, err, code end
  end
  for _, event in ipairs(in_order(events)) do visit(event) end
  return true
end

return logs
