--- moto: a local AWS for specs (https://docs.getmoto.org), which is installed under build/ where it is missing. Everything
-- here but `start` waits, so it belongs into a task.

local http = require "watchbot.http"
local server = require "support.server"

local methods = {}
methods.__index = methods

local moto = { methods = methods }

local FOLDER = "build/moto"

local function succeeds(command) return (os.execute(command)) == true end

-- Debian's pip installs nothing outside of a virtual environment.
local function install()
  assert(succeeds "spec/support/install-moto",
    "moto could not be installed; `pip install 'moto[server]'` must work in a virtual environment")
end

local function program()
  local installed = FOLDER .. "/bin/moto_server"
  if succeeds("command -v moto_server >/dev/null") then return "moto_server" end
  if not succeeds("test -x " .. installed) then install() end
  return installed
end

--- A Python that can import moto.
---@return string
function moto.python()
  if succeeds [[python3 -c 'import importlib.util as u; exit(not u.find_spec("moto"))']] then return "python3" end
  if not succeeds("test -x " .. FOLDER .. "/bin/moto_server") then install() end
  return FOLDER .. "/bin/python3"
end

--- Starts a server with nothing in it.
---@return table moto with `url` and `port`
function moto.start()
  local child = server.start("python3", "spec/support/run_server.py", program(), "-H", "127.0.0.1", "-p", "0")
  return setmetatable({ child = child, url = child.url, port = child.port }, methods)
end

local function post(self, path, body)
  local response = assert(http.request {
    method = "POST", url = self.url .. "/moto-api" .. path, direct = true,
    headers = { ["Content-Type"] = "text/plain" }, body = body,
  })
  assert(response.status == 200, response.body)
end

--- Wipes everything.
function methods:reset() post(self, "/reset") end

--- Whether signatures are checked from now on. Make the user, its policy and its key while they are not.
---@param checked boolean
function methods:check_signatures(checked) post(self, "/reset-auth", checked and "0" or "inf") end

function methods:close() self.child:close() end

return moto
