--- otlp.signed: AWS X-Ray's own endpoint for spans, whose requests are signed for the service
-- `xray`. https://docs.aws.amazon.com/xray/latest/devguide/xray-opentelemetry.html

local aws = require "watchbot.aws"
local endpoint = require "watchbot.aws.endpoint"
local place = require "watchbot.aws.place"
local scheduler = require "watchbot.scheduler"

---@class watchbot.SignedTarget
local Signed = {}
Signed.__index = Signed

local signed = {}

--- The signer of requests for a URL; nil if they are not signed.
---@param url string
---@return watchbot.SignedTarget? target
---@return string? err
---@return string? code
function signed.of(url)
  local found = place.split(url:match "^[^?#]*")
  local region = found and endpoint.region_of(found.name, "xray")
  if not region then return nil end
  if found.clear then
    return nil, ("%s would carry credentials unencrypted: write https://%s"):format(found.origin,
      found.host), "BadEndpoint"
  end
  -- For its keys and its signer: nothing is called by it.
  local client, err, code = aws("sts", { region = region })
  if not client then return nil, err, code end
  return setmetatable({ client = client, region = region, host = found.host, path = found.path },
    Signed)
end

--- The headers of a request, with what proves who is asking. Waits for the keys, in a task.
---@param headers table<string, string> names in lower case
---@param body string
---@return table<string, string>? headers
---@return string? err
---@return string? code
function Signed:headers(headers, body)
  local keys, err, code = self.client.provider:get()
  if not keys then return nil, err, code end
  self.keys = keys
  local all = { host = self.host, ["content-type"] = headers["content-type"] }
  local authorization, stamp = self.client.signer:headers(
    { method = "POST", path = self.path, headers = all, body = body }, keys,
    { region = self.region, service = "xray", time = scheduler.time() // 1000 })
  all = {}
  for name, value in pairs(headers) do all[name] = value end
  all.authorization, all["x-amz-date"] = authorization, stamp
  all["x-amz-security-token"] = keys.token
  return all
end

--- The request was refused: its keys may be too old.
function Signed:refused()
  if self.keys then self.client.provider:expire(self.keys) end
end

return signed
