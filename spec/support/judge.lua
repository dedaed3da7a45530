--- judge: a strict check of a run of one or more watchers, from the journal of their tasks and the
-- faults that were applied to watchers and calls. Independent of queues: sent = finished + dead +
-- still queued, by message; no run starts while another one of the same message runs; a message
-- only runs again after it has finished if there is a cause: a fault of the calls about it, or
-- of the watcher that ran it; groups keep their order.

local judge = {}

---@class watchbot.spec.Event what a task wrote, in order of time
---@field at number seconds
---@field kind "begin"|"end"|"fail"|"overlap" overlap: another run holds the message's lock
---@field message string its body
---@field run string an id of the run
---@field watcher string? process id of its watcher; nil where the task does not know it

---@class watchbot.spec.Fault what was done to a watcher, to its queue or to one of its calls
---@field at number seconds
---@field kind string
---@field message string? the body of the only message that it concerns
---@field watcher string? process id of the only watcher that it concerns
---@field lease boolean? whether it may have ended the lease of what ran

---@class watchbot.spec.History
---@field sent { message: string, group: string?, dies: boolean? }[] in order; dies: it must end in
--- the dead-letter queue, and nothing else may
---@field events watchbot.spec.Event[]
---@field faults watchbot.spec.Fault[]
---@field dead table<string, true>
---@field queued table<string, true>
---@field grace number seconds after a fault within which its effects are seen
---@field lease number seconds for which a watcher that has died keeps a message

-- Whether a fault concerns a run.
local function concerns(fault, run)
  return (not fault.message or fault.message == run.message)
    and (not fault.watcher or not run.watcher or fault.watcher == run.watcher)
end

-- Whether a fault of the run between two times explains what happened.
local function caused(history, run, from, to, is_kind)
  for _, fault in ipairs(history.faults) do
    if fault.at >= from - history.grace and fault.at <= to + history.grace
      and concerns(fault, run) and (not is_kind or is_kind(fault)) then
      return true
    end
  end
  return false
end

-- A task of ECS outlives its watcher, but one that began while the watcher was ending is stopped.
local function may_stop(fault, run)
  return run.watcher == "none" and fault.kind:find "^TERM" ~= nil
end

-- When a run without an end must have ended: with the fault after its start.
local function end_by_fault(history, run)
  for _, fault in ipairs(history.faults) do
    if fault.at >= run.began - history.grace
      and (concerns(fault, run) or may_stop(fault, run)) then
      return fault.at + history.grace
    end
  end
end

local function begin_run(runs, by_id, event)
  local run = { message = event.message, began = event.at, watcher = event.watcher }
  by_id[event.run], runs[event.message] = run, runs[event.message] or {}
  table.insert(runs[event.message], run)
end

-- message -> its runs, in order of their start; reports runs without a start, or without an end and
-- a cause.
local function runs_of(history, report)
  local runs, by_id = {}, {}
  for _, event in ipairs(history.events) do
    local run = by_id[event.run]
    if event.kind == "begin" then
      begin_run(runs, by_id, event)
    elseif not run then
      report("unexplained", event.message, "a run ended that had not begun")
    elseif event.kind == "overlap" then
      run.is_beside = true
    else
      run.ended, run.kind = event.at, event.kind
    end
  end
  for message, all in pairs(runs) do
    for _, run in ipairs(all) do
      run.ended = run.ended or end_by_fault(history, run)
      if not run.ended then
        report("stuck", message, "a run has no end, and nothing that ended it")
      end
    end
  end
  return runs
end

local function ends_lease(fault) return fault.kind == "STOP" or fault.lease end

-- Whether the lease of a run can have ended before a time: its watcher was suspended, or its
-- heartbeats were lost.
local function has_lapsed(history, run, at)
  return caused(history, run, run.began - history.lease, at, ends_lease)
end

