--- ecs_server: the local AWS (spec/support/aws) for specs of ECS: its tasks really run, knobs
-- (aws/knobs.py) cause failures, and the calls of ECS are listed. Everything here except `start`
-- waits, so it must be in a task.

local aws = require "watchbot.aws"
local local_aws = require "support.local_aws"

local ecs_server = { REGION = "us-east-1" }

local methods = setmetatable({}, { __index = local_aws.methods })
methods.__index = methods

--- Starts a server with nothing in it.
---@return table server with `url` and `port`
function ecs_server.start() return setmetatable(local_aws.own(), methods) end

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
