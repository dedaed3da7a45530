--- testing.world: responds to the calls of hooks and handlers to AWS, the web, other programs and
-- queues, while a test drives them. Nothing leaves the program: each call is recorded and gets the
-- response that the test has set, otherwise that of an account that accepts everything and is
-- empty. It replaces watchbot's own functions; calls of Lua's `io` and `os` are executed.

local aws = require "watchbot.aws"
local http = require "watchbot.http"
local new_queue = require("watchbot.testing.queue").new
local process = require "watchbot.process"
local queue = require "watchbot.queue"

---@class watchbot.testing.Call
---@field name string "dynamodb:PutItem", "http:request", "process:start", "queue:send"
---@field parameters table of the call
---@field at number seconds since the watch started
---@field hook string? the caller: a hook's name, or "handler"
---@field id string? the message's id

---@class watchbot.testing.Notification
---@field subject string
---@field body string
---@field at number seconds since the watch started
---@field id string? the message's id; nil for a summary of several

---@class watchbot.testing.World
---@field calls watchbot.testing.Call[]
---@field notifications watchbot.testing.Notification[] published to the policy's topic
local World = {}
World.__index = World

local world = {}

---@class watchbot.testing.WorldOptions
---@field topic string? the policy's topic
---@field now fun(): number seconds since the watch started
---@field caller fun(): string?, string? the hook that is running, and the id of its message

---@param options watchbot.testing.WorldOptions
---@return watchbot.testing.World
function world.new(options)
  return setmetatable({
    topic = options.topic, now = options.now, caller = options.caller, calls = {},
    notifications = {}, answers = {},
    queues = {},
  }, World)
end

-- AWS's responses with more content than success.

local function one_message()
  return { MessageId = "message" }
end

local function each_of(field)
  return function(parameters)
    local done = {}
    for index, entry in ipairs(parameters[field] or {}) do
      done[index] = { Id = entry.Id, MessageId = "message-" .. index }
    end
    return { Successful = done, Failed = {} }
  end
end

local usual = {
  ["sns:Publish"] = one_message,
  ["sns:PublishBatch"] = each_of "PublishBatchRequestEntries",
  ["sqs:SendMessage"] = one_message,
  ["sqs:SendMessageBatch"] = each_of "Entries",
  ["sqs:DeleteMessageBatch"] = each_of "Entries",
  ["sqs:ChangeMessageVisibilityBatch"] = each_of "Entries",
  ["http:request"] = function() return { status = 200, headers = {}, body = "" } end,
  ["process:start"] = function() return { code = 0 } end,
}

function World:note(name, parameters)
  local hook, id = self.caller()
  if name == "sns:Publish" and parameters.TopicArn == self.topic then
    table.insert(self.notifications, {
      subject = parameters.Subject, body = parameters.Message, at = self.now(), id = id,
    })
  else
    table.insert(self.calls, {
      name = name, parameters = parameters, at = self.now(), hook = hook, id = id,
    })
  end
end

--- Records a call and responds to it.
---@param name string
---@param parameters table
---@return any ...
function World:ask(name, parameters)
  self:note(name, parameters)
  local answer = self.answers[name]
  if answer == nil then answer = usual[name] or {} end
  if type(answer) == "function" then return answer(parameters) end
  return answer
end

-- A program that has already ended.
local Child = {}
Child.__index = Child

local function no_operation() end

for _, name in ipairs { "stop", "close", "kill" } do Child[name] = no_operation end
Child.__close = no_operation

function Child:wait()
  return {
    code = self.exit.code, signal = self.exit.signal, reason = self.exit.reason,
    duration = self.exit.duration or 0,
  }
end

function Child:output()
  return self.exit.stdout or "", self.exit.stderr or ""
end

function Child:tail()
  return (self.exit.stdout or "") .. (self.exit.stderr or "")
end

function Child:truncated() return false end -- luacheck: ignore 212

function Child:pid() return 0 end -- luacheck: ignore 212

function World:start_process(options)
  local exit, err, code = self:ask("process:start", options)
  if not exit then return nil, err, code end
  return setmetatable({ exit = exit }, Child)
end

--- A queue that a hook opens is empty; there is one for each URL.
function World:open_queue(url)
  local opened = self.queues[url] or new_queue { name = url, fifo = url:match "%.fifo$" ~= nil }
  self.queues[url] = opened
  return setmetatable({
    send = function(_, messages)
      self:ask("queue:send", { url = url, messages = messages })
      return opened:send(messages)
    end,
    close = no_operation,
  }, { __index = opened, __close = no_operation })
end

--- Replaces the functions that reach the outside.
---@return fun() restore restores them
function World:enter()
  local request, start, open, before = http.request, process.start, queue.open, aws.stand_in
  aws.stand_in = function(service, operation, parameters)
    return self:ask(service .. ":" .. operation, parameters)
  end
  http.request = function(parameters) return self:ask("http:request", parameters) end
  process.start = function(options) return self:start_process(options) end
  queue.open = function(url) return self:open_queue(tostring(url)) end
  return function()
    http.request, process.start, queue.open, aws.stand_in = request, start, open, before
  end
end

return world
