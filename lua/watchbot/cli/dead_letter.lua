--- cli.dead_letter: `watchbot dead-letter`.

local cjson = require "cjson"
local scheduler = require "watchbot.scheduler"
local queues = require "watchbot.queue"
local text = require "watchbot.text"

-- Dead letters that are read at a time.
local PAGE = 100

local dead_letter = {
  summary = "Shows the messages that failed too often, and puts them back.",
  usage = "list|replay|purge --queue URL [--id ID]...",
  options = {
    { name = "queue", value = "URL", help = "sqlite:FILE; default: $QueueUrl" },
    { name = "id", value = "ID", many = true, help = "only this message; may be repeated" },
  },
  details = [[
list    prints each as one line of JSON, oldest first
replay  puts them back into the queue, their receive count at 0; prints how many
purge   deletes them; without --id it deletes all]],
}

local function wanted(arguments)
  if not arguments.id then return nil end
  local ids = {}
  for _, id in ipairs(arguments.id) do ids[id] = true end
  return ids
end

local function line_of(message)
  return cjson.encode {
    id = message.id, subject = message.subject and text.clean(message.subject), message = text.clean(message.body),
    receives = message.receives, sent = message.sent and scheduler.iso_date(message.sent),
    died = message.died and scheduler.iso_date(message.died), group = message.group,
    attributes = next(message.attributes) and message.attributes or nil,
  }
end

local actions = {}

function actions.list(queue, arguments)
  local ids, after = wanted(arguments), nil
  while true do
    local messages, message, code = queue:dead(PAGE, after)
    if not messages then return nil, message, code end
    for _, dead in ipairs(messages) do
      if not ids or ids[dead.id] then io.write(line_of(dead), "\n") end
    end
    if #messages < PAGE then return 0 end
    after = messages[#messages]
  end
end

local function counted(words, count, message, code)
  if not count then return nil, message, code end
  print(words:format(count, count == 1 and "message" or "messages"))
  return 0
end

function actions.replay(queue, arguments)
  return counted("%d %s back in the queue", queue:replay(arguments.id))
end

function actions.purge(queue, arguments)
  return counted("%d %s deleted", queue:purge_dead(arguments.id))
end

local function start(arguments)
  local action = actions[arguments.words[1]]
  local url = arguments.queue or os.getenv "QueueUrl"
  if not url then return nil, "dead-letter: which queue? --queue sqlite:FILE, or set $QueueUrl", "Usage" end
  local queue, message, code = queues.open(url, { create = false })
  if not queue then return nil, message, code end
  if not queue.dead then
    queue:close()
    return nil, ("dead-letter: '%s' is no embedded queue; on SQS dead letters are a queue of their own: read it with "
      .. "watchbot run, and move it back with 'aws sqs start-message-move-task'"):format(url), "Usage"
  end
  local status
  status, message, code = action(queue, arguments)
  queue:close()
  return status, message, code
end

function dead_letter.run(arguments)
  local word = arguments.words[1]
  if #arguments.words ~= 1 or not actions[word] then
    return nil, ("dead-letter: list, replay or purge%s"):format(word and (", not '%s'"):format(
      table.concat(arguments.words, " ")) or "?"), "Usage"
  end
  return scheduler.run(start, arguments)
end

return dead_letter
