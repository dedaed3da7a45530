--- watcher.records: what is kept of an attempt that has ended, in the history of an embedded queue
-- (queue.sqlite.history). It is written with the settling of the message, so this makes one table
-- and does nothing else.

local hide = require("watchbot.lib.urls").hide
local scheduler = require "watchbot.scheduler"
local text = require "watchbot.lib.text"

local records = {}

-- Bytes of a subject or a group, of a reason, and of the newest output.
local SHORT, REASON, OUTPUT = 256, 1024, 4096

-- Outcomes of attempts that have not failed: their output is not kept unless that is asked for.
local FINE = { complete = true, release = true }

local function cut(words, bytes)
  return type(words) == "string" and text.cut(words, bytes) or nil
end

-- The newest bytes, from the beginning of a character.
local function newest(output)
  if type(output) ~= "string" or output == "" then return nil end
  if #output <= OUTPUT then return output end
  local start = #output - OUTPUT + 1
  while start < #output and output:byte(start) & 0xC0 == 0x80 do start = start + 1 end
  return output:sub(start)
end

local function milliseconds(seconds)
  return seconds and math.tointeger(seconds * 1000 // 1)
end

local function output_of(exit, outcome, policy)
  if FINE[outcome] and policy.history_output ~= "all" then return nil end
  return newest(exit.logs)
end

--- The record of an attempt; the queue notes when it has ended.
---@param entry watchbot.JobEntry
---@param outcome string
---@param exit watchbot.Exit
---@param policy watchbot.Policy
---@return watchbot.Attempt
function records.of(entry, outcome, exit, policy)
  local message, job = entry.message, entry.job
  local duration, trace = milliseconds(exit.duration), job.trace
  local started = duration and not exit.not_started and scheduler.time() - duration or nil
  local visible = message.visible
  return {
    id = entry.id, group = cut(message.group, SHORT), receives = message.receives,
    subject = policy.log_messages and cut(job.subject, SHORT) or nil,
    sent = message.sent, started = started, outcome = outcome,
    wait = started and visible and math.max(0, started - visible) or nil,
    code = math.tointeger(exit.code), signal = cut(exit.signal or exit.shell_signal, SHORT),
    reason = exit.reason and cut(hide(tostring(exit.reason)), REASON) or nil, duration = duration,
    max_rss = math.tointeger(exit.max_rss), cpu = milliseconds(exit.cpu),
    trace = trace and cut(trace.trace_id, SHORT) or nil, output = output_of(exit, outcome, policy),
  }
end

--- The outcome is another one than was recorded.
---@param record watchbot.Attempt?
---@param outcome string
---@param reason string
function records.amend(record, outcome, reason)
  if record then record.outcome, record.reason = outcome, cut(hide(reason), REASON) end
end

return records
