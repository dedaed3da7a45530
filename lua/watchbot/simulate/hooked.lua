--- simulate.hooked: observes the hooks of simulated watchers: which one runs in a task, and what it
-- raises.

local scheduler = require "watchbot.scheduler"

---@class watchbot.Hooked: watchbot.HookObserver
local Hooked = {}
Hooked.__index = Hooked

local hooked = {}

---@param complain fun(err: string, where: string)
---@return watchbot.Hooked
function hooked.new(complain)
  return setmetatable({ complain = complain, of = setmetatable({}, { __mode = "k" }) }, Hooked)
end

--- A hook is called, or has returned.
function Hooked:called(name, _, began)
  self.of[scheduler.current()] = began and name or nil
end

--- A hook has raised an error.
function Hooked:complained(err, where)
  self.complain(tostring(err), where)
end

--- The hook that the current task runs.
---@return string?
function Hooked:caller()
  local task = scheduler.current()
  return task and self.of[task]
end

return hooked
