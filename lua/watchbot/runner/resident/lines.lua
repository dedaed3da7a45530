--- runner.resident.lines: the channel to a program that reads a line of JSON for each message and
-- writes one for each response, on descriptor 3. See doc/resident.md.

local json = require "watchbot.lib.json"
local process = require "watchbot.process"
local scheduler = require "watchbot.scheduler"

-- Bytes of a line: a batch of responses with their reasons.
local LONGEST_LINE = 8 * 1024 * 1024

local OUTCOMES = { complete = true, reject = true, release = true, retry = true, bury = true }

---@class watchbot.LinesChannel
---@field runtime watchbot.Runtime
---@field options watchbot.ResidentOptions
---@field descriptor watchbot.Channel
local Lines = {}
Lines.__index = Lines

local lines = {}

---@param runtime watchbot.Runtime
---@param options watchbot.ResidentOptions
---@return watchbot.LinesChannel?
---@return string? err
---@return string? code
function lines.open(runtime, options)
  local descriptor, err, code = process.channel(LONGEST_LINE)
  if not descriptor then return nil, err, code end
  return setmetatable({ runtime = runtime, options = options, descriptor = descriptor }, Lines)
end

function Lines:defaults() return {} end

function Lines:environment() return { WATCHBOT_FD = "3" } end

-- Lines from the program.

-- A response as an exit; nil and the problem if it is invalid.
local function exit_of(answer)
  if answer.outcome ~= nil and not OUTCOMES[answer.outcome] then
    return nil, ("no outcome has the name '%s'"):format(tostring(answer.outcome))
  end
  local code = answer.code
  if code == nil and answer.outcome then code = 0 end
  if math.type(code) ~= "integer" or code < 0 or code > 255 then
    return nil, "it has neither a 'code' from 0 to 255 nor an 'outcome'"
  end
  local reason = type(answer.reason) == "string" and answer.reason or nil
  return { code = code, outcome = answer.outcome, reason = reason }
end

-- The run of a response: in a batch, its id identifies it.
local function run_of(invocation, answer)
  if #invocation.runs == 1 and answer.id == nil then return invocation.runs[1] end
  for _, run in ipairs(invocation.runs) do
    if run.job.id == answer.id then return run end
  end
end

-- Processes one response; returns the problem, if there is one.
local function take(self, invocation, answer)
  if type(answer) ~= "table" then return "it is no object" end
  local run = run_of(invocation, answer)
  if not run then return "its 'id' is of no message that the program works on" end
  if run.exit then return "the message was answered already" end
  local fields, problem = exit_of(answer)
  if not fields then return problem end
  if #invocation.runs == 1 then
    self.runtime:settled(fields)
  else
    self.runtime:settled_one(run, fields)
  end
end

local function take_line(self, line)
  local said = json.decode(line, true)
  local invocation = self.runtime.invocation
  if said == nil then return "it is not JSON" end
  if not invocation or invocation.over then return "nothing was asked" end
  for _, answer in ipairs(json.is_list(said) and said or { said }) do
    local problem = take(self, invocation, answer)
    if problem then return problem end
  end
end

-- The first line reports that the program is ready.
local function wait_ready(self)
  local line, err = self.descriptor:line()
  local said = line and json.decode(line, true)
  if type(said) == "table" and said.ready == true then return true end
  if line then self.runtime.words = 'its first line is not {"ready":true}' end
  return nil, err
end

local function read(self)
  local runtime = self.runtime
  if not wait_ready(self) then return runtime:stop() end
  runtime:asked(true)
  while true do
    local line, err, code = self.descriptor:line()
    if not line and code == "Closed" then return runtime:ends() end
    local problem = line and take_line(self, line) or err
    if problem then
      return runtime:misspoke("the program's answer is not understood: " .. problem)
    end
    if runtime.state == "answered" then runtime:asked(true) end
  end
end

function Lines:started()
  scheduler.spawn(read, self)
end

-- Lines to the program.

local function trace_of(job)
  local trace = job.trace
  return trace and {
    traceparent = trace.traceparent, tracestate = trace.tracestate, baggage = trace.baggage,
    xray = trace.xray,
  }
end

local function message_of(job)
  local attributes = next(job.attributes) and {} or nil
  for name, one in pairs(job.attributes) do
    attributes[name] = { Type = one.type, Value = one.value }
  end
  return {
    id = job.id, subject = job.subject, message = job.message, attributes = attributes,
    receives = job.receives, sent = job.sent, first_received = job.first_received,
    group = job.group, last = job.last, trace = trace_of(job),
  }
end

---@param invocation watchbot.Invocation
---@return string? text
---@return string? err
---@return string? code
function Lines:prepare(invocation)
  local messages = json.list {}
  for index, run in ipairs(invocation.runs) do messages[index] = message_of(run.job) end
  return json.encode(self.options.batch == 1 and messages[1] or messages)
end

function Lines:gone()
  return self.descriptor:ended()
end

---@param _ any
---@param _invocation watchbot.Invocation
---@param text string
function Lines:give(_, _invocation, text)
  scheduler.spawn(self.descriptor.send, self.descriptor, text .. "\n")
end

function Lines:close()
  self.descriptor:close()
end

return lines
