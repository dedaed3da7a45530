--- cli.listen: `watchbot listen`: stands in for ecs-watchbot v4 to v10 in its containers. An
-- ordinary policy whose fields come from the environment that their template sets. `Concurrency` is
-- ignored: such a task expects one job at a time.

local scheduler = require "watchbot.scheduler"
local try_policy = require("watchbot.policy").try
local serve = require "watchbot.cli.serve"

local listen = {
  summary = "Runs a command for each message, as ecs-watchbot v4 to v10 does.",
  usage = "[OPTIONS] COMMAND...",
  runs_words = true,
  options = {
    { name = "workers", value = "N", number = true, help = "tasks at once; default: 1" },
    { name = "health", value = "FILE", help = "write FILE every second, for watchbot health" },
  },
  details = [[
The words are joined with spaces and run by sh. Environment: QueueUrl; maxJobDuration, in seconds,
0 for no limit; writableFilesystem=true, to exit after one job; otherwise Volumes, a
comma-separated list of folders to empty after each job; structuredLogging=true, for a JSON log;
NotificationTopic. Tasks inherit the whole environment.

Exit codes of a task: 0 done; 3 rejected, deleted; 4 no-op, returned; anything else failed,
returned with backoff.

examples:
  QueueUrl=sqlite:jobs.db watchbot listen ./resize
  CMD ["watchbot", "listen", "./resize"]                       in a Dockerfile]],
}

local function make_policy(arguments)
  local url = os.getenv "QueueUrl"
  if not url or url == "" then
    return nil, "listen: no queue: set the environment variable QueueUrl", "Usage"
  end
  return try_policy {
    queue = url, command = table.concat(arguments.words, " "), inherit = true,
    workers = math.tointeger(arguments.workers) or arguments.workers or 1,
  }
end

local function start(arguments)
  local policy, err, code = make_policy(arguments)
  if not policy then return nil, err, code end
  return serve(policy, { form = "listen", health = arguments.health },
    function() return nil, "there is no policy file" end)
end

function listen.run(arguments)
  if not table.concat(arguments.words):match "%S" then
    return nil, "listen: no command: watchbot listen COMMAND...", "Usage"
  end
  return scheduler.run(start, arguments)
end

return listen
