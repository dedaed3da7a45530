--- workshop: helpers for specs of the whole program: a folder, the program, and timeouts.

local core = require "watchbot.core"
local process = require "watchbot.process"
local scheduler = require "watchbot.scheduler"
local server = require "watchbot.server"

local workshop = {}

local build = os.getenv "WATCHBOT_BUILD" or "build"
local here = io.popen "pwd":read "l"

workshop.build = build:match "^/" and build or here .. "/" .. build
workshop.program = workshop.build .. "/watchbot"

--- Whether tests can run programs as another user: not without root, and not if that user cannot
--- even read the root folder (a chroot of mode 0700).
function workshop.has_other_user()
  return os.execute "setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null" == true
end

-- Far more time than anything here needs, also with valgrind on a busy machine.
workshop.PATIENCE = 120

local function shell(command)
  assert(os.execute(command), command)
end

---@class watchbot.spec.Folder
local Folder = {}
Folder.__index = Folder

--- A temporary folder; `folder:remove()` when done, or `local folder <close> = workshop.folder()`.
function workshop.folder()
  local pipe <close> = io.popen "mktemp -d"
  return setmetatable({ path = pipe:read "l" }, Folder)
end

function Folder:file(name)
  return self.path .. "/" .. name
end

function Folder:url(name)
  return "sqlite:" .. self:file(name or "jobs.db")
end

--- Writes a file, executable when its text begins with #!, and returns its path.
function Folder:write(name, text)
  local path = self:file(name)
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  if text:match "^#!" then shell("chmod +x '" .. path .. "'") end
  return path
end

--- The content of a file; "" if it does not exist.
function Folder:read(name)
  local file = io.open(self:file(name), "r")
  if not file then return "" end
  local text = file:read "a"
  file:close()
  return text
end

--- The lines of a file.
function Folder:lines(name)
  local lines = {}
  for line in self:read(name):gmatch "[^\n]+" do lines[#lines + 1] = line end
  return lines
end

function Folder:remove()
  shell("rm -rf '" .. self.path .. "'")
end

Folder.__close = Folder.remove

-- Keeps a program of a folder, for its log.
local function keep(folder, child)
  folder.children = folder.children or {}
  table.insert(folder.children, child)
  return child
end

--- Whether a watcher of this folder could not send its heartbeats in time, by its own log: this
-- process, or the whole machine, stood still.
function Folder:was_held_up()
  for _, child in ipairs(self.children or {}) do
    local is_open, out, errors = pcall(child.output, child)
    if is_open and (out .. errors):find("heartbeats are late", 1, true) then return true end
  end
  return false
end

-- The host's environment with `more` over it; false takes a name out.
local function environment(more)
  local variables = process.environment()
  for name, value in pairs(more or {}) do variables[name] = value or nil end
  return variables
end

--- Starts the program in a folder; its output is captured.
---@return table process
function workshop.start(folder, arguments, more)
  local argv = { workshop.program, table.unpack(arguments) }
  return keep(folder, assert(process.start {
    argv = argv, cwd = folder.path, output = "capture", limit = 64 << 20, env = environment(more),
    stdin = more and more.stdin,
  }))
end

--- Runs the program to its end.
---@return table exit
---@return string stdout
---@return string stderr
function workshop.run(folder, arguments, more)
  local stdin = more and more.stdin
  if stdin then more.stdin = nil end
  local child = keep(folder, assert(process.start {
    argv = { workshop.program, table.unpack(arguments) }, cwd = folder.path, output = "capture",
    limit = 64 << 20,
    env = environment(more), stdin = stdin,
  }))
  local exit = assert(child:wait(workshop.PATIENCE), "the program did not end")
  return exit, child:output()
end

--- Waits until `condition` returns something true, and returns that.
function workshop.eventually(condition, what)
  local until_time = scheduler.now() + workshop.PATIENCE
  while scheduler.now() < until_time do
    local result = condition()
    if result then return result end
    scheduler.sleep(0.01)
  end
  error("it never came to this: " .. (what or "the condition"), 2)
end

--- Sleeps while other programs do what takes them `seconds`: a time in which the whole machine
-- stands still counts as one step, as it does for them.
function workshop.live(seconds)
  for _ = 1, math.ceil(seconds / 0.05) do scheduler.sleep(0.05) end
end

-- Ports that the kernel gives to nobody by itself (net.ipv4.ip_local_port_range).
local LOWEST_PORT, HIGHEST_PORT = 10000, 32000

--- A port that is free now, for a program that cannot choose one. It is none that the connections
-- and servers of other specs get meanwhile.
function workshop.free_port()
  local source <close> = assert(io.open("/dev/urandom", "rb"))
  while true do
    local port = LOWEST_PORT + string.unpack("<I4", source:read(4)) % (HIGHEST_PORT - LOWEST_PORT)
    local listening = server.listen { port = port }
    if listening then
      listening:close()
      return port
    end
  end
end

-- Runs a test body; true after the error if the machine stood still meanwhile.
local function attempt(body)
  local folder <close> = workshop.folder()
  local held_up
  local ok, err = xpcall(body, function(err)
    held_up = folder:was_held_up() -- before `close` takes the logs away
    return type(err) == "string" and debug.traceback(err, 2) or err
  end, folder)
  return ok, err, held_up
end

-- How often a test is made whose watchers were held up each time.
local ATTEMPTS = 4

--- A test body that runs as a task, with a folder to work in. Watchers whose heartbeats are late
-- lose their leases, as they should, so a test that fails because of that proves nothing: it is
-- made again.
function workshop.task(body)
  return function()
    scheduler.run(function()
      local ok, err, held_up
      for number = 1, ATTEMPTS do
        ok, err, held_up = attempt(body)
        if ok then return end
        if not held_up or number == ATTEMPTS then break end
        io.stderr:write "a test is made again: the heartbeats of its watchers were late\n"
      end
      error(err, 0)
    end)
  end
end

--- Sends messages through the program, one a line.
function workshop.send(folder, lines, ...)
  local exit, _, problem = workshop.run(folder, { "send", "--queue", folder:url(), ... },
    { stdin = table.concat(lines, "\n") .. "\n" })
  assert(exit.code == 0, problem)
end

--- Processes whose environment has `NAME=value` and that are not zombies: their ids.
function workshop.processes_with(marker)
  local found = {}
  for status in io.popen "grep -lz '' /proc/[0-9]*/environ 2>/dev/null":lines() do
    local file = io.open(status, "rb")
    local text = file and file:read "a" or ""
    if file then file:close() end
    if ("\0" .. text):find("\0" .. marker .. "\0", 1, true) then
      found[#found + 1] = status:match "%d+"
    end
  end
  return found
end

workshop.scheduler = scheduler
workshop.core = core
workshop.process = process

return workshop
