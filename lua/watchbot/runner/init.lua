--- runner: the interface to what runs a task. Chooses the runner by the policy's fields.
--
--     runner:start(job, environment, policy, lapsed) -> run | nil, err, code
--     run:starts() -> boolean         -- waits: true when the task has started, false when it ended
--     run:wait() -> exit              -- waits for the end; enforces the policy's `timeout`
--     run:stop(reason, grace)         -- `reason` becomes exit.reason
--
-- With the code "NoRoom" the job is not the cause: it is held and retried. "TooBig" and
-- "InvalidMessage": the message does not fit into any task, and is buried. Others: see
-- watcher/blame.lua. An exit is a watchbot.Exit (policy). A runner that waits before the task
-- begins calls `lapsed()` after the wait, and starts nothing if another watcher may have the
-- message: the code is "LeaseLapsed", or the exit's cause "lapsed".
--
-- Optional functions of a runner:
--
--     runner:find(job, policy) -> run, exit
--     runner:attach(queue)                     -- the queue has been opened
--     runner:capacity(policy) -> integer       -- jobs at once, if that is not `workers`
--     runner:drain()                           -- the watcher ends: start nothing any more
--     runner:close()                           -- the end
--     runner:status() -> integer               -- tasks that were placed but do not run yet
--     runner.shares_signals                    -- signals to the watcher's group stop tasks, too
--     runner.starts_at_once                    -- `start` and `starts` neither wait nor fail
--     run:received_again()   run:leave()       -- the message was received again; detach from the
-- task
--
-- `find` is called before each start: is there a task of an earlier delivery? It returns a running
-- one; an exit that decides; or an exit with `unplaced` if that is not known now, and the job is
-- held.

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
