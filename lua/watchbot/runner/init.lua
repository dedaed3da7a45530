--- runner: the seam to what runs a task. Chooses the runner by the policy's field.
--
--     runner:start(job, environment, policy) -> run | nil, message, code   -- code "NoRoom": not the job's fault, try later
--     run:starts() -> boolean         -- waits until the task has started (true), or ended before that
--     run:wait() -> exit              -- waits for the end; keeps the policy's `timeout` by itself
--     run:stop(reason, grace)                                              -- exit.reason will be the reason
--
-- exit = { code, signal, reason, duration, outcome?, logs? }: the exit code or the signal's name, why (where there is more to
-- say than the code), seconds, an outcome that the task chose itself, the newest of its output.
--
-- What a runner may have besides:
--
--     runner:find(job, policy) -> run, exit    -- of an earlier receive of the message
--     runner:close()                           -- the end
--     runner:status() -> integer               -- tasks that were placed and do not run yet
--     runner.shares_signals                    -- what stops the watcher's process group stops tasks, too
--     run:received_again()   run:leave()       -- the message came again; let the task run without us

local policies = require "watchbot.policy"

local runner = {}

---@param policy table
---@param sink table where the output of tasks goes
---@param journal watchbot.Journal
---@return table? runner
---@return string? message
---@return string? code
function runner.open(policy, sink, journal)
  local opened, problem, problem_code = require("watchbot.runner." .. policies.kind(policy)).new(sink, policy, journal)
  if not opened then return nil, problem, problem_code end
  if not policy.volumes or policy.jobs == 1 then return opened end
  local folders, message, code = require "watchbot.runner.volumes".open(policy, journal)
  if not folders then return nil, message, code end
  return require "watchbot.runner.emptying".new(opened, folders)
end

return runner
