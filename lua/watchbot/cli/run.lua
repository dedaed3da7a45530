--- cli.run: `watchbot run`.

local scheduler = require "watchbot.scheduler"
local load_file = require "watchbot.policy.load"
local output = require "watchbot.cli.output"
local printed = require "watchbot.journal.printed"
local try_policy = require("watchbot.policy").try
local serve = require "watchbot.cli.serve"
local text = require "watchbot.lib.text"

local run = {
  summary = "Watches a queue and runs a task for each message.",
  usage = "[OPTIONS] POLICY.lua  |  [OPTIONS] -- COMMAND [ARGUMENTS]",
  keeps_rest = true,
  options = {
    {
      name = "queue", value = "URL", many = true,
      help = "sqlite:FILE; several times: several queues; default: the policy's `queue` or "
        .. "`queues`, then $QueueUrl",
    },
    {
      name = "workers", value = "N", number = true,
      help = "tasks at once; default: the policy's, then $Concurrency",
    },
    {
      name = "lambda", value = "HANDLER",
      help = "the command is the runtime of a Lambda function: --lambda app.handler -- python3 -m "
        .. "awslambdaric",
    },
    {
      name = "serve", value = "URL",
      help = "the command is an HTTP server; each message is posted to URL, 200 deletes it",
    },
    {
      name = "resident",
      help = "the command stays and takes a line of JSON for each message",
    },
    {
      name = "runtime-api", value = "PORT", number = true,
      help = "with --lambda: instead of a command, the port at which the runtime of another "
        .. "container asks",
    },
    { name = "batch", value = "N", number = true, help = "messages of one invocation of these" },
    { name = "strict", help = "of several queues, those that come first go first" },
    { name = "drain", help = "exit when the queue is empty, or all of them" },
    { name = "health", value = "FILE", help = "write FILE every second, for watchbot health" },
    {
      name = "listen", value = "ADDRESS",
      help = "serve /metrics, /healthz and /readyz: 127.0.0.1:9464, or the path of a Unix socket",
    },
    { name = "log", value = "FORMAT", choices = { "text", "json" }, help = "the log's form" },
  },
  details = [[
SIGTERM or SIGINT: stops receiving messages, lets running tasks finish for the policy's `drain`
seconds, then stops them and returns their messages; a second signal stops them at once. SIGHUP:
reloads the policy file and the modules in its folder; without a policy file, or when the terminal
is closed, acts like SIGTERM.

Exit status: 0; with --drain only if the queue is empty, otherwise 143 (SIGTERM), 130 (SIGINT), or 1
if the policy's `jobs` ended it earlier or no task could start for ten seconds (a missing program);
1 when something failed, 2 when the arguments or the policy are invalid.

Exit codes of a task: 0 done; 3 rejected, deleted and notified; 4 no-op, returned; anything else
failed, returned with backoff and notified.

examples:
  watchbot run policy.lua                                      until it is stopped
  watchbot run --drain --queue sqlite:jobs.db policy.lua       until the queue is empty
  watchbot run --queue sqlite:jobs.db --workers 4 -- ./resize --quick]],
}

-- The command line overrides the policy.
local function override(policy, arguments)
  if arguments.queue then
    local ok, err = policy:watch(arguments.queue)
    if not ok then return nil, err end
  end
  return policy:override {
    strict = arguments.strict, log = arguments.log, listen = arguments.listen,
    workers = arguments.workers and math.tointeger(arguments.workers) or arguments.workers,
  }
end

-- The task that the command after `--` makes.
local function task_of(arguments)
  local command = arguments.rest
  local batch = arguments.batch and math.tointeger(arguments.batch) or arguments.batch
  local port = arguments["runtime-api"]
  if arguments.lambda then
    return { lambda = {
      command = command, handler = arguments.lambda, batch = batch,
      listen = port and math.tointeger(port) or port,
    } }
  elseif arguments.serve then
    return { serve = { command = command, url = arguments.serve, batch = batch } }
  elseif arguments.resident then
    return { resident = { command = command, batch = batch } }
  end
  return { command = command }
end

local function make_policy(arguments)
  if (arguments.serve or arguments["runtime-api"]) and not arguments.rest then
    return try_policy(task_of(arguments))
  end
  if arguments.rest then
    if #arguments.rest == 0 then return nil, "run: no command after '--'", "Usage" end
    return try_policy(task_of(arguments))
  end
  if #arguments.words == 0 then return try_policy {} end
  return load_file.policy(arguments.words[1])
end

local function prepared(arguments)
  local policy, err, code = make_policy(arguments)
  if not policy then return nil, err, code end
  local ok, problem = override(policy, arguments)
  if not ok then return nil, problem, "Usage" end
  return policy
end

local function serve_policy(arguments, lines)
  local policy, err, code = prepared(arguments)
  if not policy then return nil, err, code end
  local reload = #arguments.words > 0 and function() return prepared(arguments) end or nil
  return serve(policy, {
    until_empty = arguments.drain, health = arguments.health, printed = lines,
  }, reload)
end

local function start(arguments)
  local lines = printed.capture()
  local status, err, code = serve_policy(arguments, lines)
  output.bytes(lines:close())
  return status, err, code
end

-- The problem with the options of resident programs, if there is one.
local function misuse(arguments)
  local kinds = {}
  for _, name in ipairs { "lambda", "serve", "resident" } do
    if arguments[name] then kinds[#kinds + 1] = "--" .. name end
  end
  if #kinds > 1 then return ("%s and %s cannot be combined"):format(kinds[1], kinds[2]) end
  local port = arguments["runtime-api"]
  if port and not arguments.lambda then return "--runtime-api is for --lambda" end
  if port and arguments.rest then
    return "--runtime-api and a command cannot be combined: the runtime is started elsewhere"
  end
  if arguments.batch and (#kinds == 0 or arguments.serve) then
    return "--batch is for --lambda and --resident"
  elseif #kinds == 1 and #arguments.words > 0 then
    return ("%s and a policy file ('%s') cannot be combined: set it in the policy"):format(kinds[1],
      text.word(arguments.words[1]))
  elseif #kinds == 1 and not arguments.serve and not port and not arguments.rest then
    return ("%s needs a command: watchbot run %s%s -- COMMAND"):format(kinds[1], kinds[1],
      arguments.lambda and " " .. arguments.lambda or "")
  end
end

function run.run(arguments)
  local wrong = misuse(arguments)
  if wrong then return nil, "run: " .. wrong, "Usage" end
  if arguments.rest and #arguments.words > 0 then
    return nil, ("run: a policy file ('%s') and a command after '--' cannot be combined"):format(
      text.word(arguments.words[1])), "Usage"
  elseif not arguments.rest and #arguments.words > 1 then
    return nil, ("run: expected one policy file; to run a command: watchbot run -- %s"):format(
      table.concat(arguments.words, " ")), "Usage"
  elseif not arguments.rest and not arguments.serve and not arguments["runtime-api"]
    and #arguments.words == 0
    and not os.getenv "TaskDefinition" then
    return nil, "run: no policy: watchbot run POLICY.lua, or watchbot run --queue URL -- "
      .. "COMMAND", "Usage"
  end
  return scheduler.run(start, arguments)
end

return run
