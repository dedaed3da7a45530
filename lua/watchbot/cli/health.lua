--- cli.health: `watchbot health`: for health checks of containers and machines.

local health = require "watchbot.watcher.health"
local output = require "watchbot.cli.output"

-- Seconds: the loop turns many times a second, but a hook of Lua may compute for a while.
local ALIVE, READY = 30, 90

local command = {
  summary = "Checks the health file of a watcher: status 0 when it is alive, or ready.",
  usage = "[--ready] [--within SECONDS] FILE",
  options = {
    {
      name = "ready",
      help = "whether the queue answers, too; default: only whether the watcher's loop turns",
    },
    { name = "within", value = "SECONDS", number = true,
      help = "how old the answer may be; default: 30, with --ready 90" },
  },
  details = [[
FILE is what `watchbot run --health FILE` writes every second. Alive is for what restarts a container: it never fails because
AWS does, for a restart would end the jobs that run. Ready is for what waits for a deployment, or raises an alarm: the queue
has answered lately, or the watcher is so busy that it asks for nothing.

Exit status: 0, or 1 when it is not so.

examples:
  watchbot health /tmp/health
  watchbot health --ready /tmp/health
  HEALTHCHECK CMD ["watchbot", "health", "/tmp/health"]        in a Dockerfile]],
}

local function check(path, word, limit)
  local age, err, code = health.age(path, word)
  if not age then return nil, "health: " .. err, code end
  if age <= limit then
    output.line(("%s: %.1f s ago"):format(word, age))
    return 0
  end
  return nil, age == math.huge and ("health: not %s since the machine was started"):format(word)
    or ("health: not %s for %.0f s, at most %g s are expected"):format(word, age, limit),
      "Unhealthy"
end

function command.run(arguments)
  if #arguments.words ~= 1 then
    return nil, ("health: expected one file, got %d: watchbot health FILE"):format(
      #arguments.words), "Usage"
  end
  local path = arguments.words[1]
  local status, err, code =
    check(path, "alive", arguments.ready and ALIVE or arguments.within or ALIVE)
  if status ~= 0 or not arguments.ready then return status, err, code end
  return check(path, "answered", arguments.within or READY)
end

return command
