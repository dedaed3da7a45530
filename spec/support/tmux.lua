--- tmux: a terminal for specs of interactive commands: sends keys, and reads the screen. Uses its
-- own server without any user's configuration. Everything waits, so it must be in a task.

local shell = require "support.shell"
local scheduler = require "watchbot.scheduler"

local tmux = {}

local methods = {}
methods.__index = methods

-- Far more time than anything here needs.
local PATIENCE = 120

local servers = 0

local function run(self, ...)
  local words = { "tmux", "-L", self.socket, "-f", "/dev/null" }
  for _, word in ipairs { ... } do words[#words + 1] = shell.quote(word) end
  return shell.run(table.concat(words, " ") .. " 2>&1")
end

--- Runs a command of the shell in a terminal of 120 columns. `local screen <close>` ends it.
---@param folder table of the workshop
---@param command string
---@param variables table<string, string|false>? over the environment; false takes a name out
function tmux.start(folder, command, variables)
  servers = servers + 1
  local self = setmetatable({ socket = ("watchbot-spec-%s-%d"):format(folder.path:match "[^/]+$",
    servers) }, methods)
  local words = { "env" }
  for name, value in pairs(variables or {}) do
    if value then
      words[#words + 1] = shell.quote(("%s=%s"):format(name, value))
    else
      table.insert(words, 2, "-u " .. name)
    end
  end
  -- Ctrl-C reaches all of the foreground, these shells too: with a trap, which commands do not
  -- inherit, they go on.
  words[#words + 1] =
    ("sh -c %s; echo \"[ended $?]\"; sleep 600"):format(shell.quote("trap : INT; " .. command))
  local out, code = run(self, "new-session", "-d", "-x", "120", "-y", "200", "-c", folder.path,
    "trap : INT; " .. table.concat(words, " "))
  assert(code == 0, out)
  return self
end

--- What is on the screen.
---@return string
function methods:text()
  return (run(self, "capture-pane", "-p", "-J"))
end

--- The same, with the sequences that colour it.
---@return string
function methods:coloured()
  return (run(self, "capture-pane", "-p", "-e"))
end

--- Types keys, by their names ("C-c", "Enter") or as text.
function methods:type(...)
  local out, code = run(self, "send-keys", ...)
  assert(code == 0, out)
end

--- Waits until `pattern` is on the screen `times` times, and returns the screen.
---@param pattern string
---@param times integer? 1
function methods:shows(pattern, times)
  local until_time, text = scheduler.now() + PATIENCE, ""
  while scheduler.now() < until_time do
    text = self:text()
    if select(2, text:gsub(pattern, "")) >= (times or 1) then return text end
    scheduler.sleep(0.03)
  end
  error(("'%s' is not on the screen:\n%s"):format(pattern, text), 2)
end

--- Waits for the end of the command: its exit status.
---@return integer
---@return string screen
function methods:ends()
  local text = self:shows "%[ended %d+%]"
  return math.tointeger(tonumber(text:match "%[ended (%d+)%]")), text
end

function methods:close()
  run(self, "kill-server")
end

methods.__close = methods.close

return tmux
