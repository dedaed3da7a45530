--- cli.logs: `watchbot logs`.

local interruptible = require "watchbot.cli.interruptible"
local log_lines = require "watchbot.cli.log_lines"
local logs = require "watchbot.stack.logs"
local moment = require "watchbot.cli.moment"
local output = require "watchbot.cli.output"
local scheduler = require "watchbot.scheduler"
local target = require "watchbot.cli.target"
local terminal = require "watchbot.cli.terminal"

-- The default start, in seconds back.
local OF_A_MESSAGE, OF_ALL, BEFORE_FOLLOWING = "6h", "1h", "10m"

local options = table.move(target.options, 1, #target.options, 1, {})
table.move({
  {
    name = "log-group", value = "NAME",
    help = "its name or ARN; default: the stack's, $LogGroup, $LogGroupArn",
  },
  {
    name = "message", value = "ID", help = "the lines of this message, and those of its ECS tasks",
  },
  {
    name = "grep", value = "TEXT",
    help = "only lines that contain TEXT; case-sensitive",
  },
  {
    name = "since", value = "WHEN",
    help = "90s, 15m, 6h, 2d ago, or a date; default: 6h with --message, else 1h",
  },
  { name = "until", value = "WHEN", help = "the same; default: now" },
  { name = "follow", help = "follow new lines until Ctrl-C" },
  { name = "json", help = "a JSON object for each line: timestamp, stream, message" },
  { name = "raw", help = "print lines byte for byte, including terminal escapes" },
}, 1, 8, #options + 1, options)

local command = {
  summary = "Shows the log of a stack, or of one message, from CloudWatch Logs.",
  usage = "--stack NAME|--log-group NAME [OPTIONS]",
  options = options,
  details = [[
Lines of all streams are sorted by time. On a terminal, each message has its own color. Characters
that could control a terminal are printed as escapes like \u{9b}, in a pipe too; --raw prints them
unchanged.

examples:
  watchbot logs --stack tiles --follow
  watchbot logs --stack tiles --since 2d --grep "Segmentation fault"
  watchbot logs --stack tiles --message e2c045cc-5606-4950-964b-20877900bccb
  watchbot logs --log-group tiles-eu-west-1-watchbot --json \
    --since 2026-11-25T02:50:00Z --until 2026-11-25T03:10:00Z]],
}

local function parsed(arguments, name, now)
  local text = arguments[name]
  if not text then return nil end
  local at, problem = moment.parse(text, now)
  if at then return at end
  return nil, ("logs: --%s: %s"):format(name, problem), "Usage"
end

local function default_since(arguments)
  if arguments.message then return OF_A_MESSAGE end
  return arguments.follow and BEFORE_FOLLOWING or OF_ALL
end

local function query_of(arguments)
  local now = scheduler.time()
  local since, err, code = parsed(arguments, "since", now)
  if err then return nil, err, code end
  local until_
  until_, err, code = parsed(arguments, "until", now)
  if err then return nil, err, code end
  since = since or moment.parse(default_since(arguments), now)
  if until_ and until_ <= since then
    return nil, ("logs: --until %s is not after --since %s"):format(arguments["until"],
      arguments.since or default_since(arguments)), "Usage"
  end
  return { id = arguments.message, grep = arguments.grep, since = since, until_ = until_ }
end

local function group_of(found)
  local group, err, code = found:find "LogGroup"
  if group or err then return group, err, code end
  local arn = not found.stack and os.getenv "LogGroupArn" or nil
  if arn and arn ~= "" then return arn end
  return found:need("LogGroup", "log group")
end

local function print_json(event)
  return output.json {
    timestamp = scheduler.iso_date(event.timestamp), stream = event.logStreamName,
    message = log_lines.text(event.message),
  }
end

local function printer(arguments, progress)
  local show = arguments.json and print_json or log_lines.printer(arguments.raw)
  return function(event)
    progress:clear()
    output.check(show(event))
  end
end

local function read(group, query, arguments)
  local progress <close> = terminal.progress()
  local show = printer(arguments, progress)
  if arguments.follow then
    return group:follow(query, function(event)
      show(event)
      output.check(output.flush())
    end)
  end
  local method = query.id and group.of_message or group.each
  return method(group, query, show, function(count)
    progress:tell(("%d lines read"):format(count))
  end)
end

local function start(arguments)
  local query, err, code = query_of(arguments)
  if not query then return nil, err, code end
  local found
  found, err, code = target.find("logs", arguments)
  if not found then return nil, err, code end
  local name
  name, err, code = group_of(found)
  if not name then return nil, err, code end
  local group
  group, err, code = logs.open(name)
  if not group then return nil, err, code end
  local ok
  ok, err, code = read(group, query, arguments)
  if not ok then return nil, "logs: " .. err, code end
  return 0
end

function command.run(arguments)
  if #arguments.words > 0 then
    return nil, ("logs: unexpected argument '%s'; name a message with --message"):format(
      arguments.words[1]), "Usage"
  elseif arguments.follow and arguments["until"] then
    return nil, "logs: --follow and --until cannot be combined", "Usage"
  end
  return interruptible(start, arguments)
end

return command
