--- watcher.opening: opens what a policy names for each of its queues: the queue, the runner, and a
-- log that names the queue where there are several.

local core = require "watchbot.core"
local of_queues = require("watchbot.policy").of_queues
local open_queue = require("watchbot.queue").open
local queue_file = require("watchbot.queue").file
local policy_kind = require("watchbot.policy").kind
local reach = require "watchbot.watcher.reach"
local runner = require "watchbot.runner"
local urls = require "watchbot.lib.urls"

local opening = {}

--- The policy of a list of one queue is that of a watcher of one `queue`.
---@param policy watchbot.Policy
---@return watchbot.Policy
function opening.single(policy)
  local all = of_queues(policy)
  return all and #all == 1 and all[1].policy or policy
end

-- names

local function last_part(url)
  return url:match "([^/:]+)/*$" or url
end

--- Short names of queues, for lines of the log and labels: the last part of the URL, or the URL
--- where two have the same.
---@param all { queue: string }[]
---@return string[]
function opening.names(all)
  local count, names = {}, {}
  for _, one in ipairs(all) do
    local name = last_part(one.queue)
    count[name] = (count[name] or 0) + 1
  end
  for index, one in ipairs(all) do
    local name = last_part(one.queue)
    names[index] = count[name] == 1 and name or urls.hide(one.queue)
  end
  return names
end

-- queues

local function queue_of(policy, journal)
  return open_queue(policy.queue, {
    max_receives = policy.max_receives, retention = policy.retention,
    visibility = policy.visibility, linger = policy.linger,
    on_expired = function(count)
      journal:warning(nil, "event", "messages expired", "count", count)
    end,
    warn = function(text) journal:warning(nil, "warning", text) end,
    on_corrupt = function(id)
      journal:error(id, "error", "the message does not match its MD5, it is not run")
    end,
  })
end

-- Links may give one file several names: its messages would seem to be lost to each other.
local function check_twice(parts, part, policy)
  local path, prefix = nil, nil
  if part.queue.embedded then path, prefix = queue_file(policy.queue) end
  local status = path and core.file.status(core.empty.real(path) or path)
  if not status then return true end
  part.identity = ("%d:%d:%s"):format(status.device, status.inode, prefix or "")
  for _, other in ipairs(parts) do
    if other ~= part and other.identity == part.identity then
      return nil, ("it is the same file as '%s'"):format(other.queue.name), "Usage"
    end
  end
  return true
end

-- A table that does not answer is waited for with the first message.
local function check_keys(policy)
  local store, err, code = require "watchbot.once.dynamodb".open(policy.once_table, policy.queue)
  if not store then return nil, err, code end
  return require "watchbot.once.probe".check(store)
end

-- Whether the permissions that the watcher needs are granted, as far as that can be checked in
-- advance.
local function check_queue(part, policy, until_empty)
  local queue = part.queue
  local ok, err, code, passing = reach.check(queue)
  if not ok and passing and not until_empty then
    part.unreached = { err = err, code = code } -- the watcher asks again
    return true
  end
  if ok and policy.once and not queue.embedded then ok, err, code = check_keys(policy) end
  if not ok then return nil, err, code end
  if queue.warning and until_empty and not queue.embedded then
    return nil, queue.warning, "NotAllowed"
  end
  if queue.warning then part.journal:warning(nil, "warning", queue.warning) end
  if policy.history and not queue.keep_history then
    part.journal:warning(nil, "warning", "the policy's 'history' has no effect on an SQS queue: "
      .. "the log has the outcome of each job")
  end
  return true
end

-- runners

-- Whether a runner that was opened for another queue can serve this one.
local function fits(policy, kind, known, journal)
  if kind == "ecs" then return require "watchbot.runner.ecs".check(policy) end
  if kind ~= "process" then return true end
  local ok, err, code = true, nil, nil
  if known.allowance then ok, err, code = known:allowance(policy) end
  if ok and policy.volumes and policy.jobs ~= 1 then
    ok, err, code = require "watchbot.runner.volumes".open(policy, journal)
  end
  return ok, err, code
end

-- A resident program is one of its queue; the tasks of other kinds get their queue's policy with
-- each start, so that one runner serves all queues, with the limits that are the watcher's.
local function runner_of(policy, sink, journal, opened)
  local kind = policy_kind(policy)
  local known = kind ~= "resident" and opened[kind]
  if known then
    local ok, err, code = fits(policy, kind, known, journal)
    return ok and known, err, code
  end
  local made, err, code = runner.open(policy, sink, journal)
  if made then opened[kind] = made end
  return made, err, code
end

-- all

-- Folders are emptied when no task runs: one runner has to know of all of them.
local function same_tasks(policy, all)
  if not all or not policy.volumes or policy.jobs == 1 then return true end
  local kind = policy_kind(all[1].policy)
  for _, one in ipairs(all) do
    if kind == "resident" or policy_kind(one.policy) ~= kind then
      return nil, "'volumes' are emptied between the tasks of all 'queues': these must be of one "
        .. "kind, 'command' or 'handler'"
    end
  end
  return true
end

local function open_one(parts, policy, journal, sink, until_empty, opened)
  local part, ok, err, code = { journal = journal }
  part.runner, err, code = runner_of(policy, sink, journal, opened)
  if not part.runner then return nil, err, code end
  parts[#parts + 1] = part
  part.queue, err, code = queue_of(policy, journal)
  if not part.queue then return nil, err, code end
  ok, err, code = check_twice(parts, part, policy)
  if ok then ok, err, code = check_queue(part, policy, until_empty) end
  return ok and part, err, code
end

--- Opens all queues, or none. Waits in a task.
---@param policy watchbot.Policy
---@param sink table
---@param journal watchbot.Journal
---@param until_empty boolean?
---@return watchbot.QueueParts[]? parts with a `name` where there are several
---@return string? err
---@return string? code
function opening.open(policy, sink, journal, until_empty)
  local all = of_queues(policy)
  local names, parts, opened = opening.names(all or {}), {}, {}
  local shared, problem = same_tasks(policy, all)
  if not shared then return nil, problem, "Usage" end
  for index, one in ipairs(all or { { policy = policy } }) do
    local name = names[index]
    local part, err, code = open_one(parts, one.policy, name and journal:of_queue(name) or journal,
      sink, until_empty, opened)
    if not part then
      opening.close(parts)
      return nil, name and ("queue '%s': %s"):format(name, err) or err, code
    end
    part.name = name
  end
  return parts
end

--- Closes the runners. Waits in a task.
---@param parts watchbot.QueueParts[]
function opening.close_runners(parts)
  local closed = {}
  for _, part in ipairs(parts) do
    if part.runner.close and not closed[part.runner] then part.runner:close() end
    closed[part.runner] = true
  end
end

--- Closes what was opened for a watcher that does not start.
---@param parts watchbot.QueueParts[]
function opening.close(parts)
  for _, part in ipairs(parts) do
    if part.queue then part.queue:close() end
  end
end

return opening
