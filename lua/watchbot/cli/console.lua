--- cli.console: `watchbot console`: serves the console for queues, until a signal.

local address = require "watchbot.lib.address"
local console = require "watchbot.console"
local interruptible = require "watchbot.cli.interruptible"
local output = require "watchbot.cli.output"
local queue = require "watchbot.queue"
local scheduler = require "watchbot.scheduler"
local server = require "watchbot.server"
local supervise = require "watchbot.lib.supervise"
local target = require "watchbot.cli.target"
local text = require "watchbot.lib.text"
local user = require "watchbot.sqlite".user

local LISTEN = "127.0.0.1:8090"

-- A form has the letters of a page; the readers of events keep their connections.
local LIMITS = {
  head = 16 * 1024, body = 1024 * 1024, body_time = 20, write_time = 20, connections = 128,
}

local command = {
  summary = "Serves a web page that shows queues, jobs and dead letters.",
  usage = "[--queue URL]...|--stack NAME [OPTIONS]",
  options = {
    target.options[1], target.options[2],
    {
      name = "queue", value = "URL", many = true,
      help = "sqlite:FILE, or the URL of an SQS queue; may be repeated",
    },
    {
      name = "listen", value = "ADDRESS",
      help = "address and port, or the path of a Unix socket; default: " .. LISTEN,
    },
    {
      name = "log-group", value = "NAME",
      help = "SQS: the log in which messages are found; default: the stack's, else $LogGroup",
    },
    { name = "read-only", help = "nothing can be replayed or deleted" },
    {
      name = "allow-host", value = "NAME", many = true,
      help = "a further name by which browsers may reach it; needed for any address but loopback",
    },
    { name = "any-user", help = "connections of other users of this machine are accepted, too" },
  },
  details = [[
Prints an address with a random token: open it in a browser. $ConsoleToken sets the token. Only
browsers on this machine can reach 127.0.0.1; from another one, use a tunnel:
  ssh -L 8090:127.0.0.1:8090 HOST
There is no TLS: for other addresses, put a proxy that has it in front, and name its host with
--allow-host.

examples:
  watchbot console --queue sqlite:jobs.db
  watchbot console --queue sqlite:a.db --queue sqlite:b.db --read-only
  watchbot console --stack tiles --listen /run/user/1000/console.sock]],
}

-- Where one message of a queue on SQS is found.
local function place_in(found)
  return {
    log_group = found:find "LogGroup", cluster = found:find "ClusterArn",
    definition = found:find "TaskDefinition", dead = found:find "DeadLetterQueueUrl",
  }
end

-- => URLs, places | nil err code
local function queues_of(arguments)
  local given = arguments.queue
  arguments.queue = given and given[1]
  local found, err, code = target.find("console", arguments)
  if not found then return nil, err, code end
  local url
  url, err, code = found:queue_url()
  if not url then return nil, err, code end
  local urls = given or { url }
  for _, one in ipairs(urls) do
    local ok
    ok, err, code = queue.check(one)
    if not ok then return nil, "console: " .. err, code end
  end
  local places, place = {}, nil
  for index, one in ipairs(urls) do
    if not one:match "^sqlite:" then
      place = place or place_in(found)
      places[index] = place
    end
  end
  return urls, places
end

-- => options of server.listen | nil err code
local function place_of(arguments)
  local options, problem = address.parse(arguments.listen or LISTEN)
  if not options then
    return nil, ("console: --listen: %s, got '%s'"):format(problem, text.word(arguments.listen)),
      "Usage"
  end
  if not address.is_local(options) and not arguments["allow-host"] then
    return nil, ("console: --listen: other machines can reach '%s': add --allow-host NAME, with "
      .. "the name that browsers use, or listen on 127.0.0.1"):format(arguments.listen), "Usage"
  end
  for name, value in pairs(LIMITS) do options[name] = value end
  local open = arguments["any-user"] or not address.is_local(options)
  options.user = not open and user() or nil
  return options
end

local function listen(options)
  local listening, err, code = server.listen(options)
  if listening then return listening end
  if code == "EADDRINUSE" then
    err = err .. ": another program has this port; choose one with --listen, port 0 is a free one"
  end
  return nil, "console: " .. err, code
end

-- A connection that was refused says nothing in the browser.
local function report_refused(listening)
  repeat scheduler.sleep(1) until listening:refused() > 0
  output.complain("console: a connection of another user of this machine was refused; --any-user "
    .. "accepts them")
end

local function supervised(name, body, ...)
  return supervise(name, function(_, err) output.complain("console: " .. err) end, body, ...)
end

local function announce(opened, listening)
  local where, port = listening:address()
  if port then
    output.line(opened:url("http://" .. address.text(where, port)))
  else
    output.line(("%s  (on %s)"):format(opened:url "http://localhost", where))
  end
  output.flush()
end

local function start(arguments)
  local urls, places, why_not = queues_of(arguments)
  if not urls then return nil, places, why_not end
  local options, err, code
  options, err, code = place_of(arguments)
  if not options then return nil, err, code end
  local listening <close>, problem, why = listen(options)
  if not listening then return nil, problem, why end
  local token = os.getenv "ConsoleToken"
  local opened <close>, refusal = console.new {
    queues = urls, places = places, write = not arguments["read-only"],
    hosts = arguments["allow-host"],
    token = token ~= "" and token or nil, port = select(2, listening:address()),
    note = output.complain,
  }
  if not opened then return nil, "console: " .. refusal, "Usage" end
  opened:start(supervised)
  if options.user then supervised("refused", report_refused, listening) end
  announce(opened, listening)
  server.serve(listening, function(request) opened:answer(request) end, function(failure)
    output.complain("console: " .. failure)
  end)
  return 0
end

function command.run(arguments)
  if #arguments.words > 0 then
    return nil, ("console: unexpected argument '%s'; name a queue with --queue"):format(
      text.word(arguments.words[1])), "Usage"
  end
  return interruptible(start, arguments)
end

return command
