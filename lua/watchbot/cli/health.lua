--- cli.health: `watchbot health`: for health checks of containers and machines.

local health = require "watchbot.watcher.health"
local options = require "watchbot.cli.options"
local output = require "watchbot.cli.output"

-- Seconds. The loop turns many times a second, but a Lua hook may compute for a while.
local ALIVE, READY = 30, 90

local command = {
  summary = "Checks a watcher's health file: status 0 when it is alive, or ready.",
  usage = "[--ready] [--within SECONDS] FILE",
  options = {
    {
      name = "ready",
      help = "also require that the queue answers; default: only that the watcher's loop turns",
    },
    { name = "within", value = "SECONDS", number = true,
      help = "maximum age of the answer; default: 30, with --ready 90" },
  },
  details = [[
`watchbot run --health FILE` writes FILE every second. Alive is for container restarts: it does
not depend on AWS, because a restart would end the running jobs. Ready is for deployments and
alarms: the queue's last answer was a good one and is not old, or every slot is busy and the
watcher asks nothing. FILE also has the time of that answer. The same over HTTP: watchbot run
--listen, /healthz and /readyz.

Exit status: 0, or 1 when the check fails.

examples:
  watchbot health /tmp/health
  watchbot health --ready /tmp/health
  HEALTHCHECK CMD ["watchbot", "health", "/tmp/health"]        in a Dockerfile]],
}

-- Behind "ready": how old the queue's last answer is.
local function answer_of(path, word)
  local age = word == "ready" and health.age(path, "answered") or math.huge
  return age < math.huge and ("; the queue answered %.1f s ago"):format(age) or ""
end

local function check(path, word, limit)
  local age, err, code = health.age(path, word)
  if not age then return nil, "health: " .. err, code end
  if age <= limit then
    output.line(("%s: %.1f s ago%s"):format(word, age, answer_of(path, word)))
    return 0
  end
  return nil, age == math.huge and ("health: not %s since the machine was started"):format(word)
    or ("health: not %s for %.0f s, expected at most %g s"):format(word, age, limit),
      "Unhealthy"
end

function command.run(arguments)
  local path, problem = options.only_word(arguments, "file", "watchbot health FILE")
  if not path then return nil, "health: " .. problem, "Usage" end
  local status, err, code =
    check(path, "alive", arguments.ready and ALIVE or arguments.within or ALIVE)
  if status ~= 0 or not arguments.ready then return status, err, code end
  return check(path, "ready", arguments.within or READY)
end

return command
