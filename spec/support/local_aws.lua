--- local_aws: a local AWS for specs: the project's own (spec/support/aws, Python's standard
-- library), or moto as a second opinion with WATCHBOT_TEST_AWS=moto. Everything here except `start`
-- waits, so it must be in a task.

local http = require "watchbot.http"
local json = require "watchbot.lib.json"
local moto = require "support.moto"
local server = require "support.server"

local methods = {}
methods.__index = methods

local local_aws = {
  methods = methods, ROOT = { access_key = "AKIDROOT", secret_key = "secret-of-root" },
}

--- Whether the specs run on moto instead.
---@return boolean
function local_aws.is_moto() return os.getenv "WATCHBOT_TEST_AWS" == "moto" end

--- Starts a server with nothing in it.
---@return table server with `url` and `port`
function local_aws.start()
  if local_aws.is_moto() then return moto.start() end
  return local_aws.own()
end

--- The project's own, whatever the other specs run on.
function local_aws.own()
  local child = server.start("python3", "-B", "spec/support/aws/main.py")
  return setmetatable({ child = child, url = child.url, port = child.port }, methods)
end

local function control(self, method, path, body)
  local response = assert(http.request {
    method = method, url = self.url .. path, body = body, direct = true,
  })
  if response.status ~= 200 then error(response.body, 3) end
  return response.body
end

--- Wipes everything.
function methods:reset() control(self, "POST", "/moto-api/reset") end

--- This server always checks signatures; moto must be switched to it.
function methods.check_signatures() end

--- The file of the authority that signs the certificates of AWS's host names.
---@return string path
function methods:authority() return control(self, "GET", "/-aws/ca") end

--- The requests with spans that X-Ray has taken.
---@return table[]
function methods:spans() return json.decode(control(self, "GET", "/-aws/spans"), true) end

--- The objects of S3, by bucket and key.
---@return table<string, table<string, { size: integer, sha256: string, at: number }>>
function methods:objects() return json.decode(control(self, "GET", "/-aws/objects")) end

--- The schedules of EventBridge Scheduler.
---@return { name: string, at: integer, parameters: table }[]
function methods:schedules() return json.decode(control(self, "GET", "/-aws/schedules"), true) end

--- Sends the messages of the schedules that are due within some seconds.
---@param seconds number
---@return integer count
function methods:send_due(seconds)
  return json.decode(control(self, "POST", "/-aws/schedules/due",
    json.encode { seconds = seconds })).sent
end

--- The requests at AWS's host names, in their order.
---@return { host: string, operation: string, status: integer, at: number }[]
function methods:requests() return json.decode(control(self, "GET", "/-aws/log")) end

--- Sets the failures to cause (spec/support/aws/knobs.py).
---@param settings table<string, any>
function methods:knobs(settings) control(self, "POST", "/knobs", json.encode(settings)) end

--- The calls of ECS since the start, or the last `forget_calls`, in their order.
---@param operation string? only these
---@return { operation: string, parameters: table?, at: number, status: integer?, answer: table? }[]
function methods:calls(operation)
  return json.decode(control(self, "GET",
    "/calls" .. (operation and "?operation=" .. operation or "")), true)
end

function methods:forget_calls() control(self, "DELETE", "/calls") end

function methods:close() self.child:close() end

return local_aws
