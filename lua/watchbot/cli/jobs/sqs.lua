--- cli.jobs.sqs: the actions of `watchbot jobs` on an SQS queue: what its stack's log and ECS tasks
-- say of a message. SQS itself neither lists messages nor finds one by its ID, and changes one only
-- for the consumer that has received it.

local ending = require "watchbot.runner.ecs.ending"
local logged = require "watchbot.stack.logged"
local logs = require "watchbot.stack.logs"
local output = require "watchbot.cli.output"
local scheduler = require "watchbot.scheduler"
local text = require "watchbot.lib.text"
local view = require "watchbot.cli.jobs.view"
local work = require "watchbot.status.work"

-- Milliseconds of the log that are read unless the user says.
local BACK = 6 * 3600 * 1000

local sqs = {}

--- SQS cannot list.
function sqs.list()
  return nil, "jobs: SQS cannot list its messages: see watchbot status for their number, watchbot "
    .. "dead-letter list for the dead ones, watchbot logs for what has run, and watchbot jobs show "
    .. "ID for one message", "NotOnSqs"
end

--- SQS cannot make a message visible for anybody but its consumer.
function sqs.retry()
  return nil, "jobs: on SQS only the watcher that has received a message can make it visible: it "
    .. "is retried when its backoff ends; dead letters: watchbot dead-letter replay", "NotOnSqs"
end

-- The stack's ECS task that runs for a message.
-- => task, client, cluster; false: the message has no task, or the stack runs none | nil err code
local function task_of(found, url, id)
  local cluster = found:find "ClusterArn"
  local task, client, code = work.find({
    cluster = cluster, definition = found:find "TaskDefinition", near = url,
  }, id)
  if task == nil then return nil, "jobs: " .. client, code end
  return task, client, cluster
end

-- show

local function read_log(found, id, since)
  local name, err, code = found:find "LogGroup"
  if not name then
    return nil, err or "jobs: no log group: give --stack NAME or --log-group", code
  end
  local group
  group, err, code = logs.open(name)
  if not group then return nil, err, code end
  local events = {}
  local ok, problem, problem_code = group:of_message({ id = id, since = since }, function(event)
    events[#events + 1] = event
  end)
  if not ok then return nil, "jobs: " .. problem, problem_code end
  return events
end

local function print_job(one, task, chosen)
  if task then one.task, one.state = task.taskArn, "running" end
  if chosen.json then return output.check(output.whole_line(view.json(one))) end
  output.check(output.line(view.whole(one)))
  if task then
    output.check(output.line(("\nECS task %s: %s"):format(text.line(task.taskArn),
      text.line(tostring(task.lastStatus)))))
  end
end

--- Shows what the log and the tasks say of messages.
---@param url string
---@param chosen watchbot.JobChoice
---@param found watchbot.Target
function sqs.show(url, chosen, found)
  local status, since = 0, chosen.since or scheduler.time() - BACK
  for _, id in ipairs(chosen.ids) do
    local events, err, code = read_log(found, id, since)
    if not events then return nil, err, code end
    local task
    task, err, code = task_of(found, url, id)
    if task == nil then return nil, err, code end
    local one = logged.job(id, events)
    if not one and task then
      one = { id = id, state = "running", key = "task", receives = 1, attempts = {} }
    end
    if one then
      print_job(one, task, chosen)
    else
      output.complain(("jobs: the log has nothing of the message '%s' since %s, and no task runs "
        .. "for it; --since looks further back"):format(text.word(id), scheduler.iso_date(since)))
      status = 1
    end
  end
  if not chosen.json and status == 0 then
    output.complain "jobs: from the log and the tasks: SQS itself cannot be asked about a message"
  end
  return status
end

-- cancel

--- Stops the ECS tasks of messages; their watcher removes the messages, by the reason.
---@param url string
---@param chosen watchbot.JobChoice
---@param found watchbot.Target
function sqs.cancel(url, chosen, found)
  local status = 0
  for _, id in ipairs(chosen.ids) do
    local task, client, cluster = task_of(found, url, id)
    if task == nil then return nil, client, cluster end
    if task then
      local ok, err, code = client:StopTask {
        cluster = cluster, task = task.taskArn, reason = ending.CANCELLED,
      }
      if not ok then
        local _, words = work.explain("StopTask", err, code)
        return nil, "jobs: " .. words, code
      end
      output.check(output.line(("%s: its task %s is stopped, and then its watcher removes it")
        :format(text.word(id), text.line(task.taskArn))))
    else
      output.complain(("jobs: no ECS task of this stack runs for '%s': on SQS, a message that "
        .. "waits, or that runs in the watcher's own container, cannot be cancelled"):format(
        text.word(id)))
      status = 1
    end
  end
  return status
end

return sqs
