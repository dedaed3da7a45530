--- watcher.hooks: calls the hooks of a policy, which are user code. An error that they raise, and a
-- result that cannot be used, is logged with its origin, and stops nothing.

local answers = require "watchbot.watcher.answers"
local call = require "watchbot.policy.call"
local mend = require("watchbot.message.job").mend
local own = require "watchbot.lib.own"
local policy = require "watchbot.policy"

---@class watchbot.HookObserver
---@field called fun(self, name: string, job: any, began: boolean) a hook is called, or has returned
---@field complained fun(self, err: any, where: string)

---@class watchbot.HookCaller
---@field policy table the policy with the hooks; `use` replaces it by another
---@field plain table its values, at less cost
---@field observer watchbot.HookObserver|false
local Hooks = {}
Hooks.__index = Hooks

local hooks = {}

---@param current table
---@param journal watchbot.Journal
---@return watchbot.HookCaller
function hooks.new(current, journal)
  return own({
    policy = current, plain = policy.plain(current), journal = journal, observer = false,
  }, Hooks)
end

--- Another policy applies from now on.
---@param current table
function Hooks:use(current)
  self.policy, self.plain = current, policy.plain(current)
end

local function heard(self, name, job, ok, ...)
  mend(job)
  if self.observer then self.observer:called(name, job, false) end
  if not ok then self:complain((...), name) end
  return ok, ...
end

--- Calls a hook.
---@param name string
---@param ... any
---@return boolean ok false if it raised an error
---@return any ... its results
function Hooks:call(name, ...)
  local job = (...)
  if self.observer then self.observer:called(name, job, true) end
  local current = self.policy
  local body = current[name]
  if body == policy[name] then
    return heard(self, name, job, xpcall(body, debug.traceback, current, ...))
  end
  local id = type(job) == "table" and job.id or nil
  return heard(self, name, job, call.protected(id, body, current, ...))
end

-- A check may also raise an error or never end: the results of a hook may have metamethods.
local function checked(self, name, ok, ...)
  if not ok then return nil end
  local sound, first, second = call.protected(nil, answers[name], ...)
  if not sound then first, second = nil, first end
  if first == nil then
    self:complain(second, name)
    return nil
  end
  return first, second
end

--- Calls a hook and checks its results, see watcher/answers.lua. The default hooks need no check.
---@param name string
---@param ... any
---@return any first nil if it raised an error or returned an invalid value, which is logged
---@return any second
function Hooks:ask(name, ...)
  local current = self.policy
  local default = policy[name]
  if current[name] == default and not self.observer then return default(current, ...) end
  return checked(self, name, self:call(name, ...))
end

--- Whether the policy overrides the hook with this name.
---@param name string
---@return boolean
function Hooks:is_set(name)
  return self.policy[name] ~= policy[name]
end

--- Logs an error, and passes it to the policy's `failed`.
---@param err any
---@param where string
function Hooks:complain(err, where)
  if self.observer then self.observer:complained(err, where) end
  self.journal:error(nil, "error", call.described(err), "where", where)
  local ok, second = call.protected(nil, self.policy.failed, self.policy, err, where)
  if ok then return end
  self.journal:error(nil, "error", call.described(second), "where", "failed")
end

return hooks
