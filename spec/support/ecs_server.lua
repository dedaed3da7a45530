--- ecs_server: the local AWS (spec/support/aws) as specs of ECS use it: its tasks really run, what
-- goes wrong is set by knobs (aws/knobs.py), and the calls of ECS are listed. Everything here but
-- `start` waits, so it belongs into a task.

local aws = require "watchbot.aws"
local cjson = require "cjson"
local http = require "watchbot.http"
local local_aws = require "support.local_aws"

local ecs_server = { REGION = "us-east-1" }

local methods = setmetatable({}, { __index = local_aws.methods })
methods.__index = methods

--- Starts a server with nothing in it.
---@return table server with `url` and `port`
function ecs_server.start() return setmetatable(local_aws.own(), methods) end

local function control(self, method, path, body)
  local response = assert(http.request {
    method = method, url = self.url .. path, body = body, direct = true,
  })
  if response.status ~= 200 then error(response.body, 3) end
  return cjson.decode(response.body)
end

---@param settings table<string, any>
function methods:knobs(settings) control(self, "POST", "/knobs", cjson.encode(settings)) end

-- What is null is nil for those who read it.
local function without_null(value)
  if type(value) ~= "table" then return value end
  for key, each in pairs(value) do
    value[key] = each ~= cjson.null and without_null(each) or nil
    if each == false then value[key] = false end
  end
  return value
end

--- The calls since the start, or the last `forget_calls`, in their order.
---@param operation string? only these
---@return { operation: string, parameters: table?, at: number, status: integer?, answer: table? }[]
function methods:calls(operation)
  return without_null(control(self, "GET",
    "/calls" .. (operation and "?operation=" .. operation or "")))
end

function methods:forget_calls() control(self, "DELETE", "/calls") end

--- A client of one of its services.
---@param service string
---@param options table? more options
---@return watchbot.aws.Client
function methods:client(service, options)
  local all = {
    region = ecs_server.REGION, endpoint = self.url, credentials = {
      access_key = "AKID", secret_key = "any",
    },
    getenv = function() end, max_attempts = 1,
  }
  for name, value in pairs(options or {}) do all[name] = value end
  return assert(aws(service, all))
end

--- The environment in which programs use it.
---@return table<string, string>
function methods:environment()
  return {
    AWS_ENDPOINT_URL = self.url, AWS_REGION = ecs_server.REGION, AWS_ACCESS_KEY_ID = "AKID",
    AWS_SECRET_ACCESS_KEY = "any",
    AWS_EC2_METADATA_DISABLED = "true",
  }
end

return ecs_server
