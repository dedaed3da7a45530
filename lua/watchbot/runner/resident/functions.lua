--- runner.resident.functions: the channel to a policy's `handler` that takes a batch of jobs.

local limits = require "watchbot.runner.limits"
local mend = require("watchbot.message.job").mend
local printed = require "watchbot.journal.printed"
local scheduler = require "watchbot.scheduler"

local OUTCOMES = { complete = true, reject = true, release = true, retry = true, bury = true }

---@class watchbot.FunctionsChannel
---@field runtime watchbot.Runtime
---@field task watchbot.Task? the running handler
local Functions = {}
Functions.__index = Functions

local functions = { shares_program = true }

---@param runtime watchbot.Runtime
---@return watchbot.FunctionsChannel
function functions.open(runtime)
  return setmetatable({ runtime = runtime }, Functions)
end

function Functions:defaults() return {} end

function Functions:environment() return {} end

function Functions:started()
  self.runtime:asked(true)
end

function Functions:prepare()
  return ""
end

function Functions:gone()
  return false
end

-- The handler's result for one job: nothing, an outcome, or why it has failed.
local function exit_of(said)
  if said == nil or said == true then return { code = 0 } end
  if OUTCOMES[said] then return { code = 0, outcome = said } end
  if type(said) == "string" then return { code = 1, reason = said } end
  if said == false then return { code = 1, reason = "the handler has returned false for it" } end
  return { code = 1, reason = ("the handler has returned a %s for it"):format(type(said)) }
end

-- A result that names a job outside the batch is useless for the jobs in it.
local function stranger(invocation, result)
  local known = {}
  for _, run in ipairs(invocation.runs) do known[run.job.id] = true end
  for id in next, result do
    if not known[id] then return id end
  end
end

-- An error that the handler has raised; its time limit raises one, too.
local function failure(self, err)
  local limit = limits.timed_out(self.runtime.pool.parts.policy.timeout)
  err = type(err) == "string" and err or ("a %s was raised"):format(type(err))
  if err:sub(1, #limit) == limit then return { code = 1, reason = limit, timed_out = true } end
  return { code = 1, reason = err }
end

local function settle(self, invocation, ok, result)
  for _, run in ipairs(invocation.runs) do mend(run.job) end
  if invocation.over then return end
  if not ok then return self.runtime:settled(failure(self, result)) end
  if result ~= nil and type(result) ~= "table" then
    return self.runtime:settled(exit_of(result))
  end
  local unknown = result and stranger(invocation, result)
  if unknown ~= nil then
    local reason = "the handler returned '%s', which is not the ID of one of its jobs"
    return self.runtime:settled { code = 1, reason = reason:format(tostring(unknown)) }
  end
  self.runtime:settled_each(function(run)
    return exit_of(result and rawget(result, run.job.id))
  end)
end

---@param _ any
---@param invocation watchbot.Invocation
function Functions:give(_, invocation)
  local policy, jobs = self.runtime.pool.parts.policy, {}
  for index, run in ipairs(invocation.runs) do jobs[index] = run.job end
  local limit = policy.timeout > 0 and policy.timeout or math.huge
  self.task = scheduler.spawn(function()
    -- What a handler of several messages prints is of none of them.
    local task = scheduler.current()
    printed.begin(task, #jobs == 1 and jobs[1].id or nil)
    settle(self, invocation, xpcall(scheduler.limit, debug.traceback, limit,
      limits.timed_out(limit), policy.handler, jobs))
    printed.finish(task)
    if self.runtime.state == "answered" then self.runtime:asked(true) end
  end)
end

--- Ends the running handler: raises the reason in it at each wait and instruction.
function Functions:close()
  if self.task then self.task:expire "the handler is stopped" end
end

return functions
