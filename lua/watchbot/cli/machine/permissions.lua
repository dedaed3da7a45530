--- cli.machine.permissions: finds IAM actions of a watcher that the credentials lack. Each action
-- is called in a way that an allowed caller is refused for another reason, so nothing changes.

local denied = require "watchbot.aws.denied"
local pauses = require "watchbot.status.pauses"

-- Actions of a watcher that runs ECS tasks. RunTask cannot be tried without running a task.
local NO_TASK = ("0"):rep(32)
local ECS = {
  { "ListTasks", function(cluster) return { cluster = cluster, maxResults = 1 } end },
  { "DescribeTasks", function(cluster) return { cluster = cluster, tasks = { NO_TASK } } end },
  { "StopTask", function(cluster) return { cluster = cluster, task = NO_TASK } end },
}

-- Without these actions a watcher runs, with a warning.
local SPARED = { ["sqs:GetQueueAttributes"] = true, ["sqs:ListQueueTags"] = true,
  ["scheduler:CreateSchedule"] = true }

-- The result is unknown if an action could not be tried (no response, an endpoint without the
-- operation).
local function report(account, action, err, code)
  if not err then return account:add(action, "ok", "allowed") end
  local missing = code == "NotAllowed"
  local level = missing and not SPARED[action] and "failure" or "warning"
  account:add(action, level, missing and err or "could not be tried: " .. err)
end

-- Whether a watcher learns of a pause, and whether there is one.
local function check_pause(account, queue)
  local found, err, code = queue:pauses()
  report(account, "sqs:ListQueueTags", err, code)
  if found and found[1] then
    account:add("queue", "warning", "it is paused " .. pauses.ends(found[1].ends))
  end
end

local function check_queue(account)
  if not account.url then return end
  local client = account:client "sqs"
  local queue, err = require "watchbot.queue".open(account.url, { client = client })
  if not queue then return account:add("queue", "failure", err) end
  for _, permission in ipairs(queue:permissions()) do
    if permission.action == "sqs:GetQueueAttributes" and permission.err
      and permission.code ~= "NotAllowed" then
      account:add("queue", "failure", permission.err)
    else
      report(account, permission.action, permission.err, permission.code)
    end
  end
  check_pause(account, queue)
  queue:close()
end

local function check_topic(account, policy)
  local arn = policy and policy.topic or os.getenv "NotificationTopic"
  if not arn or arn == "" then return end
  local notifier, err, code = require "watchbot.notify.sns".new(arn, { limit = 1 })
  local ok
  if notifier then ok, err, code = notifier:check() end
  if not ok and code ~= "NotAllowed" then return account:add("topic", "failure", err) end
  report(account, "sns:Publish", err, code)
end

-- The table of the keys of messages that run once.
local function check_once(account, policy)
  if not account.url or not policy or not policy.once then return end
  local store, err = require "watchbot.once.dynamodb".open(policy.once_table, account.url)
  if not store then return account:add("once", "failure", err) end
  local probe = require "watchbot.once.probe"
  for _, one in ipairs(probe.permissions(store)) do
    if one.code == "ResourceNotFoundException" then
      return account:add("once", "failure", one.err)
    end
    report(account, one.action, one.err, one.code)
  end
  local problem = probe.time_to_live(store)
  if problem then account:add("once", "warning", problem) end
end

-- Whether tasks may send messages later: only where a role for it is known.
local function check_later(account)
  local role = os.getenv "SchedulerRole"
  if not account.url or not role or role == "" then return end
  local queue, err = require "watchbot.queue".open(account.url, { client = account:client "sqs" })
  local options, sends = { delay = 0, role = role }, nil
  if queue then sends, err = require "watchbot.queue.later".open(queue, options) end
  if not sends then return account:add("scheduler", "warning", err) end
  local ok, problem, code = sends:check()
  report(account, "scheduler:CreateSchedule", not ok and problem or nil, code)
  sends:close()
end

local function check_tasks(account, policy)
  local task = policy and policy.task
  if type(task) ~= "table" then return end
  local client, problem = account:client "ecs"
  if not client then return account:add("ecs", "failure", problem) end
  for _, call in ipairs(ECS) do
    local name = call[1]
    local ok, err, code = client[name](client, call[2](task.cluster))
    err, code = denied.explain("ecs:" .. name, task.cluster, err, code)
    if ok or code == "InvalidParameterException" or code == "ClientException" then err = nil end
    report(account, "ecs:" .. name, err, code)
  end
end

---@param account watchbot.Account
---@param policy table?
return function(account, policy)
  check_queue(account)
  check_topic(account, policy)
  check_tasks(account, policy)
  check_once(account, policy)
  check_later(account)
end
