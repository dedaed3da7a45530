--- attempt: one try at a job, while it has a slot: whether it may run, its task, the end of that, and the verdict. What becomes
-- of the message is the watcher's.

-- A task that has run this long has started, whatever its exit code will be.
local STARTED_AFTER = 1

-- What a shell answers when it could not start the program.
local not_started_codes = { [126] = true, [127] = true }

local outcomes = { complete = true, reject = true, release = true, retry = true }

local attempt = {}

--- Whether the policy lets the job run now; else its outcome.
local function admit(watcher, entry)
  local ok, admitted, seconds = watcher.hooks:call("admit", entry.job)
  if not ok then return "retry", nil, { reason = "the hook 'admit' failed" } end
  if admitted == true then return true end
  if outcomes[admitted] or admitted == "hold" then return admitted, seconds, { reason = "not admitted" } end
  watcher.hooks:complain(("admit must return true, an outcome or 'hold', not '%s'"):format(tostring(admitted)), "admit")
  return "retry", nil, { reason = "the hook 'admit' failed" }
end

local function verdict(watcher, entry, exit)
  local ok, outcome, seconds = watcher.hooks:call("verdict", entry.job, exit)
  if not ok then return "retry" end
  if outcomes[outcome] then return outcome, seconds end
  watcher.hooks:complain(("verdict returned '%s', which is no outcome"):format(tostring(outcome)), "verdict")
  return "retry"
end

--- What the task of an earlier receive of this message has come to: a run of one that goes on, or an exit that decides.
local function find(watcher, entry)
  if not watcher.runner.find or entry.job.receives < 2 then return nil end
  local run, exit = watcher.runner:find(entry.job, watcher.policy)
  if run then
    watcher.journal:info(entry.id, "event", "found the task of an earlier receive", "task", run.arn)
    return run
  end
  -- The task of a receive that failed has had its retry: this one.
  if exit and not exit.blameless then
    local outcome = verdict(watcher, entry, exit)
    exit = (outcome == "complete" or outcome == "reject") and exit or nil
  end
  return nil, exit
end

--- Finds or starts the task; else an exit that says why there is none.
local function begin(watcher, entry, environment)
  local run, exit = find(watcher, entry)
  if run or exit then return run, exit end
  watcher.journal:started(entry.job)
  local message, code
  run, message, code = watcher.runner:start(entry.job, environment, watcher.policy)
  if run then return run end
  return nil, {
    reason = message, error = code, duration = 0, unplaced = code == "NoRoom" or nil,
    outcome = code == "TooBig" and "reject" or nil, not_started = code ~= "NoRoom" and code ~= "TooBig" or nil,
  }
end

--- Waits for the end of a task, for as long as the policy lets it run.
local function wait(watcher, entry, run)
  local limit = watcher.policy.timeout > 0 and watcher.policy.timeout or math.huge
  local exit = run:wait(math.min(STARTED_AFTER, limit))
  if not exit and limit > STARTED_AFTER then
    watcher:started()
    exit = run:wait(limit < math.huge and limit - STARTED_AFTER or nil)
  end
  if not exit then
    run:stop(("timed out after %g s"):format(limit), watcher.policy.kill_grace)
    exit = run:wait()
    exit.timed_out = not entry.stopped
  end
  return exit
end

--- Waits for the end of a task whose runner keeps the limits: it knows when the task really began.
local function wait_elsewhere(watcher, run)
  if run:starts() then watcher:started() end
  return run:wait()
end

local function follow(watcher, entry, run)
  watcher:running_now(entry, run)
  local exit = watcher.runner.keeps_time and wait_elsewhere(watcher, run) or wait(watcher, entry, run)
  exit.stopped = entry.stopped
  return exit
end

local function was_not_started(exit)
  return exit.not_started or (not_started_codes[exit.code] and not exit.elsewhere and exit.duration < STARTED_AFTER)
end

--- Admits, starts, follows and judges.
---@param watcher watchbot.Watcher
---@param entry table
---@return string outcome or "hold"
---@return number? seconds
---@return watchbot.Exit exit
function attempt.run(watcher, entry)
  local outcome, seconds, exit = admit(watcher, entry)
  if outcome ~= true then return outcome, seconds, exit end
  local ok, environment = watcher.hooks:call("environment", entry.job)
  if not ok or type(environment) ~= "table" then
    return "retry", nil, { reason = "the hook 'environment' failed" }
  end
  local run
  run, exit = begin(watcher, entry, environment)
  if run then exit = follow(watcher, entry, run) end
  if exit.unplaced then return "hold", nil, exit end
  if exit.stopped then return "retry", exit.left and watcher.policy.handover or 0, exit end
  if was_not_started(exit) then
    exit.not_started = true
    watcher:not_started(entry, exit)
  elseif run then
    watcher:started()
  end
  outcome, seconds = verdict(watcher, entry, exit)
  return outcome, seconds, exit
end

return attempt
