--- cli.project.policy: the policy of a new project.

local rest = [==[
  timeout = 15 * 60,                      -- seconds; then the task is stopped and its message tried again
  exits   = { [75] = "release" },         -- EX_TEMPFAIL: return it without a notification
}

-- Out of memory will not get better by trying again: the message is kept for a person to look at.
function policy:verdict(job, exit)
  if exit.oom then return "bury" end
  return watchbot.policy.verdict(self, job, exit)
end

-- Double the wait each time, but never past ten minutes.
function policy:backoff(job)
  return math.min(600, watchbot.policy.backoff(self, job))
end

return policy
]==]

return {
  path = "policy.lua",

  process = [==[
-- What @NAME@ does with each message: ./worker runs, and its exit code decides what becomes of the message.
-- `watchbot help policy` lists all fields and hooks; spec/policy_spec.lua tests this file.

local watchbot = require "watchbot"

local policy = watchbot.policy {
  queue   = os.getenv "QueueUrl" or "sqlite:jobs.db", -- the stack sets QueueUrl
  command = { "./worker" },
]==] .. rest,

  task = [==[
-- What @NAME@ does with each message: an ECS task runs, and its exit code decides what becomes of the message.
-- `watchbot help policy` lists all fields and hooks; spec/policy_spec.lua tests this file.

local watchbot = require "watchbot"

local policy = watchbot.policy {
  queue   = os.getenv "QueueUrl" or "sqlite:jobs.db",                  -- the stack sets QueueUrl
  command = not os.getenv "TaskDefinition" and { "./worker" } or nil,  -- and TaskDefinition: tasks run on the cluster
]==] .. rest,
}
