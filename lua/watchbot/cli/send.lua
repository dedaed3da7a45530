--- cli.send: `watchbot send`.

local input_lines = require "watchbot.lib.lines"
local output = require "watchbot.cli.output"
local resend = require "watchbot.message.resend"
local saved_lines = require "watchbot.cli.saved_lines"
local scheduler = require "watchbot.scheduler"
local queues = require "watchbot.queue"

-- What speaks to AWS is loaded only when it is needed.
local function topics() return require "watchbot.queue.topic" end

local send = {
  summary = "Sends a message, or each line of standard input as one.",
  usage = "--queue URL|--stack NAME|--topic ARN [OPTIONS] [MESSAGE]",
  options = {
    { name = "queue", value = "URL", help = "sqlite:FILE, or the URL of an SQS queue; default: $QueueUrl" },
    { name = "stack", value = "NAME", help = "the queue of this CloudFormation stack" },
    { name = "prefix", value = "NAME", help = "which watcher's, where the stack has several" },
    { name = "topic", value = "ARN", help = "an SNS topic instead; default: $WorkTopic where there is no $QueueUrl" },
    { name = "from", value = "FILE", help = "the messages that dead-letter print has written to FILE; -: to standard input" },
    { name = "subject", value = "TEXT", help = "the message's Subject" },
    { name = "delay", value = "SECONDS", number = true, help = "do not deliver it before" },
    { name = "attribute", value = "NAME=VALUE", many = true, help = "a message attribute; may be repeated" },
    { name = "group", value = "ID", help = "the FIFO group: its messages are done one after the other, in order" },
    { name = "deduplication-id", value = "ID", help = "a second message with this id within 5 minutes is not added" },
  },
  details = [[
Prints the id of each message once it is safely stored.

examples:
  watchbot send --queue sqlite:jobs.db --subject resize photo-1.jpg
  ls photos | watchbot send --stack thumbnails
  watchbot dead-letter print --stack thumbnails > letters
  watchbot send --stack thumbnails --from letters]],
}

local function attributes_of(arguments)
  local attributes = {}
  for _, text in ipairs(arguments.attribute or {}) do
    local name, value = text:match "^([^=]+)=(.*)$"
    if not name then return nil, ("send: --attribute: expected NAME=VALUE, got '%s'"):format(text), "Usage" end
    attributes[name] = { type = "String", value = value }
  end
  return attributes
end

local function template_of(arguments)
  local attributes, message, code = attributes_of(arguments)
  if not attributes then return nil, message, code end
  return function(body)
    return {
      body = body, subject = arguments.subject, delay = arguments.delay, attributes = attributes, group = arguments.group,
      deduplication = arguments["deduplication-id"],
    }
  end
end

--- Sends what is there, and prints the ids of all that were taken; `nil, message, code, index` of the first that was not.
local function flush(queue, messages)
  if #messages == 0 then return true end
  local answers, err, code = queue:send(messages)
  if not answers then return nil, err, code end
  local refused
  for index, answer in ipairs(answers) do
    if answer.id then output.line(answer.id) end
    refused = refused or (not answer.id and index)
  end
  local ok
  ok, err, code = output.flush()
  if not ok then return nil, err, code end
  if refused then return nil, answers[refused].message, answers[refused].code, refused end
  return true
end

--- Each line is a message; what has arrived at once goes together.
local function send_lines(queue, template)
  local input = input_lines.open(0)
  while true do
    local lines, message, code = input:read()
    if message then return nil, "send: " .. message, code end
    if not lines then return true end
    for index, line in ipairs(lines) do lines[index] = template(line) end
    local ok, problem, problem_code = flush(queue, lines)
    if not ok then return nil, problem, problem_code end
  end
end

--- Messages that were saved, each as it was.
local function send_saved(queue, path)
  return saved_lines.each(path, function(messages, lines)
    for index, message in ipairs(messages) do messages[index] = resend(message) end
    local ok, message, code, index = flush(queue, messages)
    if index then message = ("line %d of '%s': %s"):format(lines[index], path, message) end
    return ok, message, code
  end)
end

local function open_stack(arguments)
  local found, message, code = require "watchbot.cli.target".find("send", arguments)
  if not found then return nil, message, code end
  local url
  url, message, code = found:queue_url()
  if not url then return nil, message, code end
  return queues.open(url)
end

local function open_target(arguments)
  if arguments.queue and arguments.topic then return nil, "send: either --queue or --topic, not both", "Usage" end
  if arguments.stack and arguments.topic then return nil, "send: either --stack or --topic, not both", "Usage" end
  if arguments.stack or arguments.prefix then return open_stack(arguments) end
  if arguments.topic then return topics().open(arguments.topic) end
  local url = arguments.queue or os.getenv "QueueUrl"
  if url then return queues.open(url) end
  if os.getenv "WorkTopic" then return topics().open(os.getenv "WorkTopic") end
  return nil, "send: which queue? --queue sqlite:FILE, --stack NAME, --topic ARN, or set $QueueUrl", "Usage"
end

local function start(arguments)
  local template, message, code = template_of(arguments)
  if not template then return nil, message, code end
  local queue
  queue, message, code = open_target(arguments)
  if not queue then return nil, message, code end
  local ok
  if arguments.from then
    ok, message, code = send_saved(queue, arguments.from)
    message = message and "send: " .. message
  elseif arguments.words[1] then
    ok, message, code = flush(queue, { template(arguments.words[1]) })
  else
    ok, message, code = send_lines(queue, template)
  end
  queue:close()
  if not ok then return nil, message, code end
  return 0
end

-- A saved message says itself what its subject is.
local function check_saved(arguments)
  if not arguments.from then return true end
  if arguments.words[1] then
    return nil, ("send: either --from or a message, not both: '%s'"):format(arguments.words[1]), "Usage"
  end
  for _, name in ipairs { "subject", "delay", "attribute", "group", "deduplication-id" } do
    if arguments[name] then return nil, ("send: --from sends messages as they were, without --%s"):format(name), "Usage" end
  end
  return true
end

function send.run(arguments)
  if arguments.rest then table.move(arguments.rest, 1, #arguments.rest, #arguments.words + 1, arguments.words) end
  if #arguments.words > 1 then
    return nil, ("send: one message, please; quote it if it has spaces: '%s'"):format(table.concat(arguments.words, " ")),
      "Usage"
  end
  local ok, message, code = check_saved(arguments)
  if not ok then return nil, message, code end
  return scheduler.run(start, arguments)
end

return send
