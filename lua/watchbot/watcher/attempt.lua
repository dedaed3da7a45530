--- watcher.attempt: one attempt at a job, while it has a slot: whether it may run, its task, the
-- end of the task, and the verdict. The watcher settles the message.

local answers = require "watchbot.watcher.answers"
local blame = require "watchbot.watcher.blame"
local ending = require "watchbot.watcher.ending"
local event = require "watchbot.message.event"
local lanes = require "watchbot.watcher.lanes"
local policy = require "watchbot.policy"
local reason = require "watchbot.lib.reason"
local scheduler = require "watchbot.scheduler"

---@class watchbot.Verdict the result of an attempt
---@field outcome string? what happens to the message; nil with `hold`
---@field hold "held"|"unplaced"|nil the job is held: by the hook `admit`, or for lack of capacity
---@field seconds number? of the hold, or until the message becomes visible again
---@field pause { seconds: number? }? the queue is paused, without seconds until it is resumed
---@field exit watchbot.Exit
---@field cause string see watcher/blame.lua
---@field step string? the hook that failed
---@field decided string what chose the outcome

---@class watchbot.AttemptContext
---@field hooks watchbot.HookCaller
---@field runner table
---@field journal watchbot.Journal
---@field jobs watchbot.Jobs
---@field draining watchbot.Event
---@field breaker watchbot.Breaker
---@field payloads watchbot.Payloads
---@field life watchbot.Life
---@field passed fun(step: string) a step has succeeded
---@field runs_late fun(entry: watchbot.JobEntry) a task started while the watcher was ending

local attempt = {}

-- A hook has returned "pause": the message goes back, as it came, and the queue is paused.
local function paused(exit, seconds, decided)
  return {
    outcome = "release", exit = exit, cause = "paused", pause = { seconds = seconds },
    decided = decided,
  }
end

local function failed_hook(entry, name)
  if entry.ended then
    local exit = { reason = entry.ended, stopped = true, duration = 0 }
    return { outcome = "retry", exit = exit, cause = "stopped", seconds = 0, decided = "stop" }
  end
  local exit = { reason = ("the hook '%s' failed"):format(name), cause = "hook" }
  return { outcome = "retry", exit = exit, cause = "hook", step = name, decided = name }
end

-- Finds the event in a message, for the hooks and the task. S3's test of a notification has no
-- object that a task could work on: it is done.
---@return watchbot.Verdict? done
local function recognize(context, entry, kind)
  local found = event.read(entry.job.message, kind)
  entry.job.event = found
  if not found or not found.is_test then return nil end
  context.journal:info(entry.id, "event", "S3 tests its notifications", "bucket", found.bucket)
  return {
    outcome = "complete", exit = { reason = "a test event of S3" }, cause = "ended",
    decided = "envelope",
  }
end

--- Whether the policy lets the job run now; otherwise the result of the hook.
---@return watchbot.Verdict? refused
local function admit(context, entry)
  local hooks = context.hooks
  local current = hooks.plain
  local kind = current.envelope
  local done = kind and recognize(context, entry, kind)
  if done then return done end
  -- The default admits every job.
  if current.admit == policy.admit and not hooks.observer then
    if not context.breaker.quiet then context.passed "admit" end
    return nil
  end
  local admitted, seconds = hooks:ask("admit", entry.job)
  if admitted == nil then return failed_hook(entry, "admit") end
  if not context.breaker.quiet then context.passed "admit" end
  if admitted == true then return nil end
  if admitted == "pause" then
    return paused({ reason = "the queue is paused" }, seconds, "admit")
  end
  local exit = { reason = "not admitted" }
  local refused = { seconds = seconds, exit = exit, cause = "ended", decided = "admit" }
  if admitted == "hold" then refused.hold = "held" else refused.outcome = admitted end
  return refused
end

local function copy(exit)
  local kept = {}
  for name, value in next, exit do kept[name] = value end
  return kept
