--- imds: the metadata service of an EC2 instance, version 2 only. Sits on fetch; provides
-- credentials and the region.
-- Version 1, which needs no token, is never tried: a server-side request forgery could read from
-- it.
-- https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html

local fetch = require "watchbot.aws.fetch"
local scheduler = require "watchbot.scheduler"

local ADDRESSES = { ipv4 = "http://169.254.169.254", ipv6 = "http://[fd00:ec2::254]" }

-- Seconds that a token is valid, and how long before that it is replaced.
local TOKEN_LIFE, TOKEN_MARGIN = 21600, 300

local TIMEOUT, TRIES = 1, 2

---@class watchbot.aws.Imds
local Imds = {}
Imds.__index = Imds

local imds = {}

---@param config watchbot.aws.Config
---@return watchbot.aws.Imds
function imds.new(config)
  return setmetatable({ config = config }, Imds)
end

function Imds:address()
  local url = self.config:setting "ec2_metadata_service_endpoint"
  if url then return url:match "^.*[^/]" end
  local mode = self.config:setting "ec2_metadata_service_endpoint_mode" or "IPv4"
  return ADDRESSES[mode:lower()]
end

function Imds:request(query)
  query.url, query.timeout = self:address()
    .. query.path, self.config:number "metadata_service_timeout" or TIMEOUT
  local tries = self.config:number "metadata_service_num_attempts" or TRIES
  return fetch(self.config:requester(), query, tries)
end

-- The answer with the token has the hop limit of the instance, 1 by default: it does not get into
-- a container, and the request times out.
local HOPS = "; in a container on EC2, the instance's hop limit must be at least 2: aws ec2 "
  .. "modify-instance-metadata-options --instance-id ID --http-put-response-hop-limit 2"

function Imds:new_token()
  local response, err, code = self:request { method = "PUT", path = "/latest/api/token",
    headers = { ["X-aws-ec2-metadata-token-ttl-seconds"] = tostring(TOKEN_LIFE) } }
  if not response then return nil, code == "Timeout" and err .. HOPS or err, code end
  local token = response.status == 200 and response.body:match "^%g+$"
  if not token then
    return nil, ("%s gave no token: HTTP status %d"):format(self:address(), response.status),
      "BadReply"
  end
  self.token, self.token_until = token, scheduler.boottime() + TOKEN_LIFE - TOKEN_MARGIN
  return token
end

function Imds:get_with_token(path)
  local token, err, code = self.token, nil, nil
  if not token or scheduler.boottime() >= self.token_until then
    token, err, code = self:new_token()
  end
  if not token then return nil, err, code end
  return self:request { path = path, headers = { ["X-aws-ec2-metadata-token"] = token } }
end

--- The text at a path, such as "/latest/meta-data/placement/region". Must be called in a task.
---@param path string
---@return string? body
---@return string? err
---@return string? code "Disabled", "NotFound", "BadReply", or that of the failed request
function Imds:get(path)
  if self.config:switch "ec2_metadata_disabled" then
    return nil, "AWS_EC2_METADATA_DISABLED is true", "Disabled"
  end
  local response, err, code = self:get_with_token(path)
  if response and response.status == 401 then
    self.token = nil
    response, err, code = self:get_with_token(path)
  end
  if not response then return nil, err, code end
  if response.status == 200 then return response.body end
  return nil, ("%s answered with HTTP status %d for %s"):format(self:address(), response.status,
    path),
    response.status == 404 and "NotFound" or "BadReply"
end

return imds
