--- cli.send: `watchbot send`.

local carriers = require "watchbot.message.carriers"
local delay = require "watchbot.cli.delay"
local limits = require "watchbot.lib.limits"
local named = require "watchbot.otlp.named"
local open_lines = require("watchbot.lib.lines").open
local options = require "watchbot.cli.options"
local output = require "watchbot.cli.output"
local resend = require "watchbot.message.resend"
local saved_lines = require "watchbot.cli.saved_lines"
local scheduler = require "watchbot.scheduler"
local open_queue = require("watchbot.queue").open
local text = require "watchbot.lib.text"
local trace = require "watchbot.trace"

-- Loaded only when they are needed.
local function topics() return require "watchbot.queue.topic" end
local function producer() return require "watchbot.otlp.producer" end

local send = {
  summary = "Sends a message, or each line of standard input as one.",
  usage = "--queue URL|--stack NAME|--topic ARN [OPTIONS] [MESSAGE]",
  options = {
    {
      name = "queue", value = "URL",
      help = "sqlite:FILE, or the URL of an SQS queue; default: $QueueUrl",
    },
    { name = "stack", value = "NAME", help = "the queue of this CloudFormation stack" },
    { name = "prefix", value = "NAME", help = "which watcher, where the stack has several" },
    {
      name = "topic", value = "ARN",
      help = "an SNS topic instead; default: $WorkTopic if $QueueUrl is not set",
    },
    {
      name = "from", value = "FILE",
      help = "messages written by dead-letter print, from FILE; -: standard input",
    },
    { name = "subject", value = "TEXT", help = "the message's Subject" },
    delay.options[1], delay.options[2], delay.options[3],
    {
      name = "priority", value = "N",
      help = "-100 to 100, default 0: higher ones first; for embedded queues",
    },
    {
      name = "attribute", value = "NAME=VALUE", many = true,
      help = "a message attribute; may be repeated",
    },
    {
      name = "group", value = "ID",
      help = "the message group: an order on embedded and FIFO queues, one message at a time; a "
        .. "tenant on a standard SQS queue",
    },
    {
      name = "overflow", value = "URL",
      help = "s3://BUCKET/FOLDER: what AWS does not take as a message is sent as a pointer to it; "
        .. "default: $MessageOverflow, or the stack's",
    },
    {
      name = "deduplication-id", value = "ID",
      help = "a second message with this ID within 5 minutes is dropped",
    },
  },
  details = [[
Prints the ID of each message once it is stored, in the order of the lines. A rejected line is
reported on standard error, the others are sent, and the exit status is 1. To resume after send
was killed, skip as many lines as were printed or rejected: tail -n +N lines | watchbot send

TRACEPARENT, TRACESTATE, BAGGAGE and _X_AMZN_TRACE_ID of the environment go with each message: its
task continues the trace. With OTEL_EXPORTER_OTLP_ENDPOINT, send exports a span.

examples:
  watchbot send --queue sqlite:jobs.db --subject resize photo-1.jpg
  ls photos | watchbot send --stack thumbnails
  watchbot dead-letter print --stack thumbnails > letters
  watchbot send --stack thumbnails --from letters
  watchbot send --stack thumbnails --delay 2d --via scheduler photo-1.jpg]],
}

local function attributes_of(arguments)
  local attributes = {}
  for _, pair in ipairs(arguments.attribute or {}) do
    local name, value = options.pair(pair)
    if not name then return nil, "send: --attribute: " .. value, "Usage" end
    if attributes[name] then
      return nil, ("send: --attribute: '%s' is given twice"):format(text.word(name)), "Usage"
    end
    attributes[name] = { type = "String", value = value }
  end
  return attributes
end

local function template_of(arguments)
  local attributes, err, code = attributes_of(arguments)
  if not attributes then return nil, err, code end
  return function(sending, body)
    return sending:trace({
      body = body, subject = arguments.subject, delay = arguments.delay, attributes = attributes,
      group = arguments.group, priority = math.tointeger(tonumber(arguments.priority)),
      deduplication = arguments["deduplication-id"],
    }, sending.here)
  end
end

-- The number of messages sent so far, and of refused ones.
local Sending = {}
Sending.__index = Sending

