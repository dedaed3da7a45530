--- provider.container: the endpoint that ECS, EKS Pod Identity and others provide to a container.
-- The environment sets a URL to which a token is sent, so the host must be trusted: https, or an
-- address that does not leave the machine.
-- https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html

local fetch = require "watchbot.aws.fetch"
local keys = require "watchbot.aws.keys"
local read_file = require "watchbot.aws.read_file"

local container = { name = "container" }

local ECS = "http://169.254.170.2"
local RELATIVE, FULL = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
  "AWS_CONTAINER_CREDENTIALS_FULL_URI"
local TOKEN, TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"

local HOSTS = { ["localhost"] = true, ["[::1]"] = true, ["169.254.170.2"] = true,
  ["169.254.170.23"] = true,
  ["[fd00:ec2::23]"] = true }

local TIMEOUT, TRIES = 2, 3

local function fail(format, ...)
  return nil, "container: " .. format:format(...), "BadCredentials"
end

local function is_near(host)
  return HOSTS[host:lower()] or host:find "^127%.%d+%.%d+%.%d+$" ~= nil
end

-- Only a scheme, a host and a port may precede the path: "http://localhost@other/" is a request to
-- "other".
local function check_full(url)
  local scheme, authority = url:match "^(https?)://([^/?#]*)"
  local host = authority and authority:gsub(":%d+$", "")
  if not host or not (host:find "^[%w.-]+$" or host:find "^%[[%x:.]+%]$") then
    return fail("%s names no host: write it as 'http://localhost:8080/path'", FULL)
  end
  if scheme == "https" or is_near(host) then return url end
  return fail("%s: the host '%s' is neither this machine nor reached by https", FULL, host)
end

--- The URL of the request.
---@param config watchbot.aws.Config
---@return string? url
---@return string? why
---@return string? code "BadCredentials"
function container.url(config)
  local relative, full = config:getenv(RELATIVE), config:getenv(FULL)
  if not relative and not full then
    return nil, ("neither %s nor %s is set"):format(RELATIVE, FULL)
  end
  if (relative or full):find "[%c ]" then
    return fail("%s has a space or a line break in it", relative and RELATIVE or FULL)
  end
  if not relative then return check_full(full) end
  if relative:sub(1, 1) ~= "/" then return fail("%s must begin with '/'", RELATIVE) end
  return ECS .. relative
end

-- The file is read each time, because the agent replaces the token in it.
local function authorization(config)
  local path = config:getenv(TOKEN_FILE)
  if not path then return config:getenv(TOKEN), TOKEN end
  local text, why = read_file(path)
  if text then return text, TOKEN_FILE end
  return fail("could not read %s of %s: %s", path, TOKEN_FILE, why)
end

local function headers(config)
  local token, where, code = authorization(config)
  if code then return nil, where, code end
  if token and token:find "[\r\n]" then
    return fail("the token of %s has a line break in it", where)
  end
  return { Accept = "application/json", Authorization = token }
end

--- Requests credentials from the endpoint. Must be called in a task.
---@param context watchbot.aws.Context
---@return watchbot.aws.Keys?
---@return string? why
---@return string? code
function container.load(context)
  local url, why, code = container.url(context.config)
  if not url then return nil, why, code end
  local fields, problem
  fields, problem, code = headers(context.config)
  if not fields then return nil, problem, code end
  local response
  response, problem, code =
    fetch(context.config:requester(), { url = url, headers = fields, timeout = TIMEOUT }, TRIES)
  if not response then return nil, ("container: %s"):format(problem), code end
  if response.status ~= 200 then
    local _, words, bad = fail("the endpoint answered with HTTP status %d", response.status)
    return nil, words, response.status >= 500 and "Http" .. response.status or bad
  end
  return keys.from_json(response.body, container.name)
end

return container
