--- cli.status: `watchbot status`.

local embedded = require "watchbot.status.embedded"
local figures = require "watchbot.cli.status.figures"
local interruptible = require "watchbot.cli.interruptible"
local output = require "watchbot.cli.output"
local status = require "watchbot.status"
local target = require "watchbot.cli.target"
local text = require "watchbot.lib.text"

local options = table.move(target.options, 1, #target.options, 1, {})
table.move({
  { name = "json", help = "one JSON object" },
  { name = "watch", help = "redraw them in place, with what runs and what has failed; q quits" },
  {
    name = "interval", value = "SECONDS", number = true,
    help = "with --watch: between two readings; default: 1, and 60 for SQS",
  },
}, 1, 3, #options + 1, options)

local command = {
  summary = "Shows a queue and its tasks: messages waiting, in flight and dead, and running tasks.",
  usage = "--stack NAME|--queue URL [OPTIONS]",
  options = options,
  details = [[
Age and rates of an SQS queue come from CloudWatch, a few minutes late. A value that the credentials
do not allow is shown with the missing permission; the other values are still shown. --watch without
a terminal prints once. Each reading of an SQS queue takes about five calls.

examples:
  watchbot status --stack tiles
  watchbot status --queue sqlite:jobs.db
  watchbot status --queue sqlite:jobs.db --watch
  watchbot status --stack tiles --json | jq .dead]],
}

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

-- Reads the figures. => status | nil err code
local function look(url, found)
  local builder = status.new(url)
  local ok, err, code = add_queue(builder, url, found)
  if not ok then return nil, err, code end
  if not url:match "^sqlite:" then add_stack(builder, found) end
  return builder.status
end

local function show(found, as_json)
  if as_json then return output.json(found) end
  for _, line in ipairs(figures.lines(found)) do output.line(line) end
end

local function start(arguments)
  local found, err, code = target.find("status", arguments)
  if not found then return nil, err, code end
  local url
  url, err, code = found:queue_url()
  if not url then return nil, err, code end
  if arguments.watch then
    return require "watchbot.cli.status.watching".run(url, function()
      return look(url, found)
    end, arguments.interval)
  end
  local figures_found
  figures_found, err, code = look(url, found)
  if not figures_found then return nil, err, code end
  show(figures_found, arguments.json)
  return 0
end

function command.run(arguments)
  if #arguments.words > 0 then
    return nil, ("status: unexpected argument '%s'; name a stack with --stack"):format(
      text.word(arguments.words[1])), "Usage"
  end
  if arguments.watch and arguments.json then
    return nil, "status: --watch and --json cannot be combined", "Usage"
  elseif arguments.interval and not arguments.watch then
    return nil, "status: --interval is for --watch", "Usage"
  end
  return interruptible(start, arguments)
end

return command
