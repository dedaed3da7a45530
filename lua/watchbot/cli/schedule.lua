--- cli.schedule: `watchbot schedule`: the schedules of a policy: when each is due, and its message
-- now.

local date = require "watchbot.lib.date"
local load_file = require "watchbot.policy.load"
local open_queue = require("watchbot.queue").open
local output = require "watchbot.cli.output"
local schedule = require "watchbot.schedule"
local scheduler = require "watchbot.scheduler"
local suggest = require "watchbot.lib.suggest"
local text = require "watchbot.lib.text"

-- How many ticks `next` prints.
local TICKS = 5

local NAMES = { "list", "next", "run" }

local command = {
  summary = "Lists the schedules of a policy, or sends the message of one now.",
  usage = "[list|next NAME|run NAME] [--json] POLICY.lua",
  actions = NAMES,
  options = { { name = "json", help = "list: for scripts, one line of JSON for each schedule" } },
  details = [[
list  one line for each: its rule, when it was sent last, when it is due; the default
next  the next five times, as clocks show them there and in UTC
run   sends the message of NAME now; its next time does not change

On SQS, Amazon EventBridge Scheduler sends the messages: when it has done so is not known here.

examples:
  watchbot schedule policy.lua
  watchbot schedule next nightly policy.lua
  watchbot schedule run nightly policy.lua]],
}

-- The last ticks that an embedded queue's file knows of: { [name] = seconds }.
local function sent_last(queue)
  local last = {}
  if not queue.ticks then return last end
  local rows, err, code = queue:ticks()
  if not rows then return nil, err, code end
  for _, row in ipairs(rows) do last[row.name] = row.last end
  return last
end

local function show(one, last, now, json)
  local due = one:next(now)
  -- A schedule that was only seen has the time of that, which is no tick.
  last = last and one:latest(last - 1, last)
  if json then
    output.json {
      name = one.name, rule = one.rule, missed = one.missed,
      last = last and date.utc(last), next = due and date.utc(due),
    }
    return
  end
  output.line(("%-20s %-36s last %-22s next %s"):format(one.name, one.rule,
    last and one:text(last) or "-", due and one:text(due) or "never"))
end

local actions = {}

function actions.list(all, loaded, arguments)
  local queue, err, code = open_queue(loaded.queue, { read_only = true, create = false })
  local last = {}
  if queue then
    last, err, code = sent_last(queue)
    queue:close()
    if not last then return nil, err, code end
  elseif code ~= "ENOENT" and code ~= "NotAQueue" then -- nothing was sent yet
    return nil, err, code
  end
  local now = scheduler.time() // 1000
  for _, one in ipairs(all) do show(one, last[one.name], now, arguments.json) end
  return 0
end

function actions.next(one)
  local at = scheduler.time() // 1000
  for _ = 1, TICKS do
    at = one:next(at)
    if not at then break end
    output.line(("%-40s %s"):format(one:text(at), date.utc(at)))
  end
  return 0
end

function actions.run(one, loaded)
  local queue, err, code = open_queue(loaded.queue)
  if not queue then return nil, err, code end
  local answers
  answers, err, code = queue:send { one:message_at(scheduler.time() // 1000) }
  queue:close()
  if not answers then return nil, err, code end
  if not answers[1].id then return nil, answers[1].message, answers[1].code end
  output.line(answers[1].id)
  return 0
end

-- The one of this name.
local function find(all, name)
  local names = {}
  for index, one in ipairs(all) do
    if one.name == name then return one end
    names[index] = one.name
  end
  return nil, ("the policy has no schedule '%s'%s"):format(text.word(name),
    suggest.hint(name, names)), "Usage"
end

local function start(action, name, path, arguments)
  local loaded, err, code = load_file.policy(path)
  if not loaded then return nil, err, code end
  if not loaded.queue then return nil, "no queue: set the policy's 'queue'", "Usage" end
  local all = schedule.all(loaded.schedules or {})
  if #all == 0 then output.complain(("schedule: '%s' has no 'schedules'"):format(path)) end
  if action == "list" then return actions.list(all, loaded, arguments) end
  local one
  one, err, code = find(all, name)
  if not one then return nil, err, code end
  return actions[action](one, loaded)
end

-- => action, name, path
local function words_of(words)
  local action = actions[words[1]] and words[1]
  if action == "next" or action == "run" then
    return #words == 3 and action or nil, words[2], words[3]
  end
  if action == "list" then return #words == 2 and action or nil, nil, words[2] end
  return #words == 1 and "list" or nil, nil, words[1]
end

-- What is wrong with words that name no action, or have too few or too many.
local function misused(words)
  local hint = suggest.hint(words[1], NAMES)
  if #words > 1 and not actions[words[1]] then
    return ("unknown action '%s'%s (expected %s)"):format(text.word(words[1]), hint,
      table.concat(NAMES, ", "))
  end
  return "expected " .. command.usage
end

function command.run(arguments)
  local action, name, path = words_of(arguments.words)
  if not action then return nil, "schedule: " .. misused(arguments.words), "Usage" end
  local status, err, code = scheduler.run(start, action, name, path, arguments)
  if not status then return nil, "schedule: " .. err, code end
  return status
end

return command