end

-- The outcome of the hook `verdict` for an exit; "retry" if it fails.
---@return string outcome
---@return number? seconds
---@return string decided
---@return watchbot.Exit exit
local function judge(context, entry, exit, clean)
  local hooks = context.hooks
  local current, outcome, seconds = hooks.plain
  local kept = current.verdict ~= policy.verdict and copy(exit)
  if kept or hooks.observer then
    outcome, seconds = hooks:ask("verdict", entry.job, exit)
  elseif clean and not current.exits[exit.code] then
    return "complete", nil, "verdict", exit -- what the default says of it
  else
    outcome, seconds = policy.verdict(current, entry.job, exit)
  end
  if kept then exit = answers.exit(exit, kept) end
  if outcome then return outcome, seconds, "verdict", exit end
  return "retry", nil, "failed", exit
end

--- The task of an earlier receive of this message: a run that continues, or an exit that decides,
-- or that is not known yet.
local function find(context, entry)
  local run, exit = context.runner:find(entry.job, context.hooks.policy)
  if run then
    context.journal:info(entry.id, "event", "found the task of an earlier receive", "task", run.arn)
    return run
  end
  if exit and exit.cause == "cancelled" then return nil, exit end
  -- A task of a failed receive has already had its retry: this receive.
  if exit and not exit.blameless and not exit.unplaced then
    local outcome, _, _, judged = judge(context, entry, exit)
    local decides = outcome == "complete" or outcome == "reject" or outcome == "bury"
    exit = decides and judged or nil
  end
  return nil, exit
end

-- The message cannot be passed to a task, and no retry would change that.
local UNFIT = { TooBig = true, InvalidMessage = true }

-- The exit of a task that was not started.
local function not_started(err, code)
  return {
    reason = reason(err), error = code, duration = 0, unplaced = code == "NoRoom" or nil,
    too_big = UNFIT[code],
    not_started = code ~= "NoRoom" and not UNFIT[code] or nil,
  }
end

-- Finds the task of an earlier receive, if the runner knows such tasks.
-- => run, or nil and the exit that decides
local function begun(context, entry)
  if scheduler.boottime() >= entry.lease.deadline then return nil, { cause = "lapsed" } end
  if entry.cancelled then return nil, entry.cancelled end
  if entry.behind then return nil, { stopped = true, reason = lanes.BEHIND, duration = 0 } end
  if not context.runner.find then return nil end
  local run, exit = find(context, entry)
  if run or exit then return run, exit end
  if scheduler.boottime() >= entry.lease.deadline then return nil, { cause = "lapsed" } end
end

--- Finds or starts the task; otherwise an exit with the reason. The lease may lapse at each wait,
--- since a watcher may be suspended.
local function begin(context, entry)
  local run, exit = begun(context, entry)
  if run or exit then return run, exit end
  context.journal:started(entry.job)
  local runner, current, err, code = context.runner, context.hooks.plain
  if runner.starts_at_once then return runner:start(entry.job, entry.environment, current) end
  local function lapsed() return scheduler.boottime() >= entry.lease.deadline end
  run, err, code = runner:start(entry.job, entry.environment, context.hooks.policy, lapsed)
  if run then return run end
  if code == "LeaseLapsed" then return nil, { cause = "lapsed" } end
  return nil, not_started(err, code)
end

-- Signals that are also sent to the tasks when the watcher is stopped.
local SHARED = { TERM = true, INT = true, HUP = true }

-- Seconds in which the watcher receives its own signal after a task has died of such a signal.
local HEARD_WITHIN = 0.5

--- Whether a task died of the signal that also ends the watcher: a service manager stops all
-- processes of a service at once, a terminal its whole foreground group.
local function died_with_us(context, exit)
  if not SHARED[exit.signal or exit.shell_signal] then return false end
  if exit.timed_out or not context.runner.shares_signals then return false end
  return context.draining:wait(HEARD_WITHIN) == true
