--- metadata: starts spec/support/metadata.py for a spec. To be used in tasks.

local cjson = require "cjson"
local http = require "watchbot.http"
local process = require "watchbot.process"
local scheduler = require "watchbot.scheduler"

local metadata = {}

local Server = {}
Server.__index = Server

local function port_of(child)
  for _ = 1, 12000 do
    local port = child:output():match "^(%d+)\n"
    if port then return port end
    scheduler.sleep(0.01)
  end
  local _, problem = child:output()
  error("the metadata server has not started: " .. problem)
end

function metadata.start()
  local child = assert(process.start {
    argv = { "python3", "spec/support/metadata.py" }, output = "capture",
  })
  return setmetatable({ child = child, url = "http://127.0.0.1:" .. port_of(child) }, Server)
end

--- Resets the server, then applies the given settings: see metadata.py.
function Server:set(state)
  local body = next(state) and cjson.encode(state) or "{}"
  assert(assert(http.request { method = "PUT", url = self.url .. "/state", body = body }).status
    == 200)
end

--- The requests since `set`, as { method, path, headers }.
function Server:calls()
  return cjson.decode(assert(http.request { url = self.url .. "/calls" }).body)
end

--- They as text, "GET /path, GET /other".
function Server:asked()
  local list = {}
  for index, call in ipairs(self:calls()) do list[index] = call.method .. " " .. call.path end
  return table.concat(list, ", ")
end

function Server:close()
  self.child:close()
end

return metadata
