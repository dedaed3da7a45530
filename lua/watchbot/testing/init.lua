--- testing: drives a policy through messages and exits, with a clock that the test moves; no queue,
-- no network, no waiting.
--
--     local testing = require "watchbot.testing"
--     local w = testing.watch "policy.lua"
--     w:message { body = "tile 7" }
--     w:exits(75)
--     assert(w:outcome() == "release" and w:backoff() == 2)
--
-- The watcher is the real one, and so are its rules; a queue and a runner in memory stand behind
-- its two seams. Each method lets happen what happens: hooks that sleep, or ask AWS, are through
-- with it when it returns. Works in a task and outside.

local message = require "watchbot.testing.message"
local is_policy = require("watchbot.policy").is
local open_stage = require("watchbot.testing.stage").open
local suggest = require "watchbot.lib.suggest"

---@class watchbot.Testing
local testing = {}

--- Where notifications go when the policy has no topic.
testing.TOPIC = "arn:aws:sns:us-east-1:123456789012:notifications"

---@class watchbot.testing.Options
---@field topic string|false|nil the topic of a policy that has none; default: `testing.TOPIC`;
--- false: none
---@field handler boolean? false: a policy's `handler` is not run, its exit is given by `exits`

---@class watchbot.testing.Watch: watchbot.testing.Message what one message has, acts on the newest
---@field policy watchbot.Policy the policy as it is watched by: a copy
local Watch = {}
Watch.__index = Watch

-- Stages of watches that were forgotten without `close`: their watchers end before the next one
-- begins.
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

--- Begins to watch with a policy: calls its `start` hook, and waits for messages. Raises what is
--- wrong with the policy.
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
---@field body string? the message; or `message`, or as the first item of the table; an SNS envelope
--- is opened
---@field message string?
---@field subject string?
---@field attributes table<string, string|{ type: string, value: string }>?
---@field group string? of a FIFO queue
---@field deduplication string?
---@field delay number? seconds
---@field receives integer? the number of its next receive; default: 1
---@field id string?
---@field sent integer? milliseconds since the epoch

local SENT = {
  body = true, message = true, [1] = true, subject = true, attributes = true, group = true,
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

--- Sends a message; when this returns it runs, or is held, or whatever the policy has made of it.
---@param given watchbot.testing.Sent|string
---@return watchbot.testing.Message message also what the watch's own methods act on from now on
function Watch:message(given)
  local sent = outgoing(given)
  local answers = self.stage:drive(self.stage.queue.send, self.stage.queue, { sent })
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

-- the clock and the world

--- Moves the clock: what is due happens, messages come back, tasks run into their timeout.
---@param seconds number
function Watch:advance(seconds)
  self.stage:advance(seconds)
end

--- Seconds since the watch began, by the test's clock.
---@return number
function Watch:now()
  return self.stage:now()
end

--- Has a call of AWS and the like answered so, each time, by hooks and handlers. What is not told
--- so is answered as by an account that takes everything and has nothing in it.
---@param name string "dynamodb:GetItem"; "http:request"; "process:start", whose answer is
--- { code =, stdout =, stderr = }
---@param answer table|fun(parameters: table): any, string?, string? the result, or a function of
--- the parameters that returns it, or `nil, err, code`
function Watch:answer(name, answer)
  self.stage.world.answers[name] = answer
end

--- What hooks and handlers have asked of AWS, the web, programs and queues, oldest first;
--- notifications are not in it.
---@return watchbot.testing.Call[]
function Watch:calls()
  return self.stage.world.calls
end

--- What was published to the policy's topic, oldest first.
---@return watchbot.testing.Notification[]
function Watch:notifications()
  return self.stage.world.notifications
end

--- What hooks have thrown, oldest first, with tracebacks.
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
  return self.stage.queue.dead
end

--- Has the next start of a task fail.
---@param why string
---@param code string? "NoRoom": the task could not be placed, which does not count against the job;
--- default: "ENOENT"
function Watch:refuse(why, code)
  self.stage.runner:refuse(why, code or "ENOENT")
end

--- Stops as a signal does: tasks that run may take the policy's `drain` seconds, then they are
--- stopped.
function Watch:stop()
  self.stage:stop()
end

--- Ends the watch; what still runs is stopped. A watch that is forgotten is ended by itself.
function Watch:close()
  self.stage:close()
end

Watch.__close = Watch.close

return testing