--- Has a message go on with a trace, as far as it has room for that: said once.
---@param message watchbot.Outgoing
---@param one watchbot.Trace?
---@return watchbot.Outgoing message
function Sending:trace(message, one)
  -- What does not fit then goes through S3, with its trace.
  local largest = self.queue.overflow and math.huge or self.queue.largest or limits.sqs.message
  local left = one and carriers.add(message, one, largest)
  if left and not self.said_untraced then
    self.said_untraced = true
    output.complain(("send: no room for the attributes %s: the message goes without them"):format(
      table.concat(left, ", ")))
  end
  return message
end

function Sending:refuse(where, err)
  self.refused = self.refused + 1
  output.complain(where and ("send: %s: %s"):format(where, err) or "send: " .. err)
end

-- An id is printed as soon as its batch is answered, so that a killed command has reported what was
-- sent.
function Sending:hear(answer, where)
  if answer.id then
    self.sent = self.sent + 1
    output.line(answer.id)
  elseif answer.code == "Usage" then
    self.usage = self.usage or answer.message
  elseif not answer.unsent then
    self:refuse(where, answer.message)
  end
end

-- The position of the first message that was not sent.
local function unsent_from(answers, where)
  for position, answer in ipairs(answers) do
    if answer.unsent then return where(position), answer end
  end
end

--- Sends messages, each on its own; nil only where the rest could not be sent either.
---@param messages table[]
---@param where fun(position: integer): string? what to call a message
---@return true? ok
---@return string? err
---@return string? code
function Sending:send(messages, where)
  if #messages == 0 then return true end
  local answers, err, code = self.queue:send(messages, function(position, answer)
    self:hear(answer, where(position))
    if answer.id then output.flush() end
  end)
  if self.usage then return nil, self.usage, "Usage" end
  local name, stop = where(1), { message = err, code = code }
  if answers then name, stop = unsent_from(answers, where) end
  if stop then
    local rest = name and ("; nothing from %s on was sent"):format(name) or ""
    return nil, stop.message .. rest, stop.code
  end
  return output.flush()
end

--- Each line is a message; lines that arrive together are sent together.
local function send_lines(sending, template)
  local input, number = open_lines(0), 0
  while true do
    local lines, err, code = input:read()
    if err then return nil, err, code end
    if not lines then return true end
    for index, line in ipairs(lines) do lines[index] = template(sending, line) end
    local ok
    ok, err, code = sending:send(lines, function(position)
      return ("line %d"):format(number + position)
    end)
    if not ok then return nil, err, code end
    number = number + #lines
  end
end

-- A saved message as it was; the trace header of SQS becomes an attribute elsewhere, and only an
-- embedded queue has priorities.
local function saved(sending, message)
  local again = resend(message)
  again.priority = sending.queue.embedded and message.priority or nil
  if again.trace and not sending.queue.takes_trace then
    sending:trace(again, trace.read { xray = again.trace })
  end
  return again
end

--- Saved messages, each unchanged.
local function send_saved(sending, path)
  return saved_lines.each(path, function(messages, lines, problems)
    for _, problem in ipairs(problems) do sending:refuse(nil, problem) end
    for index, message in ipairs(messages) do messages[index] = saved(sending, message) end
    return sending:send(messages, function(position)
      return ("line %d of '%s'"):format(lines[position], path)
    end)
  end)
end

-- An embedded queue takes messages of any size.
local function overflow_of(arguments)
  return arguments.overflow or os.getenv "MessageOverflow"
end

local function open_at(url, folder, arguments, found)
  local queue, err, code = open_queue(url, { overflow = folder })
  if not queue then return nil, err, code end
  local sends
  sends, err, code = delay.through(queue, arguments, found)
  if not sends then queue:close() end
  return sends, sends and nil or "send: " .. tostring(err), code
end

local function open_stack(arguments)
  local found, err, code = require "watchbot.cli.target".find("send", arguments)
  if not found then return nil, err, code end
  local url
  url, err, code = found:queue_url()
  if not url then return nil, err, code end
  local folder = overflow_of(arguments)
  if not folder then folder, err, code = found:find "MessageOverflow" end
  if err then return nil, err, code end
  return open_at(url, folder, arguments, found)
end

-- A topic's pointers are for all of its queues.
local function open_topic(arn, arguments)
  local url, store = overflow_of(arguments), nil
  if url then
    local err, code
    store, err, code = require "watchbot.overflow".open(url, { near = arn })
    if not store then return nil, "overflow: " .. err, code end
  end
  return topics().open(arn, { overflow = store })
end

