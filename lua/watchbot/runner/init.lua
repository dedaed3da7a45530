--- runner: the seam to what runs a task. Chooses the runner by the policy's field.
--
--     runner:start(job, environment, policy) -> run | nil, err, code
--     run:starts() -> boolean         -- waits: true when the task has started, false when it ended
--     run:wait() -> exit              -- waits for the end; keeps the policy's `timeout` by itself
--     run:stop(reason, grace)         -- exit.reason will be the reason
--
-- The code "NoRoom" is not the job's fault: the job is held and tried again. "TooBig" and
-- "InvalidMessage": the message fits no task, and is buried. Others: see watcher/blame.lua. An exit
-- is a watchbot.Exit (policy).
--
-- What a runner may have besides:
--
--     runner:find(job, policy) -> run, exit
--     runner:attach(queue)                     -- the queue has been opened
--     runner:capacity(policy) -> integer       -- jobs at once, where that is not `workers`
--     runner:drain()                           -- the watcher ends: nothing is to begin any more
--     runner:close()                           -- the end
--     runner:status() -> integer               -- tasks that were placed and do not run yet
--     runner.shares_signals                    -- what stops the watcher's group stops tasks, too
--     run:received_again()   run:leave()       -- the message came again; detach from the task
--
-- `find` is asked before each start: is there a task of an earlier delivery? A run that goes on; an
-- exit that decides; an exit with `unplaced` when that cannot be known now: the job is held.

local policy_kind = require("watchbot.policy").kind

local runner = {}

---@param policy table
---@param sink table where the output of tasks goes
---@param journal watchbot.Journal
---@return table? runner
---@return string? err
---@return string? code
function runner.open(policy, sink, journal)
  local opened, problem, problem_code =
    require("watchbot.runner." .. policy_kind(policy)).new(sink, policy, journal)
  if not opened then return nil, problem, problem_code end
  if not policy.volumes or policy.jobs == 1 then return opened end
  local folders, err, code = require "watchbot.runner.volumes".open(policy, journal)
  if not folders then return nil, err, code end
  return require "watchbot.runner.emptying".new(opened, folders)
end

return runner
