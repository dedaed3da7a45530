--- cli.status: `watchbot status`.

local durations = require "watchbot.cli.durations"
local embedded = require "watchbot.status.embedded"
local interruptible = require "watchbot.cli.interruptible"
local output = require "watchbot.cli.output"
local pauses = require "watchbot.status.pauses"
local status = require "watchbot.status"
local target = require "watchbot.cli.target"
local terminal = require "watchbot.cli.terminal"
local text = require "watchbot.lib.text"

local options = table.move(target.options, 1, #target.options, 1, {})
options[#options + 1] = { name = "json", help = "one JSON object" }

local command = {
  summary = "Shows a queue and its tasks: messages waiting, in flight and dead, and running tasks.",
  usage = "--stack NAME|--queue URL [OPTIONS]",
  options = options,
  details = [[
Age and rates of an SQS queue come from CloudWatch, a few minutes late. A value that the credentials
do not allow is shown with the missing permission; the other values are still shown.

examples:
  watchbot status --stack tiles
  watchbot status --queue sqlite:jobs.db
  watchbot status --stack tiles --json | jq .dead]],
}

local function a_minute(rate)
  return (rate >= 10 and "%.0f a minute" or "%.1f a minute"):format(rate)
end

local function containers(service)
  return ("%d of %d running%s"):format(service.running, service.desired,
    service.pending > 0 and (", %d pending"):format(service.pending) or "")
end

local function dead_letters(count)
  return count > 0 and terminal.paint("red", tostring(count)) or "0"
end

-- The lines, in order; `none`: shown where a figure has no value.
local rows = {
  { "paused", "paused", function(paused)
    return terminal.paint("yellow", pauses.of_queue(paused))
  end },
  { "paused_groups", "paused groups", function(groups)
    return terminal.paint("yellow", pauses.of_groups(groups))
  end },
  { "visible", "waiting", tostring },
  { "in_flight", "in flight", tostring },
  { "delayed", "delayed", tostring },
  { "oldest", "oldest", durations.words, none = "-" },
  { "dead", "dead letters", dead_letters, none = "the queue has no dead-letter queue" },
  { "sent", "sent", a_minute, none = "-" },
  { "done", "done", a_minute, none = "-" },
  { "service", "service", containers },
  { "tasks", "tasks", function(count) return ("%d running"):format(count) end },
}

local function show_row(found, row)
  local name, label, shown = row[1], row[2], row[3]
  local problem, value = found.problems[name], found[name]
  if problem then
    value = terminal.paint("yellow", "? " .. problem)
  elseif value ~= nil then
    value = shown(value)
  else
    value = row.none
  end
  if value then output.line(("%-14s %s"):format(label, value)) end
end

local function show(found)
  output.line(("%-14s %s"):format("queue", found.queue))
  for _, row in ipairs(rows) do show_row(found, row) end
end

local function add_stack(builder, found)
  require "watchbot.status.ecs".add(builder, {
    cluster = found:find "ClusterArn", service = found:find "Service",
    definition = found:find "TaskDefinition",
  })
end

local function add_queue(builder, url, found)
  if url:match "^sqlite:" then return embedded.add(builder, url) end
  local dead, err, code = found:find "DeadLetterQueueUrl"
  if err then return nil, err, code end
  return require "watchbot.status.sqs".add(builder, url, dead)
end

local function start(arguments)
  local found, err, code = target.find("status", arguments)
  if not found then return nil, err, code end
  local url
  url, err, code = found:queue_url()
  if not url then return nil, err, code end
  local builder = status.new(url)
  local ok
  ok, err, code = add_queue(builder, url, found)
  if not ok then return nil, err, code end
  if not url:match "^sqlite:" then add_stack(builder, found) end
  if arguments.json then
    output.json(builder.status)
  else
    show(builder.status)
  end
  return 0
end

function command.run(arguments)
  if #arguments.words > 0 then
    return nil, ("status: unexpected argument '%s'; name a stack with --stack"):format(
      text.word(arguments.words[1])), "Usage"
  end
  return interruptible(start, arguments)
end

return command
