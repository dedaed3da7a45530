--- runner: the seam to what runs a task. Chooses the runner by the policy's field.
--
--     runner:start(job, environment, policy) -> run | nil, message, code   -- code "NoRoom": not the job's fault, try later
--     run:wait(seconds?) -> exit | nil                                     -- nil: `seconds` have passed
--     run:stop(reason, grace)                                              -- exit.reason will be the reason
--
-- exit = { code, signal, reason, duration, outcome?, logs? }: the exit code or the signal's name, why (where there is more to
-- say than the code), seconds, an outcome that the task chose itself, the newest of its output.
--
--     runner:close()                                                       -- where there is one: the end

local runner = {}

---@param policy table
---@param sink table where the output of tasks goes
---@param journal watchbot.Journal
---@return table? runner
---@return string? message
---@return string? code
function runner.open(policy, sink, journal)
  local kind = policy.handler and "lua" or "process"
  local opened = require("watchbot.runner." .. kind).new(sink, policy)
  if not policy.volumes or policy.jobs == 1 then return opened end
  local folders, message, code = require "watchbot.volumes".open(policy, journal)
  if not folders then return nil, message, code end
  return require "watchbot.runner.emptying".new(opened, folders)
end

return runner