end

-- => exit clean ; clean: a handler or an invocation has ended by itself, and has succeeded
local function follow(context, entry, run)
  entry.run = run
  context.jobs:move(entry, "running")
  if context.draining:is_set() then context.runs_late(entry) end
  if entry.lease.lost then context.life:let_go(entry) end
  if entry.cancelled then run:stop(ending.CANCELLED, 0) end
  if not context.runner.starts_at_once and run:starts() and not context.breaker.quiet then
    context.passed "start"
  end
  local exit, clean = run:wait()
  entry.run = nil
  if clean and not entry.cancelled and not entry.stopped then return exit, true end
  if entry.cancelled then
    exit.cause = "cancelled"
    return exit
  end
  if entry.stopped and entry.lease.lost then exit.cause = "lapsed" end
  if not exit.stopped and (entry.stopped or died_with_us(context, exit)) then
    exit.stopped = true
  end
  return exit
end

--- The verdict on an exit.
local function conclude(context, entry, exit, clean)
  local cause = clean and "ended" or blame.cause(exit, context.hooks.policy)
  local rule = blame.causes[cause]
  if cause == "not_started" or cause == "not_started_by_message" then exit.not_started = true end
  if rule.hold then
    return { hold = "unplaced", exit = exit, cause = cause, decided = "default" }
  end
  local quiet = context.breaker.quiet
  if rule.passed and not quiet then context.passed "start" end
  if rule.outcome then
    local seconds = exit.left and context.hooks.policy.handover or exit.stopped and 0 or nil
    local decided = exit.stopped and "stop" or "default"
    return {
      outcome = rule.outcome, seconds = seconds, exit = exit, cause = cause, decided = decided,
    }
  end
  local outcome, seconds, decided
  outcome, seconds, decided, exit = judge(context, entry, exit, clean)
  if decided == "failed" then
    return { outcome = "retry", exit = exit, cause = "hook", step = "verdict", decided = "verdict" }
  end
  if not quiet then context.passed "verdict" end
  if outcome == "pause" then return paused(exit, seconds, "verdict") end
  local made = { outcome = outcome, exit = exit, cause = cause, decided = decided }
  if seconds then made.seconds = seconds end
  return made
end

-- Claims the key of a message that is to run once.
---@return watchbot.Verdict? refused
local function claim(context, entry)
  local refused, exit, failed = require "watchbot.watcher.once".of(context.life):enter(entry)
  if exit then
    entry.exit = exit
    return conclude(context, entry, exit)
  end
  if failed then return failed_hook(entry, "once") end
  if not context.breaker.quiet then context.passed "once" end
  return refused
end

--- Admits, starts and follows a job, and decides its outcome.
---@param context watchbot.AttemptContext
---@param entry watchbot.JobEntry in the stage "deciding"
---@return watchbot.Verdict
function attempt.run(context, entry)
  -- A body that is elsewhere is marked in the attributes, and most messages have none.
  local unread = next(entry.job.attributes) ~= nil and context.payloads:open(entry)
  if unread then
    entry.exit = unread
    return conclude(context, entry, unread)
  end
  local refused = admit(context, entry)
  if not refused and context.hooks.plain.once then refused = claim(context, entry) end
  if refused then return refused end
  local runner = context.runner
  if not runner.ignores_environment or context.hooks:is_set "environment" then
    entry.environment = context.hooks:ask("environment", entry.job)
    if not entry.environment then return failed_hook(entry, "environment") end
    if not context.breaker.quiet then context.passed "environment" end
  end
  local jobs = context.jobs
  -- The start of a handler takes no time: the stage matters to who measures it alone.
  if not runner.starts_at_once or jobs.starts then jobs:move(entry, "starting") end
  local run, exit = begin(context, entry)
  local clean
  if run then exit, clean = follow(context, entry, run) end
  entry.exit = exit
  return conclude(context, entry, exit, clean)
end

return attempt
