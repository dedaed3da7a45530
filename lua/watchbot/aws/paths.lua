--- paths: requests of services whose operations have paths and methods of HTTP, with JSON as the
-- body (REST JSON). Of these, only the operations that services.lua lists.
-- https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html

local json = require "watchbot.lib.json"
local percent = require "watchbot.lib.percent"

local paths = {}

-- The members in a path are not in the body.
local function split(path, parameters)
  local body = {}
  for name, value in pairs(parameters) do body[name] = value end
  local problem
  local filled = path:gsub("{(%a+)}", function(name)
    local value = parameters[name]
    if type(value) ~= "string" or value == "" then problem = problem or name end
    body[name] = nil
    return problem and "" or percent.encode(value, "[^%w%-._~]")
  end)
  return filled, body, problem
end

--- A request as its body, its headers and its route.
---@param service watchbot.aws.Service
---@param operation string
---@param parameters table
---@return string? body
---@return table|string headers, or a message
---@return string? code "InvalidParameter", "InvalidText"
---@return watchbot.aws.Route? route
function paths.write(service, operation, parameters)
  local known = service.paths[operation]
  if not known then
    return nil, "the service has more operations, but not here", "InvalidParameter"
  end
  local path, members, missing = split(known[2], parameters)
  if missing then
    return nil, ("the parameter '%s' must be text"):format(missing), "InvalidParameter"
  end
  local body, err, code = json.encode(members)
  if not body then return nil, err, code end
  return body, { ["Content-Type"] = "application/json" }, nil, { method = known[1], path = path }
end

--- Where a request goes.
---@param at watchbot.aws.Place of the service
---@param route watchbot.aws.Route without a bucket
---@return watchbot.aws.Place
function paths.place(at, route)
  local base = at.path ~= "/" and at.path or ""
  local origin = at.url:sub(1, #at.url - #at.path)
  local found = {}
  for name, value in pairs(at) do found[name] = value end
  found.url, found.path = origin .. base .. route.path, base .. route.path
  return found
end

return paths
