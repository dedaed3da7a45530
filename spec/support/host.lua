--- host: runs a Lua program in a separate process, for things that a spec cannot do to its own
-- process: be killed, be closed, have a stdout to log to.
-- It runs in the interpreter of the spec, with the same modules.

local process = require "watchbot.process"
local scheduler = require "watchbot.scheduler"

local host = {}

-- Far more time than anything here needs, also with the sanitizers on a busy machine.
host.PATIENCE = 120

local function own_program()
  local pipe <close> = io.popen "readlink /proc/$PPID/exe"
  return pipe:read "l"
end

local function environment(more)
  local variables = process.environment()
  variables.LUA_PATH, variables.LUA_CPATH, variables.LUA_INIT = package.path, package.cpath, nil
  variables.LUA_PATH_5_4, variables.LUA_CPATH_5_4 = nil, nil
  for name, value in pairs(more or {}) do variables[name] = value end
  return variables
end

local PREAMBLE = [[
local process, scheduler = require "watchbot.process", require "watchbot.scheduler"
local log = require "watchbot.log"
]]

---@class watchbot.spec.HostOptions
---@field prefix? string words of a shell before the program: "prlimit --nofile=20"
---@field suffix? string behind it: "| wc -l"
---@field env? table<string, string>
---@field readable? boolean for users other than this one

--- Starts a program; its text sees process, scheduler and log.
---@param text string
---@param options watchbot.spec.HostOptions?
---@return table child its output is captured
---@return table file holds the text; keep it until the child has ended
function host.start(text, options)
  options = options or {}
  local file = assert(process.file(PREAMBLE .. text))
  if options.readable then
    os.execute(("chmod a+rx '%s' '%s'"):format(file:path():match "(.*)/", file:path()))
  end
  local plain = not options.prefix and not options.suffix
  local words = ("%s '%s' '%s' %s"):format(options.prefix or "", own_program(), file:path(),
    options.suffix or "")
  local child = assert(process.start {
    argv = plain and { own_program(), file:path() } or nil, command = not plain and words or nil,
    env = environment(options.env), output = "capture", limit = 256 << 20,
  })
  return child, file
end

--- Runs a program to its end, which must be a success, and returns its output.
---@return string stdout
---@return string stderr
function host.run(text, options)
  local child, file = host.start(text, options)
  local exit = assert(child:wait(host.PATIENCE), "the program did not end")
  local stdout, stderr = child:output()
  child:close()
  file:close()
  if exit.code ~= 0 then
    error(("the program ended with %s: %s"):format(exit.code or exit.signal, stderr), 2)
  end
  return stdout, stderr
end

--- Waits until `condition` returns something true, and returns that.
function host.eventually(condition, what)
  local deadline = scheduler.now() + host.PATIENCE
  while scheduler.now() < deadline do
    local result = condition()
    if result then return result end
    scheduler.sleep(0.01)
  end
  error("it never came to this: " .. what, 2)
end

--- Whether a process exists and is not a zombie.
function host.is_alive(pid)
  local file <close> = io.open(("/proc/%d/stat"):format(pid))
  local text = file and file:read "a"
  return text ~= nil and text ~= "" and text:match "%) (%a)" ~= "Z"
end

--- Field `number` of /proc/PID/stat, from 3 on.
function host.stat(pid, number)
  local file <close> = assert(io.open(("/proc/%d/stat"):format(pid)))
  local index = 2
  for field in file:read "a":match "%) (.*)":gmatch "%S+" do
    index = index + 1
    if index == number then return field end
  end
end

--- The guardian of a process: its pid, or nil.
function host.guardian(pid)
  local pipe <close> = io.popen(("grep -ls '^PPid:.%d$' /proc/[0-9]*/status"):format(pid))
  for path in pipe:lines() do
    local child = tonumber(path:match "%d+")
    local file <close> = io.open(("/proc/%d/comm"):format(child))
    if file and file:read "l" == "watchbot-guard" and host.is_alive(child) then return child end
  end
end

return host
