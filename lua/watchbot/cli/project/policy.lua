--- cli.project.policy: the policy of a new project.

local rest = [==[
  timeout = 15 * 60,                      -- seconds; then the task is stopped and retried
  exits   = { [75] = "release" },         -- EX_TEMPFAIL: return it without a notification
}

-- A retry does not help when a task runs out of memory: keep its message for a person to look at.
function policy:verdict(job, exit)
  if exit.oom then return "bury" end
  return watchbot.policy.verdict(self, job, exit)
end

-- Double the wait each time, up to ten minutes.
function policy:backoff(job)
  return math.min(600, watchbot.policy.backoff(self, job))
end

return policy
]==]

return {
  path = "policy.lua",

  process = [==[
-- @NAME@ runs ./worker for each message; its exit code decides what happens to the message.
-- `watchbot help policy` lists all fields and hooks; spec/policy_spec.lua tests this file.

local watchbot = require "watchbot"

local policy = watchbot.policy {
  queue   = os.getenv "QueueUrl" or "sqlite:jobs.db", -- the stack sets QueueUrl
  command = { "./worker" },
]==] .. rest,

  task = [==[
-- @NAME@ runs an ECS task for each message; its exit code decides what happens to the message.
-- `watchbot help policy` lists all fields and hooks; spec/policy_spec.lua tests this file.

local watchbot = require "watchbot"

local policy = watchbot.policy {
  queue   = os.getenv "QueueUrl" or "sqlite:jobs.db", -- the stack sets QueueUrl
  -- The stack sets TaskDefinition as well: tasks run on the cluster.
  command = not os.getenv "TaskDefinition" and { "./worker" } or nil,
]==] .. rest,
}
