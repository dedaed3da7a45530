-- completers: several processes that complete the parts of one job at the same time; each completes
-- all of them. Some are killed and restarted. Everything here waits, so it must be in a task.

local process = require "watchbot.process"
local scheduler = require "watchbot.scheduler"
local shell = require "support.shell"
local workshop = require "support.workshop"

local completers = {}

local function start(place, job, total, seed, environment)
  local variables = process.environment()
  for name, value in pairs(environment or {}) do variables[name] = value or nil end
  return assert(process.start {
    argv = {
      shell.interpreter, "spec/support/completer.lua", place, job, tostring(total), tostring(seed),
    },
    env = variables, output = "capture", limit = 64 << 20,
  })
end

--- Runs them to their end.
---@param count integer how many
---@param killed integer how many of them are killed and restarted
---@param place string
---@param job string
---@param total integer
---@param environment table?
---@return integer[] told the parts that were reported as the last, each once
function completers.run(count, killed, place, job, total, environment)
  local children = {}
  for seed = 1, count do children[seed] = start(place, job, total, seed, environment) end
  for seed = 1, killed do
    scheduler.sleep(0.1 * seed)
    children[seed]:stop(0)
    children[seed]:wait(workshop.PATIENCE)
    children[count + seed] = start(place, job, total, seed, environment)
  end
  local told, known = {}, {}
  for index, child in ipairs(children) do
    local exit = assert(child:wait(workshop.PATIENCE), "a completer did not end")
    local out, problem = child:output()
    if index > killed then assert(exit.code == 0, problem) end
    for part in out:gmatch "%d+" do
      if not known[part] then told[#told + 1] = math.tointeger(part) end
      known[part] = true
    end
  end
  return told
end

return completers
