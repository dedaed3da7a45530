--- protocol: converts an operation and its parameters to a request, and a response to a result. AWS
-- JSON 1.0 and 1.1, REST JSON, Query, and the requests of S3 about an object.

local json = require "watchbot.lib.json"
local objects = require "watchbot.aws.objects"
local paths = require "watchbot.aws.paths"
local query = require "watchbot.aws.query"
local services = require "watchbot.aws.services"
local xml = require "watchbot.aws.xml"

local protocol = {}

local FORM = "application/x-www-form-urlencoded; charset=utf-8"

local write, read = {
  rest = function(_, ...) return objects.write(...) end, rest_json = paths.write,
}, {}

function write.json(service, operation, parameters)
  local headers = {
    ["Content-Type"] = service.content_type, ["X-Amz-Target"] = service.target .. "." .. operation,
  }
  if next(parameters) == nil then return "{}", headers end
  local body, err, code = json.encode(parameters)
  if not body then return nil, err, code end
  return body, headers
end

function write.query(service, operation, parameters)
  return query.encode(operation, service.version, parameters, service.maps), {
    ["Content-Type"] = FORM,
  }
end

function read.json(_, body)
  local result, err = json.decode(body, true)
  if type(result) == "table" and not json.is_list(result) then return result end
  return nil, err or "not a JSON object"
end

function read.query(operation, body)
  local root, value = xml.decode(body)
  if not root then return nil, value end
  if root ~= operation .. "Response" then
    return nil, ("XML of another kind, %sResponse was expected"):format(operation)
  end
  local result = type(value) == "table" and value[operation .. "Result"]
  return type(result) == "table" and result or {}
end

read.rest_json = read.json

--- The body and the headers of an operation's request, and its route where that is not the
--- service's own. Raises an error for parameters that cannot be written.
---@param service watchbot.aws.Service
---@param operation string
---@param parameters table
---@return string? body
---@return table|string headers, or a message
---@return string? code "InvalidText", "InvalidParameter"
---@return watchbot.aws.Route? route
function protocol.write(service, operation, parameters)
  return write[service.protocol](service, operation, parameters)
end

--- The result in a successful response.
---@param service watchbot.aws.Service
---@param operation string
---@param response watchbot.Response
---@return table? result
---@return string? problem
function protocol.read(service, operation, response)
  if service.protocol == "rest" then return objects.read(operation, response) end
  local body = response.body
  if body:find "^%s*$" then
    if services.is_answering(operation) then return nil, "an empty response" end
    return {}
  end
  return read[service.protocol](operation, body)
end

return protocol