-- The first of the earlier runs that goes on when this one begins, without an excuse. A suspended
-- watcher keeps its task but not its lease, and its program goes on with a batch: so either of the
-- two may be the one whose lease has ended. Where another run holds the message's lock, one of
-- those that were killed may be that one; one excuse is enough then.
local function beside(history, all, index)
  local run, held = all[index], nil
  if has_lapsed(history, run, run.began) then return nil end
  for earlier = 1, index - 1 do
    local before = all[earlier]
    local overlaps = before.ended and run.began < before.ended - 1e-3
    -- When a killed one ended is a guess: the watcher stops it once it finds its lease lost.
    local may_hold = overlaps or run.is_beside and not before.kind
    local excused = may_hold and has_lapsed(history, before, run.began)
    if overlaps and before.kind and not excused then return before end
    if excused then held = "excused" end
  end
  return run.is_beside and not held and all[index - 1] or nil
end

local function check_overlap(history, runs, report)
  for message, all in pairs(runs) do
    for index = 2, #all do
      local run, before = all[index], beside(history, all, index)
      if before then
        report("overlap", message, ("a run began at %.3f while the one of %.3f went on"):format(
          run.began, before.began))
      end
    end
  end
end

-- => message -> the run that finished first. One that was suspended with its watcher finishes after
-- the one that another watcher began when the lease had lapsed.
local function check_repeats(history, runs, report)
  local finished = {}
  for message, all in pairs(runs) do
    local first
    for _, run in ipairs(all) do
      if first and not caused(history, first, first.began, run.began)
        -- A watcher that was suspended goes on with a batch whose leases have lapsed.
        and not caused(history, run, run.began, run.began, ends_lease) then
        report("unexplained", message,
          "it ran again although it had finished, and nothing had failed")
      end
      if run.kind == "end" then
        first = first or run
        local earliest = finished[message]
        if not earliest or run.ended < earliest.ended then finished[message] = run end
      end
    end
  end
  return finished
end

local function check_account(history, finished, report)
  local sent = {}
  for _, one in ipairs(history.sent) do
    local message, run = one.message, finished[one.message]
    sent[message] = true
    if not (run or history.dead[message] or history.queued[message]) then
      report("lost", message, "neither finished, nor dead, nor queued")
    end
    if run and history.queued[message] and not caused(history, run, run.ended, math.huge) then
      report("unexplained", message, "it has finished and is still queued, and nothing had failed")
    end
    if history.dead[message] and not one.dies then
      report("unexplained", message, "it is dead, and should not be")
    end
  end
  for message in pairs(finished) do
    if not sent[message] then report("unexplained", message, "it was never sent") end
  end
end

-- A message of a group first runs after the one before it has finished.
local function check_groups(history, runs, finished, report)
  local last = {}
  for _, one in ipairs(history.sent) do
    local first = one.group and runs[one.message] and runs[one.message][1]
    local before = first and last[one.group]
    if before and first.began < before.ended - 1e-3 then
      report("order", one.message, ("it began before '%s' of its group had finished"):format(
        before.message))
    end
    if one.group and finished[one.message] then last[one.group] = finished[one.message] end
  end
end

--- The violations in a history; an empty list if there are none.
---@param history watchbot.spec.History
---@return { kind: "lost"|"stuck"|"overlap"|"order"|"unexplained", message: string, why: string }[]
function judge.verdict(history)
  local wrong = {}
  local function report(kind, message, why)
    wrong[#wrong + 1] = { kind = kind, message = message, why = why }
  end
  local runs = runs_of(history, report)
  check_overlap(history, runs, report)
  local finished = check_repeats(history, runs, report)
  check_account(history, finished, report)
  check_groups(history, runs, finished, report)
  return wrong
end

--- A line of a task's journal, "begin BODY RUN WATCHER SECONDS" ("-": the task does not know its
--- watcher), as an event; nil for any other line.
---@param line string
---@return watchbot.spec.Event?
function judge.event(line)
  local kind, message, run, watcher, at = line:match "^(%l+) (%S+) (%S+) (%S+) ([%d.]+)$"
  return kind and {
    kind = kind, message = message, run = run, watcher = watcher ~= "-" and watcher or nil,
    at = tonumber(at),
  }
end

--- The lines of a journal as events in order of time.
---@param lines string[]
---@return watchbot.spec.Event[]
function judge.events(lines)
  local events = {}
  for index, line in ipairs(lines) do
    local event = judge.event(line)
    if event then
      event.place, events[#events + 1] = index, event
    end
  end
  table.sort(events, function(a, b)
    if a.at ~= b.at then return a.at < b.at end
    return a.place < b.place
  end)
  return events
end

return judge
