--- cli.pause: `watchbot pause` and, in cli.resume, `watchbot resume`.

local interruptible = require "watchbot.cli.interruptible"
local moment = require "watchbot.cli.moment"
local open_queue = require("watchbot.queue").open
local output = require "watchbot.cli.output"
local pauses = require "watchbot.status.pauses"
local scheduler = require "watchbot.scheduler"
local target = require "watchbot.cli.target"
local text = require "watchbot.lib.text"
local urls = require "watchbot.lib.urls"

local pause = {
  summary = "Pauses a queue: no watcher receives from it; running tasks finish.",
  usage = "--stack NAME|--queue URL [--for DURATION] [--by group=ID]",
  options = {
    target.options[1], target.options[2], target.options[3],
    {
      name = "for", value = "DURATION",
      help = "how long: 90s, 15m, 1h, 2d; default: until watchbot resume",
    },
    {
      name = "by", value = "group=ID",
      help = "only the messages of a FIFO group; for embedded queues",
    },
  },
  details = [[
The pause is kept in the queue's file, or as the tag watchbot-paused of an SQS queue: it survives
restarts of watchers and machines. Watchers of a file see it at once. Those of an SQS queue look
once a minute, and need sqs:ListQueueTags; this command needs sqs:TagQueue. A second pause replaces
the first one.

run --drain waits for the end of a pause that has one, and otherwise ends with status 1.

examples:
  watchbot pause --stack tiles --for 1h
  watchbot pause --queue sqlite:jobs.db --by group=acme
  watchbot resume --queue sqlite:jobs.db --by group=acme]],
}

-- => group, or false without one | nil err code
local function group_of(command, arguments)
  if not arguments.by then return false end
  local group = arguments.by:match "^group=(.+)$"
  if group then return group end
  return nil, ("%s: --by: expected group=ID, got '%s'"):format(command, text.word(arguments.by)),
    "Usage"
end

-- => seconds, or false without them | nil err code
local function seconds_of(arguments)
  if not arguments["for"] then return false end
  local seconds, problem = moment.duration(arguments["for"])
  if seconds then return seconds end
  return nil, "pause: --for: " .. problem, "Usage"
end

local function open(command, arguments)
  local found, err, code = target.find(command, arguments)
  if not found then return nil, err, code end
  local url
  url, err, code = found:queue_url()
  if not url then return nil, err, code end
  local queue
  queue, err, code = open_queue(url, { create = false })
  if not queue then return nil, ("%s: %s"):format(command, err), code end
  return queue
end

-- What is paused, as the messages name it.
local function name_of(queue, group)
  local name = "queue " .. urls.hide(queue.name)
  return group and ("group '%s' of %s"):format(text.word(group), name) or name
end

local function start(command, arguments, group, work)
  local queue <close>, err, code = open(command, arguments)
  if not queue then return nil, err, code end
  local words
  words, err, code = work(queue)
  if not words then return nil, ("%s: %s"):format(command, err), code end
  output.line(("%s %s"):format(name_of(queue, group), words))
  return 0
end

-- `work(queue, group)` returns what it has done, in words.
local function run(command, arguments, work)
  if #arguments.words > 0 then
    return nil, ("%s: unexpected argument '%s'; name a stack with --stack"):format(command,
      text.word(arguments.words[1])), "Usage"
  end
  local group, err, code = group_of(command, arguments)
  if group == nil then return nil, err, code end
  return interruptible(start, command, arguments, group, function(queue)
    return work(queue, group or nil)
  end)
end

function pause.run(arguments)
  local seconds, err, code = seconds_of(arguments)
  if seconds == nil then return nil, err, code end
  return run("pause", arguments, function(queue, group)
    local ends = seconds and scheduler.time() + math.ceil(seconds * 1000) or nil
    local ok, problem, why = queue:pause(seconds or nil, group)
    return ok and "is paused " .. pauses.ends(ends), problem, why
  end)
end

--- What `resume` does; it has the same way to its queue.
---@param arguments watchbot.Arguments
---@return integer? status
---@return string? err
---@return string? code
function pause.resume(arguments)
  return run("resume", arguments, function(queue, group)
    local changed, problem, why = queue:resume(group)
    if changed == nil then return nil, problem, why end
    return changed and "is resumed" or "was not paused"
  end)
end

return pause
