--- judge: a strict verdict on a run of one or more watchers, from what their tasks wrote and from
-- what was done to the watchers. It knows nothing of queues: sent = finished + dead + still queued,
-- by message; no run begins while another of the same message runs; a message finishes twice only
-- with a cause; groups keep their order.

local judge = {}

---@class watchbot.spec.Event what a task wrote, in order of time
---@field at number seconds
---@field kind "begin"|"end"|"fail"
---@field message string its body
---@field run string an id of the run

---@class watchbot.spec.Fault what was done to a watcher, or to its queue
---@field at number seconds
---@field kind string

---@class watchbot.spec.History
---@field sent { message: string, group: string? }[] in order
---@field events watchbot.spec.Event[]
---@field faults watchbot.spec.Fault[]
---@field dead table<string, true>
---@field queued table<string, true>
---@field grace number seconds after a fault within which its effects are seen
---@field lease number seconds for which a watcher that has died keeps a message

-- Whether a fault between two moments explains what happened.
local function caused(history, from, to)
  for _, fault in ipairs(history.faults) do
    if fault.at >= from - history.grace and fault.at <= to + history.grace then return true end
  end
  return false
end

-- When a run without an end must have ended: with the fault that followed its begin.
local function end_by_fault(history, began)
  for _, fault in ipairs(history.faults) do
    if fault.at >= began - history.grace then return fault.at + history.grace end
  end
end

-- message -> its runs, in order of their begin; what has no begin, or no end and no cause, is told.
local function runs_of(history, tell)
  local runs, by_id = {}, {}
  for _, event in ipairs(history.events) do
    if event.kind == "begin" then
      local run = { message = event.message, began = event.at }
      by_id[event.run], runs[event.message] = run, runs[event.message] or {}
      table.insert(runs[event.message], run)
    elseif by_id[event.run] then
      by_id[event.run].ended, by_id[event.run].kind = event.at, event.kind
    else
      tell("unexplained", event.message, "a run ended that had not begun")
    end
  end
  for message, all in pairs(runs) do
    for _, run in ipairs(all) do
      if not run.ended then
        run.ended = end_by_fault(history, run.began)
        if not run.ended then
          tell("stuck", message, "a run has no end, and nothing that ended it")
        end
      end
    end
  end
  return runs
end

-- A watcher that stands still keeps its task, not its lease.
local function stood_still(history, run, moment)
  for _, fault in ipairs(history.faults) do
    if fault.kind == "STOP" and fault.at <= moment and fault.at >= run.began - history.lease then
      return true
    end
  end
  return false
end

local function check_overlap(history, runs, tell)
  for message, all in pairs(runs) do
    for index = 2, #all do
      local before = all[index - 1]
      local overlaps = before.kind and all[index].began < before.ended - 1e-3
      if overlaps and not stood_still(history, before, all[index].began) then
        tell("overlap", message, ("a run began %.3f s before the one before it ended"):format(
          before.ended - all[index].began))
      end
    end
  end
end

-- => message -> when it first finished
local function check_repeats(history, runs, tell)
  local finished = {}
  for message, all in pairs(runs) do
    local first
    for _, run in ipairs(all) do
      if first and not caused(history, first.began, run.began) then
        tell("unexplained", message,
          "it ran again although it had finished, and nothing had failed")
      end
      if run.kind == "end" and not first then first, finished[message] = run, run.ended end
    end
  end
  return finished
end

local function check_account(history, finished, tell)
  local sent = {}
  for _, one in ipairs(history.sent) do
    sent[one.message] = true
    if not (finished[one.message] or history.dead[one.message] or history.queued[one.message]) then
      tell("lost", one.message, "neither finished, nor dead, nor queued")
    end
    if finished[one.message] and history.queued[one.message]
      and not caused(history, finished[one.message], math.huge) then
      tell("unexplained", one.message,
        "it has finished and is still queued, and nothing had failed")
    end
  end
  for message in pairs(finished) do
    if not sent[message] then tell("unexplained", message, "it was never sent") end
  end
end

local function check_groups(history, finished, tell)
  local last = {}
  for _, one in ipairs(history.sent) do
    local at, before = finished[one.message], one.group and last[one.group]
    if one.group and at then
      if before and at < before.at then
        tell("order", one.message, ("it finished before '%s' of its group"):format(before.message))
      end
      last[one.group] = { at = at, message = one.message }
    end
  end
end

--- What is wrong with a history; nothing, where all is well.
---@param history watchbot.spec.History
---@return { kind: "lost"|"stuck"|"overlap"|"order"|"unexplained", message: string, why: string }[]
function judge.verdict(history)
  local wrong = {}
  local function tell(kind, message, why)
    wrong[#wrong + 1] = { kind = kind, message = message, why = why }
  end
  local runs = runs_of(history, tell)
  check_overlap(history, runs, tell)
  local finished = check_repeats(history, runs, tell)
  check_account(history, finished, tell)
  check_groups(history, finished, tell)
  return wrong
end

--- The lines of a task's journal, "begin BODY RUN SECONDS", as events in order of time.
---@param lines string[]
---@return watchbot.spec.Event[]
function judge.events(lines)
  local events = {}
  for index, line in ipairs(lines) do
    local kind, message, run, at = line:match "^(%l+) (%S+) (%S+) ([%d.]+)$"
    if kind then
      events[#events + 1] = {
        kind = kind, message = message, run = run, at = tonumber(at), place = index,
      }
    end
  end
  table.sort(events, function(a, b)
    if a.at ~= b.at then return a.at < b.at end
    return a.place < b.place
  end)
  return events
end

return judge
