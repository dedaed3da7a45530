--- runner.resident.invocation: one batch of jobs that a runtime works on, and the result of each in
-- its response. The rules for batches are those of AWS Lambda:
-- https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html

local json = require "watchbot.lib.json"
local scheduler = require "watchbot.scheduler"

-- Bytes of a response that hooks see.
local RESULT_AT_MOST = 64 * 1024

---@class watchbot.Invocation
---@field id string a new one for each attempt
---@field nonce string? which newer clients send back
---@field runs table[] one for each job
---@field began number seconds, of scheduler.now()
---@field over boolean
local Invocation = {}
Invocation.__index = Invocation

local invocation = {}

---@param id string
---@param runs table[]
---@param nonce string?
---@return watchbot.Invocation
function invocation.new(id, runs, nonce)
  return setmetatable({
    id = id, nonce = nonce, runs = runs, began = scheduler.now(), over = false,
  }, Invocation)
end

local function exit_of(self, fields)
  local exit = { duration = scheduler.now() - self.began, request = self.id }
  for name, value in pairs(fields) do exit[name] = value end
  return exit
end

--- Ends each of the jobs with its own exit.
---@param fields_of fun(run: table): table
function Invocation:finish(fields_of)
  if self.over then return end
  self.over = true
  for _, run in ipairs(self.runs) do run:finish(exit_of(self, fields_of(run))) end
end

--- Ends all of them in the same way.
---@param fields table of a watchbot.Exit
function Invocation:end_all(fields)
  self:finish(function() return fields end)
end

--- Ends all of them as complete.
---@param result string? the response, for hooks
function Invocation:succeed(result)
  if self.over then return end
  self.over = true
  local duration = scheduler.now() - self.began
  for _, run in ipairs(self.runs) do
    run:finish({ code = 0, result = result, duration = duration, request = self.id }, true)
  end
end

-- the response

local function failed(reason)
  return { code = 1, error = "Runtime.BatchItemFailure", reason = reason }
end

-- One identifier of `batchItemFailures`; nil if it is invalid.
local function identifier(item)
  local id = type(item) == "table" and item.itemIdentifier
  return type(id) == "string" and id ~= "" and id or nil
end

-- The ids that have failed; or why all have: invalid JSON, or an identifier that is missing or
-- names no message of this batch, fails the whole batch.
local function failures_of(self, body)
  local answer = json.decode(body, true)
  if answer == nil then return nil, "the answer is not JSON" end
  local items = type(answer) == "table" and answer.batchItemFailures
  if items == nil or items == false then return {} end
  if type(items) ~= "table" then return nil, "'batchItemFailures' is not a list" end
  local known, ids = {}, {}
  for _, run in ipairs(self.runs) do known[run.job.id] = true end
  for _, item in ipairs(items) do
    local id = identifier(item)
    if not id or not known[id] then
      return nil, "'batchItemFailures' names a message that is not in the batch"
    end
    ids[id] = true
  end
  return ids
end

-- An empty response, and null, mean success.
local function is_nothing(body)
  if body == "" or body == "null" then return true end
  return body:find "%S" == nil or body:find "^%s*null%s*$" ~= nil
end

--- The runtime has responded.
---@param body string
---@param report "strict"|"lenient"|false whether the response lists the messages that have failed;
--- "lenient": text that is not JSON is success, too
---@param logs string? the newest output, for failed ones
function Invocation:answered(body, report, logs)
  local result = #body <= RESULT_AT_MOST and body or nil
  local says_nothing = is_nothing(body)
    or report == "lenient" and not body:find('"batchItemFailures"', 1, true)
  if not report or says_nothing then return self:succeed(result) end
  local ids, why = failures_of(self, body)
  self:finish(function(run)
    local fields = { code = 0, result = result }
    if not ids then fields = failed("the batch has failed: " .. why) end
    if ids and ids[run.job.id] then fields = failed "the function lists the message as failed" end
    if fields.code ~= 0 then fields.logs, fields.result = logs, result end
    return fields
  end)
end

-- Text of a runtime as one line, for reasons.
local function line(text)
  return type(text) == "string" and (text:gsub("%s+", " ")) or nil
end

--- A runtime's error: its type, and the reason for people.
---@param body string JSON: errorType, errorMessage, stackTrace
---@param header string? of Lambda-Runtime-Function-Error-Type
---@return string kind
---@return string reason
function invocation.error_of(body, header)
  local told = json.decode(body, true)
  told = type(told) == "table" and told or {}
  local kind = line(told.errorType) or line(header) or "Runtime.UnknownReason"
  local message = line(told.errorMessage)
  return kind, message and message ~= "" and ("%s: %s"):format(kind, message) or kind
end

--- The runtime has responded with an error.
---@param body string
---@param header string?
---@param logs string?
function Invocation:failed(body, header, logs)
  local kind, reason = invocation.error_of(body, header)
  self:end_all { code = 1, error = kind, reason = reason, logs = logs }
end

return invocation
