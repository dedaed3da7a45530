--- runner: the seam to what runs a task. Chooses the runner by the policy's field.
--
--     runner:start(job, environment, policy) -> run | nil, message, code   -- code "NoRoom": not the job's fault, try later
--     run:wait(seconds?) -> exit | nil                                     -- nil: `seconds` have passed
--     run:stop(reason, grace)                                              -- exit.reason will be the reason
--
-- exit = { code, signal, reason, duration, outcome?, logs? }: the exit code or the signal's name, why (where there is more to
-- say than the code), seconds, an outcome that the task chose itself, the newest of its output.

local runner = {}

---@param policy table
---@param sink table where the output of tasks goes
---@return table runner
function runner.open(policy, sink)
  local kind = policy.handler and "lua" or "process"
  return require("watchbot.runner." .. kind).new(sink, policy)
end

return runner