local function open_target(arguments)
  if arguments.queue and arguments.topic then
    return nil, "send: either --queue or --topic, not both", "Usage"
  end
  if arguments.stack and arguments.topic then
    return nil, "send: either --stack or --topic, not both", "Usage"
  end
  if arguments.stack or arguments.prefix then return open_stack(arguments) end
  if arguments.topic and not arguments.via then return open_topic(arguments.topic, arguments) end
  local url = arguments.queue or os.getenv "QueueUrl"
  if url then return open_at(url, overflow_of(arguments), arguments) end
  if arguments.via then return nil, "send: --via scheduler needs --queue or --stack", "Usage" end
  if os.getenv "WorkTopic" then return open_topic(os.getenv "WorkTopic", arguments) end
  return nil, "send: no queue: give --queue sqlite:FILE, --stack NAME or --topic ARN, or set "
    .. "$QueueUrl",
    "Usage"
end

local function send_all(sending, arguments, template)
  if arguments.from then return send_saved(sending, arguments.from) end
  local message = arguments.words[1]
  if not message then return send_lines(sending, template) end
  return sending:send({ template(sending, message) }, function() end)
end

-- The trace of the messages: that of the environment, or of a span of this command in it.
local function begin_span(sending, arguments)
  sending.here = trace.of_environment(os.getenv)
  if not named(os.getenv) or arguments.from then return end
  sending.span = producer().begin(os.getenv, sending.queue.name, sending.here, function(problem)
    output.complain("send: " .. problem)
  end)
  sending.here = sending.span and sending.span.trace or sending.here
end

local function start(arguments)
  local template, err, code = template_of(arguments)
  if not template then return nil, err, code end
  local queue
  queue, err, code = open_target(arguments)
  if not queue then return nil, err, code end
  if queue.warning then output.complain(queue.warning) end
  local sending = setmetatable({ queue = queue, sent = 0, refused = 0 }, Sending)
  begin_span(sending, arguments)
  local ok
  ok, err, code = send_all(sending, arguments, template)
  queue:close()
  if sending.span then
    sending.span:finish(sending.sent, err
      or sending.refused > 0 and ("%d messages were refused"):format(sending.refused) or nil)
  end
  if not ok then return nil, "send: " .. err, code end
  if sending.refused == 0 then return 0 end
  if sending.sent + sending.refused > 1 then
    output.complain(("send: %d sent, %d refused"):format(sending.sent, sending.refused))
  end
  return 1
end

-- A saved message has its own subject.
local function check_saved(arguments)
  if not arguments.from then return true end
  if arguments.words[1] then
    return nil, ("send: either --from or a message, not both: '%s'"):format(
      text.word(arguments.words[1])),
      "Usage"
  end
  local own = { "subject", "delay", "via", "priority", "attribute", "group", "deduplication-id" }
  for _, name in ipairs(own) do
    if arguments[name] then
      return nil, ("send: --from sends messages unchanged: --%s cannot be combined with it"):format(
        name), "Usage"
    end
  end
  return true
end

local function check_priority(arguments)
  local given = arguments.priority
  local priority = math.tointeger(tonumber(given))
  if given == nil or priority and math.abs(priority) <= 100 then return true end
  return nil, ("send: --priority: expected a whole number from -100 to 100, got '%s'"):format(
    text.word(given)), "Usage"
end

-- Refuses what would drop all lines but one, or put them all into a group without a name.
local function check_ids(arguments)
  for _, name in ipairs { "group", "deduplication-id" } do
    if arguments[name] == "" then
      return nil, ("send: --%s: expected a value, got an empty one"):format(name), "Usage"
    end
  end
  if arguments["deduplication-id"] and not arguments.words[1] and not arguments.from then
    return nil, "send: --deduplication-id is for one message: of the lines of standard input all "
      .. "but "
      .. "the first would be dropped as duplicates", "Usage"
  end
  return true
end

function send.run(arguments)
  if #arguments.words > 1 then
    return nil, ("send: expected one message, got '%s'; quote a message with spaces"):format(
      text.word(table.concat(arguments.words, " "))),
      "Usage"
  end
  local ok, err, code = check_saved(arguments)
  if ok then ok, err, code = check_ids(arguments) end
  if ok then ok, err, code = check_priority(arguments) end
  if ok then ok, err, code = delay.read(arguments) end
  if not ok then return nil, err, code end
  return scheduler.run(start, arguments)
end

return send
