--- objects: the calls of S3 about one object, which use HTTP's methods. S3 signs the path as it is
-- sent: encoded once, and never normalized ("a//b" and "a/b" are different keys).
-- https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html

local buckets = require "watchbot.lib.buckets"
local endpoint = require "watchbot.aws.endpoint"
local percent = require "watchbot.lib.percent"
local place = require "watchbot.aws.place"

local objects = {}

local METHODS = { PutObject = "PUT", GetObject = "GET", DeleteObject = "DELETE" }

-- Parameters with their headers.
local HEADERS = {
  ContentType = "Content-Type", ExpectedBucketOwner = "x-amz-expected-bucket-owner",
}

-- Headers of a response with the fields of its result.
local FIELDS = {
  ["content-type"] = "ContentType", etag = "ETag", ["last-modified"] = "LastModified",
  ["x-amz-version-id"] = "VersionId",
}

---@class watchbot.aws.Route the object that a request is about
---@field method string
---@field bucket string? nil: of a service with paths, see aws/paths.lua
---@field path string of the object, encoded: "/folder/name"

local function encoded(key)
  return "/" .. percent.encode(key, "[^%w%-._~/]")
end

local function check(operation, parameters)
  if not METHODS[operation] then return "S3 has more operations, but not here" end
  if not buckets.is_bucket(parameters.Bucket) then
    return ("'%s' cannot be the name of a bucket"):format(tostring(parameters.Bucket))
  elseif not buckets.is_key(parameters.Key) then
    return "a key is UTF-8 text of 1 to 1,024 bytes"
  end
end

--- A request as its body, its headers and its route.
---@param operation string
---@param parameters { Bucket: string, Key: string, Body: string? }
---@return string? body
---@return table|string headers, or a message
---@return string? code "InvalidParameter"
---@return watchbot.aws.Route? route
function objects.write(operation, parameters)
  local problem = check(operation, parameters)
  if problem then return nil, problem, "InvalidParameter" end
  local headers = {}
  for name, header in pairs(HEADERS) do headers[header] = parameters[name] end
  return parameters.Body or "", headers, nil, {
    method = METHODS[operation], bucket = parameters.Bucket, path = encoded(parameters.Key),
  }
end

--- The result in a response.
---@param operation string
---@param response watchbot.Response
---@return table
function objects.read(operation, response)
  local result = {}
  for header, field in pairs(FIELDS) do result[field] = response.headers[header] end
  if operation == "GetObject" then result.Body = response.body end
  return result
end

--- Where a request goes: AWS's certificates cover a bucket's name in the host if there is no dot in
--- it; an endpoint that was set, and any other bucket, gets the name in the path.
---@param at watchbot.aws.Place of the service
---@param route watchbot.aws.Route
---@param region string? of the bucket, where it is known to be another one
---@return watchbot.aws.Place
function objects.place(at, route, region)
  local origin = at.url:sub(1, #at.url - #at.path)
  local is_aws = endpoint.is_aws(at.name)
  if region and is_aws then
    origin = origin:gsub("%." .. at.region:gsub("%-", "%%-") .. "%.", "." .. region .. ".", 1)
  end
  local split = place.split(origin)
  local base, path = at.path ~= "/" and at.path or "", route.path
  if is_aws and not route.bucket:find(".", 1, true) then
    split.host, split.name = route.bucket .. "." .. split.host, route.bucket .. "." .. split.name
  else
    path = "/" .. route.bucket .. path
  end
  return {
    url = (split.clear and "http://" or "https://") .. split.host .. base .. path,
    host = split.host, name = split.name, path = base .. path, clear = split.clear,
    region = region or at.region, service = at.service,
  }
end

return objects
