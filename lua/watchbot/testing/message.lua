--- testing.message: a message in a test: what its task does, and its state.

---@class watchbot.testing.Message
---@field id string
local Message = {}
Message.__index = Message

local module = {}

---@param watch watchbot.testing.Watch
---@param record watchbot.testing.Record
---@return watchbot.testing.Message
function module.new(watch, record)
  return setmetatable({ id = record.id, watch = watch, record = record }, Message)
end

local function running(self, what)
  local run = self.record.run
  if not run then
    error(("%s: no task of message '%s' runs, it is %s"):format(what, self.id, self.record.state),
      3)
  end
  if not run.finish then
    error(("%s: this policy's own handler runs; give the watch { handler = false }"):format(what),
      3)
  end
  return run
end

local function exit_of(exit)
  if exit == nil then return { code = 0 } end
  if math.type(exit) == "integer" then return { code = exit } end
  if type(exit) == "string" then return { signal = exit } end
  if type(exit) ~= "table" then
    error("exits: expected an exit code, a signal's name or an exit, got a " .. type(exit), 3)
  end
  local copy = {}
  for name, value in pairs(exit) do copy[name] = value end
  return copy
end

--- Ends the task of the message, and runs what follows: verdict, backoff, notification, the queue.
---@param exit integer|string|watchbot.Exit? an exit code, a signal's name ("KILL"), or
--- { code =, signal =, reason =, logs = };
--- default: 0
---@return string? outcome
function Message:exits(exit)
  local run = running(self, "exits")
  local ended = exit_of(exit)
  self.watch.stage:drive(run.finish, run, ended)
  return self.record.outcome
end

--- Delivers the message a second time while its task runs, as SQS sometimes does.
function Message:duplicate()
  running(self, "duplicate")
  self.watch.stage:duplicate(self.id)
end

--- The state of the message: "queued" (to be received, now or later), "waiting" (received, without
--- a slot), "running", "held", "deleted", "dead" (in the dead-letter queue), or in between,
--- "deciding" and "settling".
---@return string
function Message:state()
  return self.record.state
end

--- The outcome of the last attempt that has ended; nil before there is one.
---@return "complete"|"reject"|"release"|"retry"|"bury"|nil
function Message:outcome()
  return self.record.outcome
end

--- Seconds after which the message becomes visible again, by the last attempt; for a held one,
--- until it is retried.
---@return number?
function Message:backoff()
  return self.record.seconds
end

--- What chose the outcome: "admit", "verdict" (the policy's own), "exits", "handler", "default",
--- "stop" (the end of the watcher), or the hook that has failed.
---@return string?
function Message:decided()
  return self.record.decided
end

--- The end of the last task, as passed to the hooks.
---@return watchbot.Exit?
function Message:exit()
  return self.record.exit
end

--- The job of the newest receive, as passed to the hooks.
---@return watchbot.Job?
function Message:job()
  return self.record.job
end

--- The number of receives that count.
---@return integer
function Message:receives()
  return self.record.receives or 0
end

--- The variables that the task gets in addition to inherited ones.
---@return table<string, string>?
function Message:environment()
  return self.record.environment
end

--- The task: a text for sh or an argv; the parameters of RunTask; a handler.
---@return string|string[]|table|function|nil
function Message:command()
  return self.record.plan
end

--- The notifications about this message, oldest first.
---@return watchbot.testing.Notification[]
function Message:notifications()
  local mine = {}
  for _, notification in ipairs(self.watch:notifications()) do
    if notification.id == self.id then mine[#mine + 1] = notification end
  end
  return mine
end

--- The names of the methods.
---@type string[]
module.names = {}
for name, method in pairs(Message) do
  if type(method) == "function" then module.names[#module.names + 1] = name end
end

return module
