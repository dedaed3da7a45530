--- testing: runs a policy with test messages and exits, on a clock that the test controls; no
-- queue, no network, no waiting.
--
--     local testing = require "watchbot.testing"
--     local w = testing.watch "policy.lua"
--     w:message { body = "tile 7" }
--     w:exits(75)
--     assert(w:outcome() == "release" and w:backoff() == 2)
--
-- The watcher and its rules are the real ones; its queue and runner are in memory. Each method
-- returns after everything that follows from it has happened, including hooks that sleep or call
-- AWS. Works inside and outside a task.

local message = require "watchbot.testing.message"
local is_policy = require("watchbot.policy").is
local open_stage = require("watchbot.testing.stage").open
local suggest = require "watchbot.lib.suggest"

---@class watchbot.Testing
local testing = {}

--- The topic of notifications if the policy has none.
testing.TOPIC = "arn:aws:sns:us-east-1:123456789012:notifications"

---@class watchbot.testing.Options
---@field topic string|false|nil the topic of a policy that has none; default: `testing.TOPIC`;
--- false: no topic
---@field handler boolean? false: the policy's `handler` is not run, and `exits` sets its exit

---@class watchbot.testing.Watch: watchbot.testing.Message the methods of a message act on the
--- newest one
---@field policy watchbot.Policy the watcher's copy of the policy
local Watch = {}
Watch.__index = Watch

-- Stages of watches that were dropped without `close`: their watchers end before the next one
-- starts.
local forgotten = {}

function Watch:__gc()
  forgotten[#forgotten + 1] = self.stage
end

local function clear_stages()
  while #forgotten > 0 do table.remove(forgotten):close() end
end

local function check_names(given, known, what, level)
  for name in pairs(given) do
    if not known[name] then
      local names = {}
      for other in pairs(known) do names[#names + 1] = tostring(other) end
      error(("%s '%s'%s"):format(what, tostring(name), suggest.hint(name, names)), level)
    end
  end
end

local OPTIONS = { topic = true, handler = true }

--- Starts a watcher with a policy: calls its `start` hook, and waits for messages. Raises an error
--- if the policy is wrong.
---@param policy watchbot.Policy|string a policy, or the path of its file, which is loaded each time
---@param options watchbot.testing.Options?
---@return watchbot.testing.Watch
function testing.watch(policy, options)
  options = options or {}
  check_names(options, OPTIONS, "testing.watch: unknown option", 3)
  if not is_policy(policy) and type(policy) ~= "string" then
    error(("testing.watch: expected a policy or the path of its file, got a %s"):format(type(
      policy)), 2)
  end
  clear_stages()
  local topic = options.topic
  if topic == nil then topic = testing.TOPIC end
  local stage = open_stage(policy, { topic = topic or nil, handler = options.handler })
  return setmetatable({ stage = stage, policy = stage.policy }, Watch)
end

---@class watchbot.testing.Sent what a test sends
---@field body string? the message; may also be `message`, or the first item of the table; an SNS
--- envelope is unwrapped
---@field message string?
---@field subject string?
---@field attributes table<string, string|{ type: string, value: string }>?
---@field queue string? the URL of one of the policy's `queues`; default: the first
---@field group string? of a FIFO queue
---@field deduplication string?
---@field delay number? seconds
---@field receives integer? the receive count of its next receive; default: 1
---@field id string?
---@field sent integer? milliseconds since the epoch

local SENT = {
  queue = true, body = true, message = true, [1] = true, subject = true, attributes = true,
  group = true,
  deduplication = true, delay = true,
  receives = true, id = true, sent = true,
}

local function attributes_of(given)
  local attributes = {}
  for name, value in pairs(given or {}) do
    attributes[name] = type(value) == "table" and value or {
      type = "String", value = tostring(value),
    }
  end
  return attributes
end

local function outgoing(given)
  if type(given) == "string" then given = { body = given } end
  if type(given) ~= "table" then
    error("message: expected a text or a table, got a " .. type(given), 3)
  end
  check_names(given, SENT, "message: unknown field", 4)
  local body = given.body or given.message or given[1]
  if type(body) ~= "string" then
    error("message: expected a body, a text, got a " .. type(body), 3)
  end
  return {
    body = body, subject = given.subject, attributes = attributes_of(given.attributes),
    group = given.group,
    deduplication = given.deduplication, delay = given.delay, id = given.id, sent = given.sent,
    receives = given.receives and given.receives - 1 or 0,
  }
end

--- Sends a message; when this returns it runs, is held, or has another state that the policy
--- decided.
---@param given watchbot.testing.Sent|string
---@return watchbot.testing.Message message the watch's own methods act on it from now on
function Watch:message(given)
  local sent = outgoing(given)
  local queue, err = self.stage:queue_at(type(given) == "table" and given.queue or nil)
  if not queue then error("message: " .. err, 2) end
  local answers = self.stage:drive(queue.send, queue, { sent })
  self.newest = message.new(self, self.stage.witness:record(answers[1].id))
  return self.newest
end

local function delegate(name)
  Watch[name] = Watch[name] or function(self, ...)
    if not self.newest then error(name .. ": no message has been sent yet", 2) end
    return self.newest[name](self.newest, ...)
  end
end

for _, name in ipairs(message.names) do delegate(name) end

-- the clock and the outside

--- Advances the clock: due timers run, messages become visible again, tasks reach their timeout.
---@param seconds number
function Watch:advance(seconds)
  self.stage:advance(seconds)
end

--- Seconds since the watch started, by the test's clock.
---@return number
function Watch:now()
  return self.stage:now()
end

--- Sets the response to a call of AWS and the like by hooks and handlers, each time. Other calls
--- get the response of an account that accepts everything and is empty.
---@param name string "dynamodb:GetItem"; "http:request"; "process:start", whose answer is
--- { code =, stdout =, stderr = }
---@param answer table|fun(parameters: table): any, string?, string? the result, or a function of
--- the parameters that returns it, or `nil, err, code`
function Watch:answer(name, answer)
  self.stage.world.answers[name] = answer
end

--- The calls of hooks and handlers to AWS, the web, programs and queues, oldest first; without
--- notifications.
---@return watchbot.testing.Call[]
function Watch:calls()
  return self.stage.world.calls
end

--- The notifications published to the policy's topic, oldest first.
---@return watchbot.testing.Notification[]
function Watch:notifications()
  return self.stage.world.notifications
end

--- The errors raised by hooks, oldest first, with tracebacks.
---@return { where: string, message: string }[]
function Watch:errors()
  return self.stage.witness.errors
end

--- The lines of the watcher's log.
---@return string[]
function Watch:log()
  return self.stage.witness.lines
end

--- The dead letters, oldest first.
---@return table[]
function Watch:dead_letters()
  local all = {}
  for _, part in ipairs(self.stage.parts) do
    table.move(part.queue.dead, 1, #part.queue.dead, #all + 1, all)
  end
  return all
end

--- Makes the next start of a task fail.
---@param why string
---@param code string? "NoRoom": the task could not be placed, which does not count against the job;
--- default: "ENOENT"
function Watch:refuse(why, code)
  self.stage.runner:refuse(why, code or "ENOENT")
end

--- Stops like a signal: running tasks may take the policy's `drain` seconds, then they are stopped.
function Watch:stop()
  self.stage:stop()
end

--- Ends the watch; running tasks are stopped. A watch that is dropped ends by itself.
function Watch:close()
  self.stage:close()
end

Watch.__close = Watch.close

return testing
