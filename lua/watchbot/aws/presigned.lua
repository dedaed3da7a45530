--- presigned: a URL of S3 with its signature in the query. The body is not signed, and only Host is
-- among the signed headers, so that any client can use it.
-- https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html

local call = require "watchbot.aws.call"
local objects = require "watchbot.aws.objects"
local scheduler = require "watchbot.scheduler"

-- Seconds that S3 accepts.
local LONGEST = 7 * 86400

-- Temporary credentials end the URL, too; it should not say otherwise.
local function lifetime(keys, now, seconds)
  local left = keys.expires and keys.expires - now or math.huge
  return math.max(1, math.min(math.ceil(seconds), LONGEST, math.floor(left)))
end

---@param client watchbot.aws.Client of S3, which has been resolved
---@param parameters { Bucket: string, Key: string }
---@param keys watchbot.aws.Keys
---@param seconds number
---@return string? url
---@return string? err
---@return string? code "InvalidParameter"
return function(client, parameters, keys, seconds)
  local body, problem, code, route = objects.write("GetObject", parameters)
  if not body then return nil, problem, code end
  local at = call.place(client, route)
  local now = scheduler.time() / 1000 + client.clock_offset
  local scope = call.scope(client.service, at, now)
  scope.content_sha256, scope.unsigned_payload = nil, true
  scope.expires = lifetime(keys, now, seconds)
  local query = client.signer:query({
    method = "GET", path = at.path, query = "", headers = { Host = at.host },
  }, keys, scope)
  return at.url .. "?" .. query
end
