--- moto: a local AWS for specs (https://docs.getmoto.org), from the machine or from
-- spec/support/obtain. Everything here except `start` waits, so it must be in a task.

local http = require "watchbot.http"
local server = require "support.server"
local skip = require "support.skip"

local methods = {}
methods.__index = methods

local moto = { methods = methods }

--- A Python that can import moto; without it, the calling test is pending.
---@return string
function moto.python() return (skip.without "moto") end

--- Starts a server with nothing in it.
---@return table moto with `url` and `port`
function moto.start()
  local child = server.start("python3", "spec/support/run_server.py", moto.python(), "-W", "ignore",
    "-m", "moto.server",
    "-H", "127.0.0.1", "-p", "0")
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

--- Whether signatures are checked from now on. Make the user, its policy and its key while they are
--- not.
---@param checked boolean
function methods:check_signatures(checked) post(self, "/reset-auth", checked and "0" or "inf") end

function methods:close() self.child:close() end

return moto
