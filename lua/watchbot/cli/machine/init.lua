--- cli.machine: the checks of `watchbot check` on the machine or container: each finding is ok, a
-- warning, or a failure with its fix.

local container = require "watchbot.cli.machine.container"
local core = require "watchbot.core".file
local limits = require "watchbot.cli.machine.limits"
local of_queues = require("watchbot.policy").of_queues
local opening = require "watchbot.watcher.opening"
local policy_kind = require("watchbot.policy").kind
local queue = require "watchbot.cli.machine.queue"
local service = require "watchbot.cli.machine.service"

local machine = {}

---@class watchbot.Finding
---@field what string "queue file"
---@field level "ok"|"warning"|"failure"
---@field message string

-- Seconds after which a health file is outdated.
local OLD = 30

local function add(findings, what, level, message)
  findings[#findings + 1] = { what = what, level = level, message = message }
end

local function check_clock(findings)
  if os.time() >= 1735689600 then return end -- 2025-01-01
  add(findings, "clock", "failure",
    ("it shows %s: AWS refuses requests that are 5 minutes off; start NTP")
    :format(os.date "!%Y-%m-%d"))
end

local function found_twice()
  local paths, seen = {}, {}
  for template in package.path:gmatch "[^;]+" do
    local path = template:gsub("%?", "watchbot")
    local status = template:find("?", 1, true) and core.status(path)
    local identity = status and status.device .. ":" .. status.inode
    if status and not seen[identity] then
      seen[identity], paths[#paths + 1] = true, path
    end
  end
  return paths
end

local function check_modules(findings)
  local paths = found_twice()
  if #paths < 2 then return end
  add(findings, "Lua modules", "warning",
    ("several copies of watchbot: %s; policies use the first: remove the others"):format(
      table.concat(paths, ", ")))
end

local function check_health(findings, path)
  if not path then return end
  local age, err, code = require "watchbot.watcher.health".age(path, "alive")
  if not age then
    if code ~= "ENOENT" then add(findings, "health file", "warning", err) end
    return
  end
  if age < OLD then return add(findings, "health file", "ok", "a watcher writes it") end
  add(findings, "health file", "warning", ("no watcher has written '%s' for %s: it is not running, "
    .. "or hangs"):format(path, age < math.huge and ("%d s"):format(age // 1)
      or "as long as this machine runs"))
end

-- No message depends on a collector.
local function check_export(findings)
  for _, one in ipairs(require "watchbot.otlp.check"(os.getenv)) do
    add(findings, one.what, one.problem and "warning" or "ok",
      one.problem or ("exported to %s"):format(one.url))
  end
end

-- Without a policy that is unknown; then missing credentials are not a failure.
local function needs_aws(policy, url)
  if url and not url:find "^sqlite:" then return true end
  return policy and (policy.topic or policy_kind(policy) == "ecs") and true or false
end

-- An empty variable is as good as none.
local function queue_of(policy)
  local url = policy and policy.queue or os.getenv "QueueUrl"
  return url ~= "" and url or nil
end

local function check_account(findings, url, policy)
  local needed = needs_aws(policy, url)
  if needed or not policy then
    require "watchbot.cli.machine.account"(findings, url, policy, needed)
  end
end

-- Findings about one queue name it; the others are printed once.
local function merge(findings, its, name, seen)
  for _, finding in ipairs(its) do
    if finding.what:find "^queue" or finding.what:find "^sqs:" or finding.what:find "^write%-" then
      finding.message = ("%s: %s"):format(name, finding.message)
    end
    local key = finding.what .. "\0" .. finding.message
    if not seen[key] then findings[#findings + 1] = finding end
    seen[key] = true
  end
end

local function check_queues(findings, all)
  local names, seen = opening.names(all), {}
  for index, one in ipairs(all) do
    local its = {}
    queue(its, one.queue)
    check_account(its, one.queue, one.policy)
    merge(findings, its, names[index], seen)
  end
end

--- Checks the machine. Waits in a task.
---@param policy table? whose queue, workers and health file are checked; default: from the
--- environment
---@return watchbot.Finding[]
function machine.look(policy)
  local findings = {}
  local all = policy and of_queues(policy)
  if not all then queue(findings, queue_of(policy)) end
  limits(findings, policy and policy.workers or math.tointeger(os.getenv "Concurrency") or 1)
  check_clock(findings)
  if all then check_queues(findings, all) else check_account(findings, queue_of(policy), policy) end
  check_modules(findings)
  check_health(findings, policy and policy.health)
  check_export(findings)
  if policy and policy.listen then
    require "watchbot.cli.machine.listen"(function(...) add(findings, ...) end, policy.listen)
  end
  service.look(findings, policy)
  container.look(function(...) add(findings, ...) end, policy)
  return findings
end

return machine
