--- watchbot: watches a queue and runs one task for each message.
--
--     local watchbot = require "watchbot"
--     return watchbot.policy { queue = "sqlite:jobs.db", command = "./resize" }
--
-- Other modules are loaded when they are first used, so that `require "watchbot".log` in a worker
-- costs almost nothing.

-- This file is valid in older versions of Lua, too, so that they reach the check.
if _VERSION ~= "Lua 5.4" then
  local jit = rawget(_G, "jit")
  error(("watchbot needs Lua 5.4, this is %s"):format(jit and jit.version or _VERSION), 0)
end

local watchbot = { version = require "watchbot.version" }

local modules = {
  policy = "policy", log = "log", scheduler = "scheduler", process = "process", http = "http",
  sqlite = "sqlite",
  queue = "queue", aws = "aws", template = "template", merge = "template.merge", cf = "template.cf",
  testing = "testing", progress = "progress",
}

setmetatable(watchbot, {
  __index = function(self, name)
    if not modules[name] then return nil end
    local module = require("watchbot." .. modules[name])
    rawset(self, name, module)
    return module
  end,
})

--- Runs a policy until it is stopped, or until the queue is empty with `until_empty`. In a task it
--- waits; outside a task it runs the event loop until the end.
---@param policy table the result of `watchbot.policy`
---@param options watchbot.AppOptions?
---@return true? ok
---@return string? err
---@return string? code
function watchbot.run(policy, options)
  local scheduler = require "watchbot.scheduler"
  if not scheduler.running() then return scheduler.run(watchbot.run, policy, options) end
  if not require "watchbot.policy".is(policy) then
    error("run: expected what watchbot.policy { ... } returns, got a " .. type(policy), 2)
  end
  local opened, err, code = require "watchbot.watcher.app".open(policy, options)
  if not opened then return nil, err, code end
  opened:run()
  return true
end

return watchbot
